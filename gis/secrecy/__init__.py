"""Secrecy without a store: keys, sealed fields, keyed hashes for search, masks. Pure: no session, no clock, no settings."""
