-- +goose Up

-- Calls that should not be up and are to be ended: the second call of one
-- attempt, or a call of an attempt that was thought over. Written in the
-- transaction that raises the alarm.
CREATE TABLE hangups (
    call_uuid      text NOT NULL,
    attempt_id     uuid NOT NULL,
    why            text NOT NULL,                   -- the kind of the alarm
    kept_call_uuid text,                            -- the attempt's other call, which stays up
    state          text NOT NULL DEFAULT 'pending', -- pending, then one of the others
    ordered_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    tries          int NOT NULL DEFAULT 0,
    next_try       timestamptz NOT NULL DEFAULT clock_timestamp(), -- until then no other process tries
    changed_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    answer         text NOT NULL DEFAULT '',        -- what Vonage said
    CONSTRAINT hangups_pkey PRIMARY KEY (call_uuid),
    CONSTRAINT hangups_attempt FOREIGN KEY (attempt_id) REFERENCES attempts (id),
    CONSTRAINT hangups_state_known CHECK (state IN ('pending', 'done', 'already_ended', 'failed')),
    CONSTRAINT hangups_keep_another CHECK (kept_call_uuid <> call_uuid)
);
CREATE INDEX hangups_of_attempt ON hangups (attempt_id);
CREATE INDEX hangups_pending ON hangups (next_try) WHERE state = 'pending';
