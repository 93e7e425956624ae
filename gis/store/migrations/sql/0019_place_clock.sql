-- One clock for the whole place: all of China keeps one time, so it is a constant (gis/clock.py has the same) and no column.
CREATE FUNCTION linli_zone() RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT 'Asia/Shanghai' $$;
CREATE OR REPLACE FUNCTION linli_today() RETURNS date LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT (now() AT TIME ZONE linli_zone())::date $$;
REVOKE ALL ON FUNCTION linli_zone() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_zone() TO linli_service;

-- The same bodies with the place's clock in them: the database's own day begins eight hours late.
DO $$
BEGIN
  EXECUTE replace(pg_get_functiondef('linli_count_grids(date, bigint[])'::regprocedure), '''Asia/Shanghai''', 'linli_zone()');
  EXECUTE replace(pg_get_functiondef('linli_new_colour()'::regprocedure), 'current_date', 'linli_today()');
END $$;
ALTER TABLE grids ALTER COLUMN valid_from SET DEFAULT linli_today();
ALTER TABLE account_grids ALTER COLUMN valid_from SET DEFAULT linli_today();
