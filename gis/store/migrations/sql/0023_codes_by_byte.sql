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
    EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE %I', codes.tab, codes.col, 'C');
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

-- Where households live is asked of a box, whose share of all longitudes is small; this order is built in a quarter of the time that a tree of boxes takes.
DROP INDEX ix_households_geometry;
CREATE INDEX ix_households_lon_lat ON households (lon, lat);
CREATE OR REPLACE FUNCTION linli_households_in(area geometry)
RETURNS TABLE (id bigint, lon double precision, lat double precision, grid_id bigint, grid_reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.id, h.lon, h.lat, h.grid_id, h.grid_reason FROM households h
  WHERE h.lon BETWEEN ST_XMin(area) AND ST_XMax(area) AND h.lat BETWEEN ST_YMin(area) AND ST_YMax(area)
    AND ST_Intersects(h.geometry, area) AND (SELECT linli_role()) = 'admin' $$;
