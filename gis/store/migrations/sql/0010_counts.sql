-- Counts by grid that screens read. A statement that changes what is counted only marks whose counts are due, by household (its grid is looked up
-- when it is counted, so a move that commits at the same time is not missed) or by grid. A reader takes the kept counts of all other grids and counts the
-- due ones from the rows; settling does the same and keeps the result. Nothing is added or subtracted, so nothing can drift.
ALTER TABLE grid_counts ENABLE ROW LEVEL SECURITY;
ALTER TABLE grid_counts_due ENABLE ROW LEVEL SECURITY;

-- Everything that is counted of these grids (0: households in no grid); null: of all. Who has moved out is counted no more.
-- Measures with a month or a day: needs opened and closed in it; households by the day on which a visit is due; visits made on it.
CREATE FUNCTION linli_count_grids(as_of date, grids bigint[]) RETURNS TABLE (grid_id bigint, counts jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  chosen text := CASE WHEN grids IS NULL THEN '' ELSE 'WHERE h.grid_id = ANY ($2) OR (h.grid_id IS NULL AND 0 = ANY ($2))' END;
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH homes AS MATERIALIZED (
      SELECT h.id, coalesce(h.grid_id, 0) AS grid_id, h.colour, (h.created_at AT TIME ZONE 'Asia/Shanghai')::date AS begun FROM households h %s),
    policy AS (
      SELECT c.colour, coalesce(p.interval_days, c.days) AS days
      FROM (VALUES ('red', 7), ('yellow', 30), ('green', 90)) c (colour, days) LEFT JOIN visit_policy p ON p.colour = c.colour),
    seen AS (
      SELECT v.household_id, max(v.visited_on) AS last_on FROM visits v WHERE NOT v.missed AND v.household_id IN (SELECT id FROM homes) GROUP BY 1),
    people AS (
      SELECT h.grid_id, r.care_flags, linli_age(r.birth_date, r.birth_year, $1) AS age
      FROM homes h JOIN residents r ON r.household_id = h.id WHERE r.moved_out_on IS NULL OR r.moved_out_on > $1),
    asked AS (
      SELECT h.grid_id, n.service, n.opened_on, n.closed_on, n.closed_on IS NULL OR n.closed_on > $1 AS is_open
      FROM homes h JOIN needs n ON n.household_id = h.id),
    counted (grid_id, measure, n) AS (
      SELECT h.grid_id, 'households', count(*) FROM homes h GROUP BY 1
      UNION ALL SELECT h.grid_id, 'colour:' || h.colour, count(*) FROM homes h WHERE h.colour IS NOT NULL GROUP BY 1, 2
      UNION ALL SELECT h.grid_id, 'due:' || coalesce(s.last_on + p.days, h.begun), count(*)
        FROM homes h JOIN policy p ON p.colour = h.colour LEFT JOIN seen s ON s.household_id = h.id GROUP BY 1, 2
      UNION ALL SELECT h.grid_id, 'visited:' || v.visited_on, count(*)
        FROM homes h JOIN visits v ON v.household_id = h.id WHERE v.visited_on > $1 - 62 AND NOT v.missed GROUP BY 1, 2
      UNION ALL SELECT p.grid_id, m.measure, m.n
        FROM (SELECT grid_id, count(*) AS residents, count(*) FILTER (WHERE age >= 60) AS elders, count(*) FILTER (WHERE age <= 12) AS children
              FROM people GROUP BY 1) p
        CROSS JOIN LATERAL (VALUES ('residents', p.residents), ('elders_60', p.elders), ('children_12', p.children)) m (measure, n) WHERE m.n > 0
      UNION ALL SELECT p.grid_id, 'flag:' || f, count(*) FROM people p CROSS JOIN LATERAL unnest(p.care_flags) f GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'needs_open', count(*) FROM asked a WHERE a.is_open GROUP BY 1
      UNION ALL SELECT a.grid_id, 'open:' || a.service, count(*) FROM asked a WHERE a.is_open GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'opened:' || to_char(a.opened_on, 'YYYY-MM'), count(*) FROM asked a GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'closed:' || to_char(a.closed_on, 'YYYY-MM'), count(*) FROM asked a WHERE a.closed_on IS NOT NULL GROUP BY 1, 2)
    SELECT c.grid_id, jsonb_object_agg(c.measure, c.n) FROM counted c GROUP BY 1 $q$, chosen) USING as_of, grids;
