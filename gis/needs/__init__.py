"""Needs in space: cells with counts and rates, and what may be shown of them. Pure: arrays in, arrays out."""
