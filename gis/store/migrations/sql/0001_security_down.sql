DROP FUNCTION linli_need_sites();
DROP FUNCTION linli_grid_counts(date);
DROP FUNCTION linli_demand_sites(date);
DROP FUNCTION linli_age(date, smallint, date);
DROP FUNCTION linli_require_account();
DROP FUNCTION linli_versions();
DROP FUNCTION linli_next_version() CASCADE;
DROP FUNCTION linli_changed() CASCADE;
DO $$
DECLARE
  guarded text;
BEGIN
  FOREACH guarded IN ARRAY ARRAY['households', 'residents', 'needs', 'imports'] LOOP
    EXECUTE format('DROP POLICY IF EXISTS admin_all ON %I', guarded);
    EXECUTE format('DROP POLICY IF EXISTS worker_own_grids ON %I', guarded);
  END LOOP;
END $$;
DROP FUNCTION linli_grids();
DROP FUNCTION linli_role();
DROP FUNCTION linli_account();
