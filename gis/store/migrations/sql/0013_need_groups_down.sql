DROP FUNCTION linli_need_sites();

CREATE FUNCTION linli_need_sites()
RETURNS TABLE (lon double precision, lat double precision, grid_id bigint, service text,
               opened_on date, closed_on date, needs bigint, households bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.lon, h.lat, h.grid_id, n.service, n.opened_on, n.closed_on, count(*), count(DISTINCT h.id)
  FROM needs n JOIN households h ON h.id = n.household_id
  WHERE linli_require_account()
  GROUP BY 1, 2, 3, 4, 5, 6 $$;

REVOKE ALL ON FUNCTION linli_need_sites() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_need_sites() TO linli_service;
