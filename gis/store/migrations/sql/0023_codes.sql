-- Codes are compared byte by byte, as every list of them is sorted: an index serves its order, and is built without asking the language.
-- What depends on a column stands aside while the column changes.
DROP POLICY worker_reads ON projects;
DROP TRIGGER remember ON households;
DO $$
DECLARE
  codes record;
BEGIN
  FOR codes IN SELECT * FROM (VALUES ('areas', 'code'), ('backdrop', 'code'), ('buildings', 'code'), ('compounds', 'code'), ('desks', 'code'),
    ('door_codes', 'code'), ('grids', 'code'), ('households', 'code'), ('merchants', 'code'), ('residents', 'key'), ('stations', 'code'),
    ('street_units', 'code'), ('streets', 'code'), ('things', 'code')) AS named (tab, col)
  LOOP
    EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE {collation}', codes.tab, codes.col);
  END LOOP;
END $$;
CREATE POLICY worker_reads ON projects FOR SELECT USING ((SELECT linli_role()) = 'worker' AND EXISTS (
  SELECT FROM grids g WHERE g.id IN (SELECT linli_grids()) AND starts_with(g.code, scope)));
CREATE TRIGGER remember AFTER UPDATE ON households FOR EACH ROW
  WHEN ((OLD.code, OLD.building_id, OLD.unit, OLD.room, OLD.own_position, OLD.lon, OLD.lat, OLD.colour, OLD.colour_reason, OLD.colour_confirmed_by,
         OLD.colour_confirmed_at, OLD.colour_expires_on)
     IS DISTINCT FROM
        (NEW.code, NEW.building_id, NEW.unit, NEW.room, NEW.own_position, NEW.lon, NEW.lat, NEW.colour, NEW.colour_reason, NEW.colour_confirmed_by,
         NEW.colour_confirmed_at, NEW.colour_expires_on))
  EXECUTE FUNCTION linli_remember('household',
    'code,building_id,unit,room,own_position,lon,lat,colour,colour_reason,colour_confirmed_by,colour_expires_on');
