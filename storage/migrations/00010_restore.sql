-- +goose Up

-- Where the database lived when it last dialed and how far it got, so that a
-- copy, a restored backup and a failover are told from the database itself.
-- While it is held, the claim and the gate let nobody through.
ALTER TABLE installation
    ADD COLUMN system_id    text,
    ADD COLUMN database_oid bigint,
    ADD COLUMN timeline     bigint,
    ADD COLUMN marked_at    timestamptz,
    ADD COLUMN held_for     text
        CONSTRAINT installation_hold_known CHECK (held_for IN ('unwitnessed', 'failover', 'restored', 'copy')),
    ADD COLUMN held_since   timestamptz,
    ADD COLUMN known_until  timestamptz, -- the mark when it was held
    ADD COLUMN confirmed_at timestamptz, -- a person said that this copy dials
    ADD COLUMN confirmed_by text,
    ADD COLUMN readings     int NOT NULL DEFAULT 0,
    ADD COLUMN read_at      timestamptz,
    -- The least schema that a program must know to work here. A migration that
    -- older programs cannot work with raises it; every other one leaves it.
    ADD COLUMN needs_schema bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT installation_held_whole
        CHECK ((held_for IS NULL) = (held_since IS NULL) AND (held_for IS NULL) = (known_until IS NULL)),
    ADD CONSTRAINT installation_confirmed_by_somebody
        CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL)),
    ADD CONSTRAINT installation_marked_where_it_lives
        CHECK ((database_oid IS NULL) = (marked_at IS NULL));

-- A call that a restored database forgot is adopted as an attempt that never
-- passed a gate here. If it may be of several contacts, each gets an attempt
-- that is lost: nobody rings them by himself, and a person decides.
ALTER TABLE attempts
    ADD COLUMN adopted boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT attempts_posted_after_the_gate,
    ADD CONSTRAINT attempts_posted_after_the_gate
        CHECK (state NOT IN ('dialing', 'unknown', 'refused', 'absent', 'lost') OR fence = 1
               OR (state = 'lost' AND adopted)) NOT VALID;
ALTER TABLE attempts VALIDATE CONSTRAINT attempts_posted_after_the_gate;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'reserved' AND NOT (NEW.adopted AND NEW.state IN ('accepted', 'lost')) THEN
            RAISE EXCEPTION 'an attempt begins as reserved, not as %', NEW.state USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND NOT EXISTS (
        SELECT FROM attempt_transitions WHERE src = OLD.state AND dst = NEW.state AND writer = NEW.moved_by
    ) THEN
        RAISE EXCEPTION 'attempt %: % may not move it from % to %', OLD.id, NEW.moved_by, OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.call_uuid IS NOT NULL AND NEW.call_uuid IS DISTINCT FROM OLD.call_uuid THEN
        RAISE EXCEPTION 'attempt %: its call uuid is written once', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF NOT NEW.seen @> OLD.seen THEN
        RAISE EXCEPTION 'attempt %: what was seen stays seen', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.fence < OLD.fence OR NEW.to_number <> OLD.to_number OR NEW.from_number <> OLD.from_number THEN
        RAISE EXCEPTION 'attempt %: its fence never falls and its numbers never change', OLD.id
            USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.adopted AND NOT NEW.adopted THEN
        RAISE EXCEPTION 'attempt %: what was adopted stays adopted', OLD.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
