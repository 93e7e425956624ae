"""Casework on the store: events and their desks."""
