DROP FUNCTION linli_need_sites(bigint[]);
DROP FUNCTION linli_need_homes(pg_snapshot);

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

CREATE OR REPLACE FUNCTION linli_all_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO grid_counts_due DEFAULT VALUES;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION linli_homes_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  homes bigint[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(h) INTO homes FROM (SELECT DISTINCT household_id AS h FROM new_rows LIMIT 501) n;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(h) INTO homes FROM (SELECT DISTINCT household_id AS h FROM old_rows LIMIT 501) o;
  ELSE
    -- What is not counted may change unmarked: a phone number, a note. The arguments name the columns that are.
    EXECUTE format($q$
      SELECT array_agg(h) FROM (
        SELECT DISTINCT unnest(ARRAY[o.household_id, n.household_id]) AS h FROM old_rows o JOIN new_rows n ON n.id = o.id
        WHERE (%s) IS DISTINCT FROM (%s) LIMIT 501) c $q$,
      (SELECT string_agg('o.' || c, ', ') FROM unnest(TG_ARGV) c), (SELECT string_agg('n.' || c, ', ') FROM unnest(TG_ARGV) c)) INTO homes;
  END IF;
  IF cardinality(homes) > 500 THEN homes := '{NULL}'; END IF;
  INSERT INTO grid_counts_due (household_id) SELECT unnest(homes);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION linli_grids_marked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  grids bigint[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT coalesce(grid_id, 0)) INTO grids FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(DISTINCT coalesce(grid_id, 0)) INTO grids FROM old_rows;
  ELSE
    SELECT array_agg(DISTINCT g) INTO grids FROM (
      SELECT unnest(ARRAY[coalesce(o.grid_id, 0), coalesce(n.grid_id, 0)]) AS g FROM old_rows o JOIN new_rows n ON n.id = o.id
      WHERE (o.grid_id, o.colour, o.created_at) IS DISTINCT FROM (n.grid_id, n.colour, n.created_at)) c;
  END IF;
  IF cardinality(grids) > 500 THEN grids := '{NULL}'; END IF;
  INSERT INTO grid_counts_due (grid_id) SELECT unnest(grids);
  RETURN NULL;
END $$;

DROP FUNCTION linli_mark_needs(bigint[]);
DROP FUNCTION linli_forget_need_marks();
