DROP TRIGGER colour ON households;
DO $$
DECLARE
  watched text;
BEGIN
  FOREACH watched IN ARRAY ARRAY['households', 'residents', 'needs', 'household_contacts', 'door_codes'] LOOP
    EXECUTE format('DROP TRIGGER remember ON %I', watched);
    EXECUTE format('DROP TRIGGER remember_new ON %I', watched);
  END LOOP;
END $$;
DROP FUNCTION linli_buildings_with_chief(date);
DROP FUNCTION linli_remember();
DROP FUNCTION linli_differences(jsonb, jsonb, text[]);
DROP FUNCTION linli_new_colour();
DROP FUNCTION linli_actor();
DROP POLICY worker_own_households ON contacts;
DROP POLICY worker_links ON household_contacts;
DROP FUNCTION linli_own_contact(uuid);
