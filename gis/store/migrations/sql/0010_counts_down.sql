DROP TRIGGER changed_dwellings ON households;
DROP FUNCTION linli_dwellings();
DROP TRIGGER counted ON visit_policy;
DO $$
DECLARE
  counted text;
  event text;
BEGIN
  FOREACH counted IN ARRAY ARRAY['residents', 'needs', 'visits', 'households'] LOOP
    FOREACH event IN ARRAY ARRAY['insert', 'delete', 'update', 'truncate'] LOOP
      EXECUTE format('DROP TRIGGER %I ON %I', 'counted_' || event, counted);
    END LOOP;
  END LOOP;
END $$;
DROP FUNCTION linli_repair_event_days();
DROP FUNCTION linli_grids_marked();
DROP FUNCTION linli_homes_due();
DROP FUNCTION linli_all_due();
DROP FUNCTION linli_settle_counts(date);
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
  WHERE r.moved_out_on IS NULL OR r.moved_out_on > as_of
  GROUP BY 1, 2
  UNION ALL
  SELECT h.grid_id, 'needs_open', count(*) FROM needs n JOIN households h ON h.id = n.household_id
  WHERE n.closed_on IS NULL OR n.closed_on > as_of GROUP BY 1 $$;
DROP FUNCTION linli_counts(date);
DROP FUNCTION linli_present_counts(date);
DROP FUNCTION linli_grids_due(date);
DROP FUNCTION linli_count_grids(date, bigint[]);
