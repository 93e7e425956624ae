-- Which households' needs may read otherwise than before, and by which transaction: a reader reads these again that its former snapshot has not seen
-- (gis/services/need_rows.py). Only added to, so that writers never wait.
ALTER TABLE need_marks ENABLE ROW LEVEL SECURITY;

-- Whoever has not seen the marks that go sees that they have gone: a mark of all takes their place.
CREATE FUNCTION linli_forget_need_marks() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM need_marks WHERE (touched_in, household_id) IN (SELECT m.touched_in, m.household_id FROM need_marks m FOR UPDATE SKIP LOCKED);
  INSERT INTO need_marks (household_id) VALUES (0) ON CONFLICT DO NOTHING $$;

-- Beyond five hundred households at once (or with a null among them) all are marked. Now and then the old marks go.
CREATE FUNCTION linli_mark_needs(homes bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF cardinality(homes) > 500 THEN homes := '{0}'; END IF;
  INSERT INTO need_marks (household_id) SELECT coalesce(h, 0) FROM unnest(homes) h ON CONFLICT DO NOTHING;
  IF pg_current_xact_id()::text::bigint % 1000 = 0 THEN PERFORM linli_forget_need_marks(); END IF;
END $$;

CREATE OR REPLACE FUNCTION linli_all_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO grid_counts_due DEFAULT VALUES;
  IF TG_TABLE_NAME IN ('residents', 'needs', 'households') THEN PERFORM linli_mark_needs('{0}'); END IF;
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
  IF TG_TABLE_NAME <> 'visits' THEN PERFORM linli_mark_needs(homes); END IF;
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
  IF TG_OP = 'UPDATE' THEN
    PERFORM linli_mark_needs(array_agg(c.id)) FROM (
      SELECT o.id FROM old_rows o JOIN new_rows n ON n.id = o.id
      WHERE (o.lon, o.lat, o.grid_id, o.colour) IS DISTINCT FROM (n.lon, n.lat, n.grid_id, n.colour) LIMIT 501) c;
  END IF;
  RETURN NULL;
END $$;

-- The households (0: all) marked by transactions that a former snapshot does not see, also where they began before it and were committed after.
CREATE FUNCTION linli_need_homes(seen pg_snapshot) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT m.household_id FROM need_marks m
  WHERE linli_require_account()
    AND m.touched_in >= pg_snapshot_xmin(seen)::text::bigint
    AND NOT pg_visible_in_snapshot(m.touched_in::text::xid8, seen) $$;

-- Each need (of these households; null: of all) by position, service, day, colour of the household ('': none) and the ages of its present members on
-- that day, for cells, grids and heat. ages: the sum of 1 (somebody of 0-12), 2 (13-59), 4 (60-79) and 8 (80 and over); who was not yet born counts for none.
DROP FUNCTION linli_need_sites();
CREATE FUNCTION linli_need_sites(homes bigint[] DEFAULT NULL)
RETURNS TABLE (household_id bigint, lon double precision, lat double precision, grid_id bigint, service text, opened_on date, colour text, ages integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linli_require_account();
  RETURN QUERY EXECUTE format($q$
    WITH asked AS MATERIALIZED (SELECT n.id, n.household_id, n.service, n.opened_on FROM needs n %s),
    aged AS (
      SELECT n.id, bit_or((1 << width_bucket(linli_age(r.birth_date, r.birth_year, n.opened_on), ARRAY[0, 13, 60, 80])) >> 1) AS ages
      FROM asked n JOIN residents r ON r.household_id = n.household_id GROUP BY n.id)
    SELECT n.household_id, h.lon, h.lat, h.grid_id, n.service, n.opened_on, coalesce(h.colour, ''), coalesce(aged.ages, 0)
    FROM asked n JOIN households h ON h.id = n.household_id LEFT JOIN aged ON aged.id = n.id $q$,
    CASE WHEN homes IS NULL THEN '' ELSE 'WHERE n.household_id = ANY ($1)' END) USING homes;
END $$;

REVOKE ALL ON FUNCTION linli_forget_need_marks(), linli_mark_needs(bigint[]), linli_need_homes(pg_snapshot), linli_need_sites(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_need_homes(pg_snapshot), linli_need_sites(bigint[]) TO linli_service;
