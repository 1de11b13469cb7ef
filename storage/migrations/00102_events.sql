-- +goose Up

-- Every webhook as Vonage sent it. Rows are only added; whole days are dropped.
CREATE SEQUENCE events_id_seq;
CREATE TABLE events (
    id                bigint NOT NULL DEFAULT nextval('events_id_seq'),
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt_id        uuid,           -- null: of no attempt that is known here
    call_uuid         text,
    conversation_uuid text,
    kind              text NOT NULL,  -- the status, or input, transfer, notify, record, error, unknown
    status            text,           -- null for an event without a status
    provider_at       timestamptz,    -- Vonage's own time of it
    body              json NOT NULL,  -- json and not jsonb, because json keeps the text
    CONSTRAINT events_pkey PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);
ALTER SEQUENCE events_id_seq OWNED BY events.id;

-- Takes the events of a day whose partition was not made in time.
CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE INDEX events_of_attempt ON events (attempt_id, received_at);

-- +goose StatementBegin
CREATE FUNCTION guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are kept as received: drop a whole partition instead' USING ERRCODE = 'check_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_event BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION guard_event();
