DROP TRIGGER guard ON accounts;
DROP FUNCTION linli_guard_accounts();
DROP POLICY everyone_reads ON accounts;
DROP POLICY admin_all ON accounts;
DROP POLICY own_or_signing_in ON accounts;
ALTER TABLE accounts DISABLE ROW LEVEL SECURITY;
DROP POLICY everyone_reads ON account_grids;
DROP POLICY admin_all ON account_grids;
ALTER TABLE account_grids DISABLE ROW LEVEL SECURITY;
DROP POLICY admin_all ON sessions;
DROP POLICY own_or_signing_in ON sessions;
ALTER TABLE sessions DISABLE ROW LEVEL SECURITY;
CREATE OR REPLACE FUNCTION linli_grids() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT grid_id FROM account_grids WHERE account_id = linli_account()
   AND current_date >= valid_from AND (valid_to IS NULL OR current_date <= valid_to) $$;
DROP FUNCTION linli_today();
