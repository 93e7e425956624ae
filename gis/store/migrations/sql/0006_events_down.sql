DROP FUNCTION linli_newest_events(integer);
DROP FUNCTION linli_event_states(timestamptz);
DROP TRIGGER count_event ON events;
DROP FUNCTION linli_count_event();
DROP FUNCTION linli_add_to_day(events, integer);
DROP FUNCTION linli_recount_event_days();
DROP FUNCTION linli_event_counts(events);
