DROP FUNCTION linli_open_events(bigint[]);
DROP TRIGGER count_emptied ON events;
DROP FUNCTION linli_events_emptied();
DROP FUNCTION linli_recount_event_days();

-- As they were before.
CREATE FUNCTION linli_recount_event_days() RETURNS SETOF event_days
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(e.grid_id, 0), e.reported_on, sum(c.reported)::integer, sum(c.dispatched)::integer, sum(c.dispatched_in_time)::integer,
         sum(c.resolved)::integer, sum(c.reworked)::integer, sum(c.closed)::integer, sum(c.closed_in_time)::integer,
         sum(c.evaluated)::integer, sum(c.satisfied)::integer
  FROM events e CROSS JOIN LATERAL linli_event_counts(e) c GROUP BY 1, 2 $$;

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
    satisfied = d.satisfied + excluded.satisfied $$;

CREATE OR REPLACE FUNCTION linli_repair_event_days() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM event_days;
  INSERT INTO event_days SELECT * FROM linli_recount_event_days();
END $$;

CREATE FUNCTION linli_event_states(now_at timestamptz) RETURNS TABLE (grid_id bigint, state text, n bigint, overdue bigint, nearly bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.grid_id, e.state, count(*), count(*) FILTER (WHERE e.due_at < now_at), count(*) FILTER (WHERE e.warn_at < now_at AND e.due_at >= now_at)
  FROM events e WHERE linli_require_account() AND e.state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated')
  GROUP BY 1, 2 $$;

REVOKE ALL ON FUNCTION linli_recount_event_days(), linli_event_states(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_event_states(timestamptz) TO linli_service;
