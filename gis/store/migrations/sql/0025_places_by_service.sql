-- A station has places of each of its services: what a project takes of one leaves the others as they are.
DROP FUNCTION linli_places_taken();
CREATE FUNCTION linli_places_taken() RETURNS TABLE (resource_id uuid, station_id bigint, service text, places bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT r.resource_id, r.station_id, CASE WHEN r.station_id IS NOT NULL THEN p.service END, sum(r.places)
  FROM project_resources r JOIN projects p ON p.id = r.project_id
  WHERE p.state IN ('planned', 'running') AND (SELECT linli_role()) IN ('admin', 'planner', 'worker') GROUP BY 1, 2, 3 $$;

REVOKE ALL ON FUNCTION linli_places_taken() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_places_taken() TO linli_service;
