CREATE OR REPLACE FUNCTION linli_households_in(area geometry)
RETURNS TABLE (id bigint, lon double precision, lat double precision, grid_id bigint, grid_reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.id, h.lon, h.lat, h.grid_id, h.grid_reason FROM households h
  WHERE h.geometry && area AND ST_Intersects(h.geometry, area) AND (SELECT linli_role()) = 'admin' $$;
DROP INDEX ix_households_lon_lat;
CREATE INDEX ix_households_geometry ON households USING gist (geometry);
