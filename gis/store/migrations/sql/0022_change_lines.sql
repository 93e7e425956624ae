-- Of each topic as many lines as ever wrote it at once, one for each, instead of one for each change: what is read of the journal (eight times a second, by
-- each process) does not grow with what is written. A change gives its line the next number of all; no line is ever waited for.
DELETE FROM changes c USING changes later WHERE later.topic = c.topic AND later.id > c.id;
ALTER TABLE changes DROP COLUMN at, ADD COLUMN newest bigint NOT NULL DEFAULT nextval('changes_id_seq');
-- A line changes in its own page, where what it was is cleared away by whoever comes next.
ALTER TABLE changes SET (fillfactor = 50);

CREATE FUNCTION linli_note_change(named text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  mine text := 'linli.line_' || named;
  place tid := nullif(current_setting(mine, true), '')::tid;
BEGIN
  PERFORM pg_notify('linli', named);
  -- A transaction that has a line goes straight to it: a search would walk through all that it has been in this transaction.
  IF place IS NOT NULL THEN
    UPDATE changes SET newest = nextval('changes_id_seq') WHERE ctid = place AND topic = named RETURNING ctid INTO place;
  END IF;
  -- Where a transaction stands still at one moment, a line that was written since could not be.
  IF place IS NULL AND current_setting('transaction_isolation') = 'read committed' THEN
    UPDATE changes SET newest = nextval('changes_id_seq')
    WHERE id = (SELECT c.id FROM changes c WHERE c.topic = named ORDER BY c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING ctid INTO place;
  END IF;
  IF place IS NULL THEN INSERT INTO changes (topic) VALUES (named) RETURNING ctid INTO place; END IF;
  PERFORM set_config(mine, place::text, true);
END $$;

-- Caches and live screens follow what changes: one number and one notice a statement, seen when its transaction commits.
CREATE OR REPLACE FUNCTION linli_changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM linli_note_change(TG_ARGV[0]);
  RETURN NULL;
END $$;

-- The version of every topic: what a cache remembers beside its content. Not the newest number alone: a transaction which began early and commits late
-- brings an older one. Numbers are given out once and lines are never taken away, so the sum grows with every commit.
CREATE OR REPLACE FUNCTION linli_versions() RETURNS TABLE (topic text, newest bigint, changes bigint) LANGUAGE sql STABLE AS
$$ SELECT topic, max(newest), sum(newest)::bigint FROM changes GROUP BY topic $$;

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
  PERFORM linli_note_change('events');
END $$;

REVOKE ALL ON FUNCTION linli_note_change(text) FROM PUBLIC;
