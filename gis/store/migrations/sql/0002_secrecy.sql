-- The audit log: appended to by one function, chained by hashes, and by nobody to be changed.

ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
CREATE POLICY auditor_reads ON audit_log FOR SELECT USING ((SELECT linli_role()) = 'auditor');
GRANT SELECT ON audit_log, audit_head TO linli_service;

-- A field as it goes into the hash: its length before it, so that no two entries can be written alike.
CREATE FUNCTION linli_audit_part(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN value IS NULL THEN '-' ELSE octet_length(convert_to(value, 'UTF8')) || ':' || value END $$;

-- Writers wait for each other from here to the end of their transactions, so this is the last thing a transaction does.
CREATE FUNCTION linli_audit_append(p_account_id bigint, p_account text, p_role text, p_action text, p_subject text, p_detail text,
                                   p_reason text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  head audit_head%ROWTYPE;
  entry audit_log%ROWTYPE;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('linli audit'));
  SELECT * INTO head FROM audit_head;
  entry.id := coalesce(head.id, 0) + 1;
  entry.previous := coalesce(head.hash, decode(repeat('00', 32), 'hex'));
  entry.at := clock_timestamp();
  entry.account_id := p_account_id;
  entry.account := p_account;
  entry.role := p_role;
  entry.action := p_action;
  entry.subject := p_subject;
  entry.detail := coalesce(p_detail, '{}');
  entry.reason := nullif(p_reason, '');
  entry.address := nullif(current_setting('linli.address', true), '');
  entry.request_id := nullif(current_setting('linli.request', true), '');
  entry.hash := sha256(convert_to(concat_ws(',',
    linli_audit_part(entry.id::text),
    linli_audit_part(to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
    linli_audit_part(entry.account_id::text), linli_audit_part(entry.account), linli_audit_part(entry.role),
    linli_audit_part(entry.action), linli_audit_part(entry.subject), linli_audit_part(entry.detail), linli_audit_part(entry.reason),
    linli_audit_part(entry.address), linli_audit_part(entry.request_id), linli_audit_part(encode(entry.previous, 'hex'))), 'UTF8'));
  INSERT INTO audit_log SELECT entry.*;
  IF head.id IS NULL THEN
    INSERT INTO audit_head (id, hash) VALUES (entry.id, entry.hash);
  ELSE
    UPDATE audit_head SET id = entry.id, hash = entry.hash;
  END IF;
  RETURN entry.id;
END $$;

-- The service's only way in: the account is the transaction's own, or that of somebody who is just signing in.
CREATE FUNCTION linli_audit(p_action text, p_subject text, p_detail text, p_reason text, p_account_id bigint)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  who accounts%ROWTYPE;
BEGIN
  IF p_action NOT LIKE '%_._%' OR p_action LIKE 'audit.prune%' THEN
    RAISE invalid_parameter_value USING MESSAGE = 'not an action of the service: ' || p_action;
  END IF;
  IF linli_account() IS NOT NULL AND p_account_id IS DISTINCT FROM linli_account() THEN
    RAISE insufficient_privilege USING MESSAGE = 'an account writes to the audit log in its own name only';
  END IF;
  SELECT * INTO who FROM accounts WHERE id = p_account_id;
  RETURN linli_audit_append(p_account_id, who.name, who.role, p_action, p_subject, p_detail, p_reason);
END $$;

CREATE FUNCTION linli_audit_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('linli.audit_prune', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE insufficient_privilege USING MESSAGE = 'the audit log is appended to and never changed',
    HINT = 'old entries go by: linli audit prune';
END $$;
CREATE TRIGGER audit_guard BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION linli_audit_guard();
CREATE TRIGGER audit_guard_truncate BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION linli_audit_guard();
CREATE TRIGGER audit_guard BEFORE DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION linli_audit_guard();
CREATE TRIGGER audit_guard_truncate BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION linli_audit_guard();

-- Drop what is older, and leave in the log itself, chained like any other entry, where it begins now and on which hash it stands.
CREATE FUNCTION linli_audit_prune(p_before timestamptz, p_actor text) RETURNS bigint
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  last audit_log%ROWTYPE;
  first_id bigint;
  gone bigint;
BEGIN
  IF p_before > now() - interval '6 months' THEN
    RAISE invalid_parameter_value USING MESSAGE = 'the audit log is kept for at least six months';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('linli audit prune'));  -- no verification is reading
  PERFORM pg_advisory_xact_lock(hashtext('linli audit'));
  SELECT min(id) INTO first_id FROM audit_log;
  SELECT * INTO last FROM audit_log
  WHERE id < coalesce((SELECT min(id) FROM audit_log WHERE at >= p_before), (SELECT max(id) + 1 FROM audit_log)) ORDER BY id DESC LIMIT 1;
  IF last.id IS NULL THEN
    RETURN 0;
  END IF;
  PERFORM linli_audit_append(NULL, p_actor, NULL, 'audit.prune', NULL,
    format('{"hash":"%s","rows":%s,"up_to":%s}', encode(last.hash, 'hex'), last.id - first_id + 1, last.id), NULL);
  PERFORM set_config('linli.audit_prune', 'on', true);
  DELETE FROM audit_log WHERE id <= last.id;
  GET DIAGNOSTICS gone = ROW_COUNT;
  PERFORM set_config('linli.audit_prune', '', true);
  RETURN gone;
END $$;

REVOKE ALL ON FUNCTION linli_audit_append(bigint, text, text, text, text, text, text), linli_audit(text, text, text, text, bigint),
  linli_audit_prune(timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_audit(text, text, text, text, bigint) TO linli_service;

-- A change of keys is no change of a file: nobody who is just correcting it should be told that it is stale.
DROP TRIGGER next_version ON residents;
CREATE TRIGGER next_version BEFORE UPDATE ON residents FOR EACH ROW
  WHEN (current_setting('linli.rotating', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION linli_next_version();

-- Who has moved out is counted no more.
CREATE OR REPLACE FUNCTION linli_demand_sites(as_of date)
RETURNS TABLE (building_id bigint, lon double precision, lat double precision, grid_id bigint,
               households bigint, residents bigint, elders_60 bigint, children_12 bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH people AS (
    SELECT r.household_id, count(*) AS residents,
           count(*) FILTER (WHERE linli_age(r.birth_date, r.birth_year, as_of) >= 60) AS elders_60,
           count(*) FILTER (WHERE linli_age(r.birth_date, r.birth_year, as_of) <= 12) AS children_12
    FROM residents r WHERE r.moved_out_on IS NULL OR r.moved_out_on > as_of GROUP BY r.household_id)
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
  WHERE r.moved_out_on IS NULL OR r.moved_out_on > as_of
  GROUP BY 1, 2
  UNION ALL
  SELECT h.grid_id, 'needs_open', count(*) FROM needs n JOIN households h ON h.id = n.household_id
  WHERE n.closed_on IS NULL OR n.closed_on > as_of GROUP BY 1 $$;
