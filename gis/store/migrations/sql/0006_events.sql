-- Events: planners and admins see all, workers those of their grids and those that they reported; screens only counts.
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_steps ENABLE ROW LEVEL SECURITY;
ALTER TABLE event_desks ENABLE ROW LEVEL SECURITY;

CREATE POLICY desk_all ON events USING ((SELECT linli_role()) IN ('admin', 'planner'));
CREATE POLICY worker_own ON events
  USING ((SELECT linli_role()) = 'worker' AND (grid_id IN (SELECT linli_grids()) OR reported_by = (SELECT linli_account())))
  WITH CHECK ((SELECT linli_role()) = 'worker');
CREATE POLICY as_event ON event_steps USING (event_id IN (SELECT id FROM events));
CREATE POLICY as_event ON event_desks USING (event_id IN (SELECT id FROM events));

GRANT SELECT, INSERT, UPDATE ON events, event_desks TO linli_service;
GRANT SELECT, INSERT ON event_steps TO linli_service;
GRANT SELECT, INSERT, UPDATE, DELETE ON desks, event_limits TO linli_service;
GRANT SELECT ON event_days TO linli_service;

-- What one event adds to the counts of the day on which it was reported. Merged ones count with the event into which they went.
CREATE FUNCTION linli_event_counts(e events) RETURNS TABLE (
  reported integer, dispatched integer, dispatched_in_time integer, resolved integer, reworked integer,
  closed integer, closed_in_time integer, evaluated integer, satisfied integer) LANGUAGE sql IMMUTABLE AS $$
  SELECT 1, (e.dispatched_at IS NOT NULL)::integer, (e.dispatched_in_time IS TRUE)::integer,
         (e.resolved_at IS NOT NULL)::integer, (e.reworks > 0)::integer,
         (e.state IN ('resolved', 'evaluated'))::integer, (e.state IN ('resolved', 'evaluated') AND e.resolved_in_time IS TRUE)::integer,
         (e.outcome IS NOT NULL)::integer, (e.outcome = 'satisfied' AND e.outcome IS NOT NULL)::integer
  WHERE e.state <> 'merged' $$;

-- A full recount, for comparison with what the triggers keep.
CREATE FUNCTION linli_recount_event_days() RETURNS SETOF event_days
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(e.grid_id, 0), e.reported_on, sum(c.reported)::integer, sum(c.dispatched)::integer, sum(c.dispatched_in_time)::integer,
         sum(c.resolved)::integer, sum(c.reworked)::integer, sum(c.closed)::integer, sum(c.closed_in_time)::integer,
         sum(c.evaluated)::integer, sum(c.satisfied)::integer
  FROM events e CROSS JOIN LATERAL linli_event_counts(e) c GROUP BY 1, 2 $$;

CREATE FUNCTION linli_add_to_day(e events, sign integer) RETURNS void LANGUAGE sql AS $$
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

CREATE FUNCTION linli_count_event() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN PERFORM linli_add_to_day(OLD, -1); END IF;
  IF TG_OP <> 'DELETE' THEN PERFORM linli_add_to_day(NEW, 1); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_event AFTER INSERT OR UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION linli_count_event();

CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION linli_changed('events');
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON desks FOR EACH STATEMENT EXECUTE FUNCTION linli_changed('desks');
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON event_limits FOR EACH STATEMENT EXECUTE FUNCTION linli_changed('desks');
CREATE TRIGGER next_version BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION linli_next_version();
CREATE TRIGGER next_version BEFORE UPDATE ON desks FOR EACH ROW EXECUTE FUNCTION linli_next_version();

-- For screens, which may see no event: how many stand where in each grid, and how many are late or nearly so.
CREATE FUNCTION linli_event_states(now_at timestamptz) RETURNS TABLE (grid_id bigint, state text, n bigint, overdue bigint, nearly bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.grid_id, e.state, count(*), count(*) FILTER (WHERE e.due_at < now_at), count(*) FILTER (WHERE e.warn_at < now_at AND e.due_at >= now_at)
  FROM events e WHERE linli_require_account() AND e.state IN ('reported', 'dispatched', 'handling', 'returned', 'escalated')
  GROUP BY 1, 2 $$;

-- The newest events: kind, grid and time only. Disputes are about people and stay out.
CREATE FUNCTION linli_newest_events(most integer) RETURNS TABLE (kind text, severity text, state text, grid_id bigint, reported_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.kind, e.severity, e.state, e.grid_id, e.reported_at FROM events e
  WHERE linli_require_account() AND e.kind <> 'dispute' ORDER BY e.reported_at DESC, e.id DESC LIMIT most $$;

REVOKE ALL ON FUNCTION linli_event_counts(events), linli_recount_event_days(), linli_add_to_day(events, integer), linli_count_event(),
  linli_event_states(timestamptz), linli_newest_events(integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION linli_event_states(timestamptz), linli_newest_events(integer) TO linli_service;
