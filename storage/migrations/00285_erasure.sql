-- +goose Up

-- When what an attempt tells of a person was erased. What Vonage says of the call
-- later is erased too: erase_late.
ALTER TABLE attempts ADD COLUMN erased_at timestamptz;
CREATE INDEX attempts_erased ON attempts (erased_at) WHERE erased_at IS NOT NULL;

-- Rows are kept as they are, but for an erasure, which says so in its transaction.
DROP TRIGGER guard_event ON events;
-- guard:drop storage.TestPostgresRefuses: events are kept as received
CREATE TRIGGER guard_event BEFORE UPDATE OR DELETE ON events FOR EACH ROW WHEN (current_setting('dialer.erasing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guard_event();
DROP TRIGGER guard_changed_attempts ON attempts;
CREATE TRIGGER guard_changed_attempts AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT WHEN (current_setting('dialer.erasing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guard_changed_attempts();

-- What stands where an erased number stood: +999 is no country's. It tells apart
-- the numbers of one contact, and nothing else.
-- +goose StatementBegin
CREATE FUNCTION erased_number(contact bigint, place int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '999' || lpad(coalesce(contact, 0)::text, 11, '0') || coalesce(place - 1, 0) % 10
$$;

-- An event's body without the numbers, and without what the person keyed or said.
CREATE FUNCTION erased_body(body json, numbers text[], instead text) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace((body::jsonb - 'dtmf' - 'speech' - 'recording_url')::text, array_to_string(numbers, '|'), instead, 'g')::json
$$;

-- What came of an erased attempt since: events, and records of Vonage's list.
CREATE FUNCTION erase_late(since timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    m bigint;
BEGIN
    PERFORM set_config('dialer.erasing', 'on', true);
    UPDATE events e SET body = erased_body(e.body, ARRAY[e.body->>'to'], a.to_number)
    FROM attempts a WHERE a.erased_at > since AND e.attempt_id = a.id AND e.received_at > since - interval '1 day'
      AND e.body->>'to' ~ '^[1-9][0-9]+$' AND e.body->>'to' <> a.to_number;
    GET DIAGNOSTICS n = ROW_COUNT;
    UPDATE provider_calls c SET to_number = a.to_number
    FROM attempts a WHERE a.erased_at > since AND c.attempt_id = a.id AND c.to_number <> a.to_number;
    GET DIAGNOSTICS m = ROW_COUNT;
    UPDATE attempts SET keys = '{}' WHERE erased_at > since AND keys <> '{}';
    PERFORM set_config('dialer.erasing', '', true);
    RETURN n + m;
END $$;
-- +goose StatementEnd
