-- Household files: who may see what belongs to them, and the history that triggers write.

ALTER TABLE building_chiefs ENABLE ROW LEVEL SECURITY;
ALTER TABLE contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE household_contacts ENABLE ROW LEVEL SECURITY;
ALTER TABLE residencies ENABLE ROW LEVEL SECURITY;
ALTER TABLE household_addresses ENABLE ROW LEVEL SECURITY;
ALTER TABLE history ENABLE ROW LEVEL SECURITY;
ALTER TABLE door_codes ENABLE ROW LEVEL SECURITY;

CREATE POLICY admin_all ON building_chiefs USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON building_chiefs
  USING ((SELECT linli_role()) = 'worker' AND building_id IN (SELECT id FROM buildings WHERE grid_id IN (SELECT linli_grids())))
  WITH CHECK ((SELECT linli_role()) = 'worker' AND building_id IN (SELECT id FROM buildings WHERE grid_id IN (SELECT linli_grids()))
    AND (resident_id IS NULL OR resident_id IN (SELECT id FROM residents)));

-- Asked by a policy about another guarded table, so it must look past that table's own policies.
CREATE FUNCTION linli_own_contact(p_contact uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT EXISTS (SELECT 1 FROM contacts WHERE id = p_contact AND (linli_role() = 'admin' OR grid_id IN (SELECT linli_grids()))) $$;

CREATE POLICY admin_all ON household_contacts USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_reads ON household_contacts FOR SELECT
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));
-- A link shows its contact, so nobody links a contact that is not theirs to see.
CREATE POLICY worker_links ON household_contacts FOR INSERT
  WITH CHECK ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households) AND linli_own_contact(contact_id));
CREATE POLICY worker_ends ON household_contacts FOR UPDATE
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));

CREATE POLICY admin_all ON contacts USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON contacts
  USING ((SELECT linli_role()) = 'worker' AND grid_id IN (SELECT linli_grids()));
CREATE POLICY worker_own_households ON contacts FOR SELECT
  USING ((SELECT linli_role()) = 'worker' AND id IN (SELECT contact_id FROM household_contacts));

CREATE POLICY admin_all ON residencies USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON residencies
  USING ((SELECT linli_role()) = 'worker' AND resident_id IN (SELECT id FROM residents));

CREATE POLICY admin_all ON household_addresses USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON household_addresses
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));

CREATE POLICY admin_reads ON history FOR SELECT USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_reads ON history FOR SELECT
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households)
         AND (resident_id IS NULL OR resident_id IN (SELECT id FROM residents)));

CREATE POLICY admin_all ON door_codes USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON door_codes
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));

-- What has been is not deleted: intervals end, codes are revoked, history is the triggers' alone.
GRANT SELECT, INSERT, UPDATE ON building_chiefs, contacts TO linli_service;
GRANT SELECT, INSERT, UPDATE (valid_to) ON household_contacts TO linli_service;
GRANT SELECT, INSERT ON residencies, household_addresses TO linli_service;
GRANT SELECT ON history TO linli_service;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON door_codes TO linli_service;

DO $$
DECLARE
  counted text;
