DROP FUNCTION linli_need_sites();

-- Needs by position, service, day, colour of the household ('': none) and the ages of its present members on that day, for cells, grids and heat.
-- ages: the sum of 1 (somebody of 0-12), 2 (13-59), 4 (60-79) and 8 (80 and over); who was not yet born counts for none.
CREATE FUNCTION linli_need_sites()
RETURNS TABLE (lon double precision, lat double precision, grid_id bigint, service text, opened_on date, colour text, ages integer, needs bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH aged AS (
    SELECT n.id, bit_or((1 << width_bucket(linli_age(r.birth_date, r.birth_year, n.opened_on), ARRAY[0, 13, 60, 80])) >> 1) AS ages
    FROM needs n JOIN residents r ON r.household_id = n.household_id
    WHERE linli_require_account()
    GROUP BY n.id)
  SELECT h.lon, h.lat, h.grid_id, n.service, n.opened_on, coalesce(h.colour, ''), coalesce(aged.ages, 0), count(*)
  FROM needs n JOIN households h ON h.id = n.household_id LEFT JOIN aged ON aged.id = n.id
  WHERE linli_require_account()
  GROUP BY 1, 2, 3, 4, 5, 6, 7 $$;

REVOKE ALL ON FUNCTION linli_need_sites() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_need_sites() TO linli_service;
