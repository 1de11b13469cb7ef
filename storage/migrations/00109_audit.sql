-- +goose Up

-- Who changed what, when, and through what. Written in the transaction of the
-- change, or right after Vonage's answer for what was done to a call. Rows are
-- only added.
CREATE TABLE audit (
    id      bigint GENERATED ALWAYS AS IDENTITY,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor   text NOT NULL,              -- a person's or a program's name
    role    text NOT NULL DEFAULT '',   -- viewer, operator, admin; '' for a person at the command line
    through text NOT NULL,              -- command, page, api, dialer
    action  text NOT NULL,              -- such as campaign.pause
    object  text NOT NULL,              -- such as campaign 7 or call UUID; never a telephone number
    before  jsonb,                      -- numbers of people only masked, and no digits that were sent
    after   jsonb,
    CONSTRAINT audit_pkey PRIMARY KEY (id),
    CONSTRAINT audit_by_somebody CHECK (actor <> ''),
    CONSTRAINT audit_through_known CHECK (through IN ('command', 'page', 'api', 'dialer'))
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of_object ON audit (object, id);

-- +goose StatementBegin
CREATE FUNCTION guard_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit is never changed' USING ERRCODE = 'check_violation';
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_audit BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION guard_audit();