BEGIN
  FOREACH counted IN ARRAY ARRAY['building_chiefs', 'contacts'] LOOP
    EXECUTE format('CREATE TRIGGER next_version BEFORE UPDATE ON %I FOR EACH ROW
                    WHEN (current_setting(''linli.rotating'', true) IS DISTINCT FROM ''on'') EXECUTE FUNCTION linli_next_version()', counted);
  END LOOP;
END $$;

-- Who acts: the account of the transaction, or the machine itself on behalf of whom it names.
CREATE FUNCTION linli_actor() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT coalesce((SELECT name FROM accounts WHERE id = linli_account()), nullif(current_setting('linli.actor', true), ''), 'system') $$;

-- A new colour stands on nothing that was said of the old one. Set by an account, that account has confirmed it, for half a year
-- where it says no more; brought by a file, nobody has.
CREATE FUNCTION linli_new_colour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.colour IS NULL THEN
    NEW.colour_reason := NULL;
    NEW.colour_expires_on := NULL;
    NEW.colour_confirmed_by := NULL;
    NEW.colour_confirmed_at := NULL;
  ELSIF NEW.colour_confirmed_at IS NOT DISTINCT FROM OLD.colour_confirmed_at THEN
    NEW.colour_reason := NULL;
    NEW.colour_expires_on := CASE WHEN linli_account() IS NOT NULL THEN current_date + 182 END;
    NEW.colour_confirmed_by := CASE WHEN linli_account() IS NOT NULL THEN linli_actor() END;
    NEW.colour_confirmed_at := CASE WHEN linli_account() IS NOT NULL THEN now() END;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER colour BEFORE UPDATE ON households FOR EACH ROW
  WHEN (NEW.colour IS DISTINCT FROM OLD.colour) EXECUTE FUNCTION linli_new_colour();

-- Old and new value of every field that is named; of any other (sealed values, hashes, free words) only that it changed, so that
-- a column which is added later is not written in clear by accident. What follows from other fields is left out.
CREATE FUNCTION linli_differences(old_row jsonb, new_row jsonb, named text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT jsonb_object_agg(n.key, CASE WHEN n.key = ANY (named) THEN jsonb_build_object('old', o.value, 'new', n.value)
                                 ELSE '{"changed": true}'::jsonb END)
  FROM jsonb_each(new_row) n JOIN jsonb_each(old_row) o USING (key)
  WHERE n.value IS DISTINCT FROM o.value
    AND n.key NOT IN ('version', 'updated_at', 'grid_id', 'grid_reason', 'geometry', 'colour_confirmed_at', 'phone_hash', 'id_number_hash') $$;

CREATE FUNCTION linli_remember() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  now_row jsonb := to_jsonb(NEW);
  found jsonb;
  household bigint;
  resident bigint;
BEGIN
  household := CASE TG_ARGV[0] WHEN 'household' THEN (now_row->>'id')::bigint ELSE (now_row->>'household_id')::bigint END;
  resident := CASE TG_ARGV[0] WHEN 'resident' THEN (now_row->>'id')::bigint END;
  IF TG_OP = 'INSERT' THEN
    found := jsonb_build_object('created', jsonb_build_object('old', NULL, 'new', true));
    IF TG_ARGV[0] = 'contact' THEN
      found := found || jsonb_build_object('contact_id', jsonb_build_object('old', NULL, 'new', now_row->'contact_id'),
                                           'valid_from', jsonb_build_object('old', NULL, 'new', now_row->'valid_from'));
    END IF;
  ELSE
    found := linli_differences(to_jsonb(OLD), now_row, string_to_array(TG_ARGV[1], ','));
  END IF;
  IF found IS NOT NULL THEN
    INSERT INTO history (account_id, account, household_id, resident_id, subject, subject_id, changes)
    VALUES (linli_account(), linli_actor(), household, resident, TG_ARGV[0], now_row->>'id', found);
  END IF;
  IF TG_ARGV[0] = 'resident' AND TG_OP = 'UPDATE' THEN
    IF now_row->>'household_id' <> to_jsonb(OLD)->>'household_id' THEN
      -- Whoever looks after the household that was left may no longer know of the person: the file says only that somebody left.
      INSERT INTO history (account_id, account, household_id, subject, subject_id, changes)
      VALUES (linli_account(), linli_actor(), (to_jsonb(OLD)->>'household_id')::bigint, 'household', to_jsonb(OLD)->>'household_id',
              '{"resident_left": {"changed": true}}');
    END IF;
  END IF;
  RETURN NULL;
END $$;

-- WHEN is cheap and the function is not: a bulk assignment to grids, or a change of keys, never gets as far as the function.
CREATE TRIGGER remember AFTER UPDATE ON households FOR EACH ROW
  WHEN ((OLD.code, OLD.building_id, OLD.unit, OLD.room, OLD.own_position, OLD.lon, OLD.lat, OLD.colour, OLD.colour_reason, OLD.colour_confirmed_by,
         OLD.colour_confirmed_at, OLD.colour_expires_on)
     IS DISTINCT FROM
        (NEW.code, NEW.building_id, NEW.unit, NEW.room, NEW.own_position, NEW.lon, NEW.lat, NEW.colour, NEW.colour_reason, NEW.colour_confirmed_by,
         NEW.colour_confirmed_at, NEW.colour_expires_on))
  EXECUTE FUNCTION linli_remember('household',
    'code,building_id,unit,room,own_position,lon,lat,colour,colour_reason,colour_confirmed_by,colour_expires_on');
CREATE TRIGGER remember AFTER UPDATE ON residents FOR EACH ROW
  WHEN (current_setting('linli.rotating', true) IS DISTINCT FROM 'on' AND OLD.* IS DISTINCT FROM NEW.*)
  EXECUTE FUNCTION linli_remember('resident',
    'household_id,birth_date,birth_year,sex,name,care_flags,guardian_id,guardian_name,health_needs,moved_in_on,moved_out_on');
CREATE TRIGGER remember AFTER UPDATE ON needs FOR EACH ROW
  WHEN (OLD.* IS DISTINCT FROM NEW.*)
  EXECUTE FUNCTION linli_remember('need', 'household_id,service,opened_on,closed_on');
CREATE TRIGGER remember AFTER UPDATE ON household_contacts FOR EACH ROW EXECUTE FUNCTION linli_remember('contact', 'contact_id,valid_from,valid_to');
CREATE TRIGGER remember AFTER UPDATE ON door_codes FOR EACH ROW EXECUTE FUNCTION linli_remember('door_code', 'revoked_at');
-- New rows of an import are told apart from those that somebody entered: the moment of their making is in the row itself.
DO $$
DECLARE
  pair text[];
BEGIN
  FOREACH pair SLICE 1 IN ARRAY ARRAY[
    ['households', 'household'], ['residents', 'resident'], ['needs', 'need'], ['household_contacts', 'contact'], ['door_codes', 'door_code']]
  LOOP
    EXECUTE format('CREATE TRIGGER remember_new AFTER INSERT ON %I FOR EACH ROW
                    WHEN (nullif(current_setting(''linli.account'', true), '''') IS NOT NULL) EXECUTE FUNCTION linli_remember(%L, '''')',
                   pair[1], pair[2]);
  END LOOP;
END $$;

-- Which buildings have a chief on a day: nothing of who, so that planners may ask too.
CREATE FUNCTION linli_buildings_with_chief(as_of date) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT building_id FROM building_chiefs
  WHERE linli_require_account() AND valid_from <= as_of AND (valid_to IS NULL OR valid_to >= as_of) $$;

REVOKE ALL ON FUNCTION linli_buildings_with_chief(date), linli_own_contact(uuid), linli_remember(),
  linli_actor() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_buildings_with_chief(date), linli_own_contact(uuid), linli_actor() TO linli_service;
