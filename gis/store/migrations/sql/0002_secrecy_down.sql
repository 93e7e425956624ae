DROP TRIGGER next_version ON residents;
CREATE TRIGGER next_version BEFORE UPDATE ON residents FOR EACH ROW EXECUTE FUNCTION linli_next_version();

CREATE OR REPLACE FUNCTION linli_demand_sites(as_of date)
RETURNS TABLE (building_id bigint, lon double precision, lat double precision, grid_id bigint,
               households bigint, residents bigint, elders_60 bigint, children_12 bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH people AS (
    SELECT r.household_id, count(*) AS residents,
           count(*) FILTER (WHERE linli_age(r.birth_date, r.birth_year, as_of) >= 60) AS elders_60,
           count(*) FILTER (WHERE linli_age(r.birth_date, r.birth_year, as_of) <= 12) AS children_12
    FROM residents r GROUP BY r.household_id)
  SELECT CASE WHEN h.own_position THEN NULL ELSE h.building_id END, h.lon, h.lat, h.grid_id,
         count(*), coalesce(sum(p.residents), 0)::bigint, coalesce(sum(p.elders_60), 0)::bigint, coalesce(sum(p.children_12), 0)::bigint
  FROM households h LEFT JOIN people p ON p.household_id = h.id
  WHERE linli_require_account()
  GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 $$;

CREATE OR REPLACE FUNCTION linli_grid_counts(as_of date)
RETURNS TABLE (grid_id bigint, measure text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.grid_id, 'households', count(*) FROM households h WHERE linli_require_account() GROUP BY 1
  UNION ALL
  SELECT h.grid_id, 'colour:' || h.colour, count(*) FROM households h WHERE h.colour IS NOT NULL GROUP BY 1, 2
  UNION ALL
  SELECT h.grid_id, m.measure, count(*)
  FROM residents r JOIN households h ON h.id = r.household_id
  CROSS JOIN LATERAL (
    SELECT 'residents' AS measure
    UNION ALL SELECT 'elders_60' WHERE linli_age(r.birth_date, r.birth_year, as_of) >= 60
    UNION ALL SELECT 'children_12' WHERE linli_age(r.birth_date, r.birth_year, as_of) <= 12
    UNION ALL SELECT 'flag:' || f FROM unnest(r.care_flags) f) m
  GROUP BY 1, 2
  UNION ALL
  SELECT h.grid_id, 'needs_open', count(*) FROM needs n JOIN households h ON h.id = n.household_id
  WHERE n.closed_on IS NULL OR n.closed_on > as_of GROUP BY 1 $$;

DROP FUNCTION linli_audit_prune(timestamptz, text);
DROP FUNCTION linli_audit(text, text, text, text, bigint);
DROP FUNCTION linli_audit_append(bigint, text, text, text, text, text, text);
DROP POLICY auditor_reads ON audit_log;
DROP FUNCTION linli_audit_guard() CASCADE;
DROP FUNCTION linli_audit_part(text);
