-- +goose Up

-- What people did to calls in progress: who, when, what, and what Vonage
-- said to it. A call need not be one of an attempt here.
CREATE TABLE call_actions (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    call_uuid text NOT NULL,
    who       text NOT NULL CONSTRAINT call_actions_by_somebody CHECK (who <> ''),
    action    text NOT NULL,
    detail    text NOT NULL DEFAULT '', -- never digits that were sent, which may be a secret
    outcome   text NOT NULL
              CONSTRAINT call_actions_outcome_known CHECK (outcome IN ('done', 'refused', 'unknown')),
    answer    text NOT NULL DEFAULT ''
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
