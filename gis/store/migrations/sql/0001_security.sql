-- Who may see what. The service signs in as linli_service, which owns nothing. Policies ask for the account that the
-- transaction has named (linli.account) and look its role and grids up themselves: a role cannot be claimed, only an account.

DO $$ BEGIN
  CREATE ROLE linli_service LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
  EXECUTE format('GRANT linli_service TO %I', current_user);
EXCEPTION WHEN OTHERS THEN NULL;  -- a superuser needs no membership
END $$;

CREATE FUNCTION linli_account() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('linli.account', true), '')::bigint $$;

CREATE FUNCTION linli_role() RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT role FROM accounts WHERE id = linli_account() AND NOT disabled $$;

CREATE FUNCTION linli_grids() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
$$ SELECT grid_id FROM account_grids WHERE account_id = linli_account()
   AND current_date >= valid_from AND (valid_to IS NULL OR current_date <= valid_to) $$;

ALTER TABLE households ENABLE ROW LEVEL SECURITY;
ALTER TABLE residents ENABLE ROW LEVEL SECURITY;
ALTER TABLE needs ENABLE ROW LEVEL SECURITY;
ALTER TABLE imports ENABLE ROW LEVEL SECURITY;

CREATE POLICY admin_all ON households USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON households
  USING ((SELECT linli_role()) = 'worker' AND grid_id IN (SELECT linli_grids()));
CREATE POLICY admin_all ON residents USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON residents
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));
CREATE POLICY admin_all ON needs USING ((SELECT linli_role()) = 'admin');
CREATE POLICY worker_own_grids ON needs
  USING ((SELECT linli_role()) = 'worker' AND household_id IN (SELECT id FROM households));
CREATE POLICY admin_all ON imports USING ((SELECT linli_role()) = 'admin');

GRANT USAGE ON SCHEMA public TO linli_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON
  place, areas, grids, compounds, buildings, households, residents, stations, station_services, streets, backdrop, needs,
  imports, accounts, account_grids, sessions TO linli_service;
GRANT SELECT ON changes TO linli_service;

-- Caches and live screens follow what changes: one row and one notice a statement, seen when its transaction commits.
CREATE FUNCTION linli_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  number bigint;
BEGIN
  INSERT INTO changes (topic) VALUES (TG_ARGV[0]) RETURNING id INTO number;
  PERFORM pg_notify('linli', TG_ARGV[0]);
  -- Now and then the old lines go, but never a topic's newest: the journal stays as long as a busy hour.
  IF number % 500 = 0 THEN
    DELETE FROM changes c WHERE c.at < clock_timestamp() - interval '1 hour'
      AND c.id < (SELECT max(n.id) FROM changes n WHERE n.topic = c.topic);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION linli_next_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.updated_at := now();
  RETURN NEW;
END $$;

DO $$
DECLARE
  pair text[];
  counted text;
BEGIN
  FOREACH pair SLICE 1 IN ARRAY ARRAY[
    ['place', 'place'], ['areas', 'areas'], ['grids', 'grids'], ['compounds', 'buildings'], ['buildings', 'buildings'],
    ['streets', 'streets'], ['backdrop', 'backdrop'], ['households', 'households'], ['residents', 'households'],
    ['stations', 'stations'], ['station_services', 'stations'], ['needs', 'needs']]
  LOOP
    EXECUTE format('CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION linli_changed(%L)', pair[1], pair[2]);
  END LOOP;
  FOREACH counted IN ARRAY ARRAY['areas', 'grids', 'compounds', 'buildings', 'households', 'residents', 'stations', 'needs'] LOOP
    EXECUTE format('CREATE TRIGGER next_version BEFORE UPDATE ON %I FOR EACH ROW EXECUTE FUNCTION linli_next_version()', counted);
  END LOOP;
END $$;

-- The version of every topic: what a cache remembers beside its content. Not the newest line alone: a transaction which began early
-- and commits late adds an older one. Count and sum of the lines together (in one number) change with every line that comes or goes.
CREATE FUNCTION linli_versions() RETURNS TABLE (topic text, newest bigint, changes bigint) LANGUAGE sql STABLE AS
$$ SELECT topic, max(id), (count(*) << 40) + (sum(id) % (1::bigint << 40))::bigint FROM changes GROUP BY topic $$;

-- Aggregates over people for those who may not see people. Raising without an account keeps an empty answer out of a cache.
CREATE FUNCTION linli_require_account() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
  IF coalesce(linli_role(), 'auditor') = 'auditor' THEN
    RAISE insufficient_privilege USING MESSAGE = 'no account that may read aggregates';
  END IF;
  RETURN true;
END $$;

CREATE FUNCTION linli_age(birth_date date, birth_year smallint, as_of date) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT (extract(year FROM as_of) - birth_year
   - CASE WHEN birth_date IS NOT NULL
          AND (extract(month FROM birth_date), extract(day FROM birth_date)) > (extract(month FROM as_of), extract(day FROM as_of))
     THEN 1 ELSE 0 END)::integer $$;

-- One row for each position at which households live: a building, or a household's own position.
CREATE FUNCTION linli_demand_sites(as_of date)
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

-- Counts of people by grid (null: in no grid): every measure that a summary shows, one row a measure.
CREATE FUNCTION linli_grid_counts(as_of date)
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

-- Needs by position, service and month, for cells and heat.
CREATE FUNCTION linli_need_sites()
RETURNS TABLE (lon double precision, lat double precision, grid_id bigint, service text,
               opened_on date, closed_on date, needs bigint, households bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.lon, h.lat, h.grid_id, n.service, n.opened_on, n.closed_on, count(*), count(DISTINCT h.id)
  FROM needs n JOIN households h ON h.id = n.household_id
  WHERE linli_require_account()
  GROUP BY 1, 2, 3, 4, 5, 6 $$;

REVOKE ALL ON FUNCTION linli_demand_sites(date), linli_grid_counts(date), linli_need_sites() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_demand_sites(date), linli_grid_counts(date), linli_need_sites() TO linli_service;