END $$;

-- Which grids have to be counted again for a day; null: all. Time alone changes counts too: birthdays, and days entered ahead.
CREATE FUNCTION linli_grids_due(as_of date) RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  due bigint[];
  since date;
  until date;
BEGIN
  IF EXISTS (SELECT 1 FROM grid_counts_due d WHERE d.household_id IS NULL AND d.grid_id IS NULL) THEN RETURN NULL; END IF;
  SELECT least(min(k.counted_on), as_of), greatest(max(k.counted_on), as_of) INTO since, until FROM grid_counts k;
  SELECT coalesce(array_agg(DISTINCT g), '{}') INTO due FROM (
    SELECT d.grid_id AS g FROM grid_counts_due d WHERE d.grid_id IS NOT NULL
    UNION ALL SELECT coalesce(h.grid_id, 0) FROM grid_counts_due d JOIN households h ON h.id = d.household_id) marked;
  IF since < until THEN
    SELECT coalesce(array_agg(DISTINCT g), '{}') INTO due FROM (
      SELECT unnest(due) AS g
      UNION ALL
      SELECT coalesce(h.grid_id, 0) FROM residents r JOIN households h ON h.id = r.household_id
      WHERE coalesce(r.birth_date, make_date(r.birth_year, 1, 1)) BETWEEN (since - interval '60 years 3 days')::date AND (until - interval '60 years' + interval '3 days')::date
         OR coalesce(r.birth_date, make_date(r.birth_year, 1, 1)) BETWEEN (since - interval '13 years 3 days')::date AND (until - interval '13 years' + interval '3 days')::date
         OR r.moved_out_on BETWEEN since AND until
      UNION ALL SELECT coalesce(h.grid_id, 0) FROM needs n JOIN households h ON h.id = n.household_id WHERE n.closed_on BETWEEN since AND until
      UNION ALL SELECT coalesce(h.grid_id, 0) FROM visits v JOIN households h ON h.id = v.household_id
                WHERE v.visited_on BETWEEN since - 62 AND until - 62) stepped;
  END IF;
  RETURN due;
END $$;

