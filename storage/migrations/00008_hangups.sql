-- +goose Up

-- Calls that should not be up and are to be ended: the second call of one
-- attempt, or a call of an attempt that was thought over. Written in the
-- transaction that raises the alarm.
CREATE TABLE hangups (
    call_uuid  text PRIMARY KEY,
    attempt_id uuid NOT NULL REFERENCES attempts (id),
    why        text NOT NULL, -- the kind of the alarm
    spared     text,          -- the attempt's other call, which is never ordered to be hung up
    state      text NOT NULL DEFAULT 'owed'
               CONSTRAINT hangups_state_known CHECK (state IN ('owed', 'done', 'over', 'failed')),
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries      int NOT NULL DEFAULT 0,
    next_try   timestamptz NOT NULL DEFAULT clock_timestamp(), -- until then nobody else tries
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer     text NOT NULL DEFAULT '',
    CONSTRAINT hangups_spare_another CHECK (spared <> call_uuid)
);
CREATE INDEX hangups_of_attempt ON hangups (attempt_id);
CREATE INDEX hangups_owed ON hangups (next_try) WHERE state = 'owed';

-- Who dealt with an alarm, and when. One that is raised again after that is
-- open again.
ALTER TABLE alarms
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN resolved_by text,
    ADD CONSTRAINT alarms_resolved_by_somebody CHECK ((resolved_at IS NULL) = (resolved_by IS NULL) AND resolved_by <> '');
CREATE INDEX alarms_open ON alarms (last_at) WHERE resolved_at IS NULL OR last_at > resolved_at;
