CREATE OR REPLACE FUNCTION linli_versions() RETURNS TABLE (topic text, newest bigint, changes bigint) LANGUAGE sql STABLE AS
$$ SELECT topic, max(id), (count(*) << 40) + (sum(id) % (1::bigint << 40))::bigint FROM changes GROUP BY topic $$;

CREATE OR REPLACE FUNCTION linli_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  number bigint;
BEGIN
  INSERT INTO changes (topic) VALUES (TG_ARGV[0]) RETURNING id INTO number;
  PERFORM pg_notify('linli', TG_ARGV[0]);
  -- Now and then the old lines go, but never a topic's newest: the journal stays as long as a busy hour.
  IF number % 500 = 0 THEN
    DELETE FROM changes c WHERE c.at < clock_timestamp() - interval '1 hour'
      AND c.id < (SELECT max(n.id) FROM changes n WHERE n.topic = c.topic);
  END IF;
  RETURN NULL;
END $$;

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

DROP FUNCTION linli_note_change(text);
ALTER TABLE changes RESET (fillfactor);
-- The column goes last, and the other comes: numbers that caches know are not given out a second time.
UPDATE changes SET id = DEFAULT;
ALTER TABLE changes DROP COLUMN newest, ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp();
