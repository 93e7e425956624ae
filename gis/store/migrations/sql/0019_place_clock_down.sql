ALTER TABLE account_grids ALTER COLUMN valid_from SET DEFAULT CURRENT_DATE;
ALTER TABLE grids ALTER COLUMN valid_from SET DEFAULT CURRENT_DATE;
DO $$
BEGIN
  EXECUTE replace(pg_get_functiondef('linli_new_colour()'::regprocedure), 'linli_today()', 'current_date');
  EXECUTE replace(pg_get_functiondef('linli_count_grids(date, bigint[])'::regprocedure), 'linli_zone()', '''Asia/Shanghai''');
END $$;
CREATE OR REPLACE FUNCTION linli_today() RETURNS date LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT (now() AT TIME ZONE coalesce((SELECT time_zone FROM place), 'Asia/Shanghai'))::date $$;
DROP FUNCTION linli_zone();
