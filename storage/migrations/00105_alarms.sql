-- +goose Up

-- What a person should look at. The same alarm is counted and not repeated. One
-- that is raised again after it was resolved is open again.
CREATE TABLE alarms (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    kind        text NOT NULL,               -- campaign.AlarmKinds says what each means
    attempt_id  uuid,                        -- null: it concerns no attempt
    detail      text NOT NULL,               -- names and ids only: no number, no secret
    times       int NOT NULL DEFAULT 1,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    resolved_at timestamptz,
    resolved_by text,
    CONSTRAINT alarms_pkey PRIMARY KEY (id),
    CONSTRAINT alarms_resolved_by_somebody CHECK ((resolved_at IS NULL) = (resolved_by IS NULL) AND resolved_by <> '')
);
CREATE UNIQUE INDEX alarms_once ON alarms (kind, coalesce(attempt_id, '00000000-0000-0000-0000-000000000000'), detail);
CREATE INDEX alarms_by_time ON alarms (last_at);
CREATE INDEX alarms_open ON alarms (last_at) WHERE resolved_at IS NULL OR last_at > resolved_at;
