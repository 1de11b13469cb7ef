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

-- What people and the dialer did to calls in progress. A call need not be one of
-- an attempt here. Rows are only added.
CREATE TABLE call_actions (
    id        bigint GENERATED ALWAYS AS IDENTITY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    call_uuid text NOT NULL,
    who       text NOT NULL,
    action    text NOT NULL,            -- such as hangup
    detail    text NOT NULL DEFAULT '', -- never digits that were sent, which may be a secret
    outcome   text NOT NULL,
    answer    text NOT NULL DEFAULT '', -- what Vonage said
    CONSTRAINT call_actions_pkey PRIMARY KEY (id),
    CONSTRAINT call_actions_by_somebody CHECK (who <> ''),
    CONSTRAINT call_actions_outcome_known CHECK (outcome IN ('done', 'refused', 'unknown'))
);
CREATE INDEX call_actions_of_call ON call_actions (call_uuid);

-- +goose StatementBegin
CREATE FUNCTION guard_call_action() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was done to a call stays recorded' USING ERRCODE = 'check_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_call_action BEFORE UPDATE OR DELETE ON call_actions
    FOR EACH ROW EXECUTE FUNCTION guard_call_action();
