"""Casework, pure: the flow of events as one table, working time and time limits, visits by colour, who can meet a need."""
