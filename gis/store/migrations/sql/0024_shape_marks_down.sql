DO $$
DECLARE
  named text;
  which text;
BEGIN
  FOREACH named IN ARRAY ARRAY['grids', 'buildings'] LOOP
    FOREACH which IN ARRAY ARRAY['insert', 'delete', 'update', 'truncate'] LOOP
      EXECUTE format('DROP TRIGGER %I ON %I', 'shape_' || which, named);
    END LOOP;
  END LOOP;
END $$;
DROP FUNCTION linli_shapes_changed();
DROP FUNCTION linli_shapes_marked(text, pg_snapshot);
DROP FUNCTION linli_mark_shapes(text, bigint[]);
