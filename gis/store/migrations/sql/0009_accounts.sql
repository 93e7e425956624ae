-- Whoever signs in has no account yet: without one only what a sign-in needs can be read, and everything that proves an identity
-- (second factors, recovery codes) only once the sign-in has named the account that it is for.

CREATE FUNCTION linli_today() RETURNS date LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT (now() AT TIME ZONE coalesce((SELECT time_zone FROM place), 'Asia/Shanghai'))::date $$;

-- A day begins when it begins in the place, not in Greenwich.
CREATE OR REPLACE FUNCTION linli_grids() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT grid_id FROM account_grids WHERE account_id = linli_account()
   AND linli_today() >= valid_from AND (valid_to IS NULL OR linli_today() <= valid_to) $$;

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone_reads ON accounts FOR SELECT USING (true);
CREATE POLICY admin_all ON accounts USING ((SELECT linli_role()) = 'admin');
CREATE POLICY own_or_signing_in ON accounts FOR UPDATE USING (linli_account() IS NULL OR id = linli_account());

ALTER TABLE account_grids ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone_reads ON account_grids FOR SELECT USING (true);
CREATE POLICY admin_all ON account_grids USING ((SELECT linli_role()) = 'admin');

ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
CREATE POLICY admin_all ON sessions USING ((SELECT linli_role()) = 'admin');
CREATE POLICY own_or_signing_in ON sessions USING (linli_account() IS NULL OR account_id = linli_account());

ALTER TABLE role_policies ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone_reads ON role_policies FOR SELECT USING (true);
CREATE POLICY admin_all ON role_policies USING ((SELECT linli_role()) = 'admin');

ALTER TABLE second_factors ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON second_factors USING (account_id = linli_account());
CREATE POLICY admin_all ON second_factors USING ((SELECT linli_role()) = 'admin');

ALTER TABLE recovery_codes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON recovery_codes USING (account_id = linli_account());
CREATE POLICY admin_all ON recovery_codes USING ((SELECT linli_role()) = 'admin');

ALTER TABLE account_identities ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_or_signing_in ON account_identities USING (linli_account() IS NULL OR account_id = linli_account());
CREATE POLICY admin_all ON account_identities USING ((SELECT linli_role()) = 'admin');

ALTER TABLE screen_keys ENABLE ROW LEVEL SECURITY;
CREATE POLICY signing_in ON screen_keys FOR SELECT USING (linli_account() IS NULL);
CREATE POLICY used ON screen_keys FOR UPDATE USING (linli_account() IS NULL);
CREATE POLICY admin_all ON screen_keys USING ((SELECT linli_role()) = 'admin');

GRANT SELECT, INSERT, UPDATE, DELETE ON role_policies, second_factors, account_identities TO linli_service;
GRANT SELECT, INSERT, DELETE ON recovery_codes TO linli_service;
GRANT SELECT, INSERT, UPDATE (last_used_on, revoked_at) ON screen_keys TO linli_service;

-- Rights are given by admins alone, and one admin who can sign in always stays: whoever takes one away waits for all others who do.
CREATE FUNCTION linli_guard_accounts() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_user = 'linli_service' AND linli_role() IS DISTINCT FROM 'admin'
    AND (NEW.name, NEW.role, NEW.disabled) IS DISTINCT FROM (OLD.name, OLD.role, OLD.disabled) THEN
    RAISE insufficient_privilege USING MESSAGE = 'only an admin changes name, role or state of an account';
  END IF;
  IF OLD.role = 'admin' AND NOT OLD.disabled AND OLD.password_hash IS NOT NULL
    AND (TG_OP = 'DELETE' OR NEW.role <> 'admin' OR NEW.disabled OR NEW.password_hash IS NULL) THEN
    PERFORM pg_advisory_xact_lock(hashtext('linli admins'));
    IF NOT EXISTS (SELECT 1 FROM accounts WHERE role = 'admin' AND NOT disabled AND password_hash IS NOT NULL AND id <> OLD.id) THEN
      RAISE EXCEPTION USING ERRCODE = 'LL001', MESSAGE = 'the last admin who can sign in stays';
    END IF;
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER guard BEFORE UPDATE OR DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION linli_guard_accounts();
