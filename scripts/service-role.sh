#!/bin/sh
# Run by the database's image when it makes a new cluster: gives the service its own way in, as a role that owns nothing.
# The first migration finds the role there and grants it what it may see.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$LINLI_SERVICE_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --no-psqlrc --quiet <<'SQL'
SELECT 'CREATE ROLE linli_service' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'linli_service') \gexec
ALTER ROLE linli_service LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD :'password';
SQL
