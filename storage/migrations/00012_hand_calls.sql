-- +goose Up

-- Calls that people made one by one: who, when, to what, and what Vonage
-- said. The row is the intent, committed before the POST, of which there is one
-- at most; what came of it is written once.
CREATE TABLE hand_calls (
    id                uuid PRIMARY KEY, -- also the token's
    at                timestamptz NOT NULL DEFAULT clock_timestamp(),
    who               text NOT NULL CONSTRAINT hand_calls_by_somebody CHECK (who <> ''),
    kind              text NOT NULL
                      CONSTRAINT hand_calls_kind_known CHECK (kind IN ('phone', 'sip', 'websocket', 'vbc', 'app')),
    to_address        text NOT NULL CONSTRAINT hand_calls_to_somebody CHECK (to_address <> ''),
    from_number       text, -- null: Vonage picked one of the application's
    detail            text NOT NULL DEFAULT '', -- what it was to say; never digits that were sent
    token_expires_at  timestamptz NOT NULL,
    outcome           text -- null: nobody recorded one, so it is as good as unknown
                      CONSTRAINT hand_calls_outcome_known CHECK (outcome IN ('created', 'refused', 'unknown')),
    answer            text NOT NULL DEFAULT '',
    call_uuid         text CONSTRAINT hand_calls_call_uuid_once UNIQUE,
    conversation_uuid text,
    CONSTRAINT hand_calls_uuid_when_created
        CHECK ((call_uuid IS NOT NULL) = (outcome IS NOT DISTINCT FROM 'created')),
    CONSTRAINT hand_calls_token_expires CHECK (token_expires_at > at)
);
CREATE INDEX hand_calls_by_address ON hand_calls (to_address);

-- +goose StatementBegin
CREATE FUNCTION guard_hand_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.outcome IS NOT NULL
       OR (NEW.id, NEW.at, NEW.who, NEW.kind, NEW.to_address, NEW.from_number, NEW.detail, NEW.token_expires_at)
          IS DISTINCT FROM
          (OLD.id, OLD.at, OLD.who, OLD.kind, OLD.to_address, OLD.from_number, OLD.detail, OLD.token_expires_at)
    THEN
        RAISE EXCEPTION 'a call made by hand stays recorded' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_hand_call BEFORE UPDATE OR DELETE ON hand_calls
    FOR EACH ROW EXECUTE FUNCTION guard_hand_call();
