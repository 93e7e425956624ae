-- Counts of single days: needs opened and closed on each of the last 31, and visits that fell due on a day and were made then or later (with those that
-- are due since that day they are all that fell due on it). Which need came first on a day; which feedback belongs to which round of a project.
ALTER TABLE needs ADD COLUMN created_at timestamptz DEFAULT now() NOT NULL;
ALTER TABLE projects ADD COLUMN reworks integer DEFAULT 0 NOT NULL;
ALTER TABLE project_feedback ADD COLUMN reworks integer DEFAULT 0 NOT NULL;

CREATE OR REPLACE FUNCTION linli_count_grids(as_of date, grids bigint[]) RETURNS TABLE (grid_id bigint, counts jsonb)
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
    made AS (
      SELECT v.household_id, v.visited_on, lag(v.visited_on) OVER (PARTITION BY v.household_id ORDER BY v.visited_on) AS before_on
      FROM visits v WHERE NOT v.missed AND v.household_id IN (SELECT id FROM homes)),
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
      UNION ALL SELECT h.grid_id, 'met:' || coalesce(m.before_on + p.days, h.begun), count(*)
        FROM homes h JOIN policy p ON p.colour = h.colour JOIN made m ON m.household_id = h.id
        WHERE m.visited_on > $1 - 62 AND m.visited_on >= coalesce(m.before_on + p.days, h.begun) GROUP BY 1, 2
      UNION ALL SELECT p.grid_id, m.measure, m.n
        FROM (SELECT grid_id, count(*) AS residents, count(*) FILTER (WHERE age >= 60) AS elders, count(*) FILTER (WHERE age <= 12) AS children
              FROM people GROUP BY 1) p
        CROSS JOIN LATERAL (VALUES ('residents', p.residents), ('elders_60', p.elders), ('children_12', p.children)) m (measure, n) WHERE m.n > 0
      UNION ALL SELECT p.grid_id, 'flag:' || f, count(*) FROM people p CROSS JOIN LATERAL unnest(p.care_flags) f GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'needs_open', count(*) FROM asked a WHERE a.is_open GROUP BY 1
      UNION ALL SELECT a.grid_id, 'open:' || a.service, count(*) FROM asked a WHERE a.is_open GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'opened:' || to_char(a.opened_on, 'YYYY-MM'), count(*) FROM asked a GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'closed:' || to_char(a.closed_on, 'YYYY-MM'), count(*) FROM asked a WHERE a.closed_on IS NOT NULL GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'opened_on:' || a.opened_on, count(*) FROM asked a WHERE a.opened_on > $1 - 31 GROUP BY 1, 2
      UNION ALL SELECT a.grid_id, 'closed_on:' || a.closed_on, count(*) FROM asked a WHERE a.closed_on > $1 - 31 GROUP BY 1, 2)
    SELECT c.grid_id, jsonb_object_agg(c.measure, c.n) FROM counted c GROUP BY 1 $q$, chosen) USING as_of, grids;
END $$;

CREATE OR REPLACE FUNCTION linli_grids_due(as_of date) RETURNS bigint[] LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
                OR n.opened_on BETWEEN since - 31 AND until - 31 OR n.closed_on BETWEEN since - 31 AND until - 31
      UNION ALL SELECT coalesce(h.grid_id, 0) FROM visits v JOIN households h ON h.id = v.household_id
                WHERE v.visited_on BETWEEN since - 62 AND until - 62) stepped;
  END IF;
  RETURN due;
END $$;

CREATE OR REPLACE FUNCTION linli_grid_counts(as_of date) RETURNS TABLE (grid_id bigint, measure text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT nullif(c.grid_id, 0), m.key, m.value::bigint FROM linli_counts(as_of) c CROSS JOIN LATERAL jsonb_each_text(c.counts) m
  WHERE m.key !~ '^(open|opened|closed|opened_on|closed_on|due|met|visited):' $$;

INSERT INTO grid_counts_due DEFAULT VALUES;
