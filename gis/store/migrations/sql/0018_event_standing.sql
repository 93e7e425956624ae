-- A day of a grid carries the number of the transaction that last changed it, so a reader finds the grids that its former snapshot has not seen
-- (gis/services/casework/standing.py). Days never go, they fall to nothing: a day that has gone could not say so.
CREATE OR REPLACE FUNCTION linli_add_to_day(e events, sign integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO event_days AS d
  SELECT coalesce(e.grid_id, 0), e.reported_on, sign * c.reported, sign * c.dispatched, sign * c.dispatched_in_time, sign * c.resolved,
         sign * c.reworked, sign * c.closed, sign * c.closed_in_time, sign * c.evaluated, sign * c.satisfied
  FROM linli_event_counts(e) c
  ON CONFLICT (grid_id, day) DO UPDATE SET
    reported = d.reported + excluded.reported, dispatched = d.dispatched + excluded.dispatched,
    dispatched_in_time = d.dispatched_in_time + excluded.dispatched_in_time, resolved = d.resolved + excluded.resolved,
    reworked = d.reworked + excluded.reworked, closed = d.closed + excluded.closed,
    closed_in_time = d.closed_in_time + excluded.closed_in_time, evaluated = d.evaluated + excluded.evaluated,
    satisfied = d.satisfied + excluded.satisfied, touched_in = excluded.touched_in $$;

DROP FUNCTION linli_recount_event_days();
CREATE FUNCTION linli_recount_event_days() RETURNS TABLE (
  grid_id bigint, day date, reported integer, dispatched integer, dispatched_in_time integer, resolved integer, reworked integer,
  closed integer, closed_in_time integer, evaluated integer, satisfied integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(e.grid_id, 0), e.reported_on, sum(c.reported)::integer, sum(c.dispatched)::integer, sum(c.dispatched_in_time)::integer,
         sum(c.resolved)::integer, sum(c.reworked)::integer, sum(c.closed)::integer, sum(c.closed_in_time)::integer,
         sum(c.evaluated)::integer, sum(c.satisfied)::integer
  FROM events e CROSS JOIN LATERAL linli_event_counts(e) c GROUP BY 1, 2 $$;

-- Days of events anew, from the events; writers of events wait meanwhile, and walls are told.
CREATE OR REPLACE FUNCTION linli_repair_event_days() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO event_days
  SELECT coalesce(k.grid_id, c.grid_id), coalesce(k.day, c.day), coalesce(c.reported, 0), coalesce(c.dispatched, 0), coalesce(c.dispatched_in_time, 0),
         coalesce(c.resolved, 0), coalesce(c.reworked, 0), coalesce(c.closed, 0), coalesce(c.closed_in_time, 0), coalesce(c.evaluated, 0),
         coalesce(c.satisfied, 0)
  FROM event_days k FULL JOIN linli_recount_event_days() c ON c.grid_id = k.grid_id AND c.day = k.day
  ON CONFLICT (grid_id, day) DO UPDATE SET
    reported = excluded.reported, dispatched = excluded.dispatched, dispatched_in_time = excluded.dispatched_in_time, resolved = excluded.resolved,
    reworked = excluded.reworked, closed = excluded.closed, closed_in_time = excluded.closed_in_time, evaluated = excluded.evaluated,
    satisfied = excluded.satisfied, touched_in = excluded.touched_in;
  INSERT INTO changes (topic) VALUES ('events');
  PERFORM pg_notify('linli', 'events');
END $$;

CREATE FUNCTION linli_events_emptied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linli_repair_event_days();
  RETURN NULL;
END $$;
CREATE TRIGGER count_emptied AFTER TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION linli_events_emptied();

-- For screens, which may see no event: of each open one the grid (0: none), the state and the minutes (since 1970) of its limits; grids null: of all.
DROP FUNCTION linli_event_states(timestamptz);
CREATE FUNCTION linli_open_events(grids bigint[]) RETURNS TABLE (grid_id bigint, state text, warn_min integer, due_min integer)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linli_require_account();
  IF grids IS NULL THEN
    RETURN QUERY SELECT coalesce(e.grid_id, 0), e.state, floor(extract(epoch FROM e.warn_at) / 60)::integer, floor(extract(epoch FROM e.due_at) / 60)::integer
    FROM events e WHERE e.state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated');
    RETURN;
  END IF;
  RETURN QUERY SELECT e.grid_id, e.state, floor(extract(epoch FROM e.warn_at) / 60)::integer, floor(extract(epoch FROM e.due_at) / 60)::integer
  FROM events e WHERE e.state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated') AND e.grid_id = ANY (grids);
  IF 0 = ANY (grids) THEN
    RETURN QUERY SELECT 0::bigint, e.state, floor(extract(epoch FROM e.warn_at) / 60)::integer, floor(extract(epoch FROM e.due_at) / 60)::integer
    FROM events e WHERE e.state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated') AND e.grid_id IS NULL;
  END IF;
END $$;

REVOKE ALL ON FUNCTION linli_recount_event_days(), linli_events_emptied(), linli_open_events(bigint[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_open_events(bigint[]) TO linli_service;