CREATE FUNCTION linli_present_counts(as_of date) RETURNS TABLE (grid_id bigint, counts jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  due bigint[] := linli_grids_due(as_of);
BEGIN
  IF due IS NULL OR due <> '{}' THEN RETURN QUERY SELECT * FROM linli_count_grids(as_of, due); END IF;
  IF due IS NOT NULL THEN RETURN QUERY SELECT k.grid_id, k.counts FROM grid_counts k WHERE NOT k.grid_id = ANY (due); END IF;
END $$;

-- The same for those who may read aggregates.
CREATE FUNCTION linli_counts(as_of date) RETURNS TABLE (grid_id bigint, counts jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT c.grid_id, c.counts FROM linli_present_counts(as_of) c WHERE linli_require_account() $$;

CREATE OR REPLACE FUNCTION linli_grid_counts(as_of date) RETURNS TABLE (grid_id bigint, measure text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT nullif(c.grid_id, 0), m.key, m.value::bigint FROM linli_counts(as_of) c CROSS JOIN LATERAL jsonb_each_text(c.counts) m
  WHERE m.key !~ '^(open|opened|closed|due|visited):' $$;

-- Count what is due and keep it. One statement, so one moment: a mark that is taken away stands for rows that have been counted.
CREATE FUNCTION linli_settle_counts(as_of date) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  counted integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(hashtextextended('linli counts', 0)) THEN RETURN -1; END IF;
  IF NOT EXISTS (SELECT 1 FROM grid_counts_due) AND NOT EXISTS (SELECT 1 FROM grid_counts WHERE counted_on <> as_of) THEN RETURN 0; END IF;
  WITH due AS MATERIALIZED (SELECT linli_grids_due(as_of) AS grids),
  gone AS (DELETE FROM grid_counts_due),
  fresh AS MATERIALIZED (SELECT c.grid_id, c.counts FROM due CROSS JOIN LATERAL linli_count_grids(as_of, due.grids) c),
  written AS (
    INSERT INTO grid_counts AS k (grid_id, counted_on, counts)
    SELECT f.grid_id, as_of, f.counts FROM fresh f
    UNION ALL
    SELECT g.grid_id, as_of, CASE WHEN due.grids IS NULL OR g.grid_id = ANY (due.grids) THEN '{}' ELSE g.counts END
    FROM grid_counts g CROSS JOIN due
    WHERE g.grid_id NOT IN (SELECT f.grid_id FROM fresh f) AND (due.grids IS NULL OR g.grid_id = ANY (due.grids) OR g.counted_on <> as_of)
    ON CONFLICT (grid_id) DO UPDATE SET counted_on = excluded.counted_on, counts = excluded.counts)
  SELECT count(*) INTO counted FROM fresh;
  RETURN counted;
END $$;

CREATE FUNCTION linli_all_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO grid_counts_due DEFAULT VALUES;
  RETURN NULL;
END $$;

-- Of people, needs and visits. Beyond five hundred households at once it is cheaper to count all.
CREATE FUNCTION linli_homes_due() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

-- Of households themselves: the grid that they were in, and the one that they are in.
CREATE FUNCTION linli_grids_marked() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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

DO $$
DECLARE
  each text[];
BEGIN
  FOREACH each SLICE 1 IN ARRAY ARRAY[
    ['residents', 'linli_homes_due', '''household_id'', ''birth_date'', ''birth_year'', ''care_flags'', ''moved_out_on'''],
    ['needs', 'linli_homes_due', '''household_id'', ''service'', ''opened_on'', ''closed_on'''],
    ['visits', 'linli_homes_due', '''household_id'', ''visited_on'', ''missed'''],
    ['households', 'linli_grids_marked', '']]
  LOOP
    EXECUTE format('CREATE TRIGGER counted_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', each[1], each[2]);
    EXECUTE format('CREATE TRIGGER counted_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION %I()', each[1], each[2]);
    EXECUTE format('CREATE TRIGGER counted_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION %I(%s)', each[1], each[2], each[3]);
    EXECUTE format('CREATE TRIGGER counted_truncate AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION linli_all_due()', each[1]);
  END LOOP;
END $$;
CREATE TRIGGER counted AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON visit_policy FOR EACH STATEMENT EXECUTE FUNCTION linli_all_due();

-- Days of events anew, from the events; writers of events wait meanwhile.
CREATE FUNCTION linli_repair_event_days() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM event_days;
  INSERT INTO event_days SELECT * FROM linli_recount_event_days();
END $$;

-- Where households live, without the people: changes far less often than these do, so it is a topic of its own.
CREATE TRIGGER changed_dwellings AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF building_id, own_position, geometry, lon, lat, grid_id ON households
  FOR EACH STATEMENT EXECUTE FUNCTION linli_changed('dwellings');
CREATE FUNCTION linli_dwellings() RETURNS TABLE (building_id bigint, lon double precision, lat double precision, grid_id bigint, households bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN h.own_position THEN NULL ELSE h.building_id END, h.lon, h.lat, h.grid_id, count(*)
  FROM households h WHERE linli_require_account() GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 $$;

REVOKE ALL ON FUNCTION linli_dwellings(), linli_count_grids(date, bigint[]), linli_grids_due(date), linli_present_counts(date), linli_counts(date), linli_settle_counts(date),
  linli_all_due(), linli_homes_due(), linli_grids_marked(), linli_repair_event_days() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_dwellings(), linli_counts(date), linli_settle_counts(date) TO linli_service;

INSERT INTO grid_counts_due DEFAULT VALUES;
