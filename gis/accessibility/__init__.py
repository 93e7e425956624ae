"""Who can reach a service on foot: circles, opening hours, coverage, the street network. Pure: no store, no clock, no settings."""
