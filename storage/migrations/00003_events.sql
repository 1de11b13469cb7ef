-- +goose Up

-- Every webhook as received. body is json, not jsonb: it keeps the text.
CREATE SEQUENCE events_id_seq;
CREATE TABLE events (
    id                bigint NOT NULL DEFAULT nextval('events_id_seq'),
    received_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt_id        uuid, -- null when it concerns no attempt that is known here
    call_uuid         text,
    conversation_uuid text,
    kind              text NOT NULL,
    status            text,
    provider_at        timestamptz,
    body              json NOT NULL,
    PRIMARY KEY (received_at, id)
) PARTITION BY RANGE (received_at);
ALTER SEQUENCE events_id_seq OWNED BY events.id;

-- Catches what comes when nobody made the day's partition in time.
CREATE TABLE events_default PARTITION OF events DEFAULT;

CREATE INDEX events_of_attempt ON events (attempt_id, received_at);
CREATE INDEX events_of_call ON events (call_uuid);

-- +goose StatementBegin
CREATE FUNCTION guard_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'events are kept as received: drop a whole partition instead' USING ERRCODE = 'check_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_event BEFORE UPDATE OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION guard_event();

-- Things that a person should look at. The same one is counted, not repeated.
CREATE TABLE alarms (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,
    attempt_id uuid,
    detail     text NOT NULL,
    times      int NOT NULL DEFAULT 1,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX alarms_once ON alarms
    (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail);
CREATE INDEX alarms_by_time ON alarms (last_at);
