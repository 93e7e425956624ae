-- Which grids and buildings read otherwise than before, and by which transaction: each process reads these again that its former snapshot has not seen, not
-- the whole place (gis/services/gridset.py, locating.py). Only added to, so that writers never wait.
ALTER TABLE shape_marks ENABLE ROW LEVEL SECURITY;

-- Beyond two hundred and fifty at once (or with a null among them) all are marked. Now and then the old marks go; whoever has not seen those that go sees
-- that they have gone: a mark of all takes their place.
CREATE FUNCTION linli_mark_shapes(of_table text, ids bigint[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF cardinality(ids) > 250 THEN ids := '{0}'; END IF;
  INSERT INTO shape_marks (kind, shape_id) SELECT of_table, coalesce(i, 0) FROM unnest(ids) i ON CONFLICT DO NOTHING;
  IF pg_current_xact_id()::text::bigint % 1000 = 0 THEN
    DELETE FROM shape_marks WHERE (touched_in, kind, shape_id) IN
      (SELECT m.touched_in, m.kind, m.shape_id FROM shape_marks m FOR UPDATE SKIP LOCKED);
    INSERT INTO shape_marks (kind, shape_id) VALUES ('grids', 0), ('buildings', 0) ON CONFLICT DO NOTHING;
  END IF;
END $$;

-- Of a building only what is looked at where it stands: a boundary that moves changes its grid, and nothing of its own.
CREATE FUNCTION linli_shapes_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  ids bigint[] := '{0}';
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(id) INTO ids FROM (SELECT id FROM new_rows LIMIT 251) n;
  ELSIF TG_OP = 'DELETE' THEN
    SELECT array_agg(id) INTO ids FROM (SELECT id FROM old_rows LIMIT 251) o;
  ELSIF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'grids' THEN
    SELECT array_agg(id) INTO ids FROM (SELECT id FROM old_rows UNION SELECT id FROM new_rows LIMIT 251) c;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT array_agg(id) INTO ids FROM (
      SELECT id FROM (SELECT id, code, name, geometry::bytea FROM old_rows EXCEPT SELECT id, code, name, geometry::bytea FROM new_rows) o
      UNION SELECT id FROM (SELECT id, code, name, geometry::bytea FROM new_rows EXCEPT SELECT id, code, name, geometry::bytea FROM old_rows) n
      LIMIT 251) c;
  END IF;
  PERFORM linli_mark_shapes(TG_TABLE_NAME, ids);
  RETURN NULL;
END $$;

DO $$
DECLARE
  named text;
BEGIN
  FOREACH named IN ARRAY ARRAY['grids', 'buildings'] LOOP
    EXECUTE format('CREATE TRIGGER shape_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION linli_shapes_changed()', named);
    EXECUTE format('CREATE TRIGGER shape_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION linli_shapes_changed()', named);
    EXECUTE format('CREATE TRIGGER shape_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                    FOR EACH STATEMENT EXECUTE FUNCTION linli_shapes_changed()', named);
    EXECUTE format('CREATE TRIGGER shape_truncate AFTER TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION linli_shapes_changed()', named);
  END LOOP;
END $$;

-- The grids or buildings (0: all) marked by transactions that a former snapshot does not see, also where they began before it and were committed after.
CREATE FUNCTION linli_shapes_marked(of_table text, seen pg_snapshot) RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT DISTINCT m.shape_id FROM shape_marks m
  WHERE m.kind = of_table
    AND m.touched_in >= pg_snapshot_xmin(seen)::text::bigint
    AND NOT pg_visible_in_snapshot(m.touched_in::text::xid8, seen) $$;

REVOKE ALL ON FUNCTION linli_mark_shapes(text, bigint[]), linli_shapes_changed(), linli_shapes_marked(text, pg_snapshot) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_shapes_marked(text, pg_snapshot) TO linli_service;
