"""Grids as geometry and codes: which one holds a position, whether a set of them is a proper division. Pure."""
