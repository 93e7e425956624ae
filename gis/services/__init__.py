"""What the users ask for: each service loads from the store, computes with the pure wings, and writes what changed.

Every function takes a session of :meth:`gis.store.session.Store.session` first, so that row security applies to all of it.
"""
