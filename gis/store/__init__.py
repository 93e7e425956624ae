"""Where everything is kept: the embedded PostgreSQL with PostGIS, sessions, migrations and row security."""
