-- +goose Up

CREATE TABLE attempts (
    id                uuid PRIMARY KEY,
    contact_id        bigint NOT NULL REFERENCES contacts (id),
    campaign_id       bigint NOT NULL REFERENCES campaigns (id),
    attempt_no        int NOT NULL CONSTRAINT attempts_no_positive CHECK (attempt_no > 0),
    to_number         text NOT NULL
                      CONSTRAINT attempts_to_e164 CHECK (to_number ~ '^[1-9][0-9]{6,14}$'),
    from_number       text NOT NULL
                      CONSTRAINT attempts_from_digits CHECK (from_number ~ '^[0-9]{1,15}$'),
    state             text NOT NULL
                      CONSTRAINT attempts_state_known
                      CHECK (state IN ('reserved', 'dialing', 'unknown', 'accepted', 'ended',
                                       'refused', 'absent', 'lost', 'void')),
    moved_by          text NOT NULL, -- who moved it into its state; the feeder's claim for reserved
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),

    -- How often it was put into the queue, and until when nobody does so again.
    feed              int NOT NULL DEFAULT 1,
    fed_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until       timestamptz NOT NULL,

    fence             int NOT NULL DEFAULT 0
                      CONSTRAINT attempts_one_post CHECK (fence BETWEEN 0 AND 1),
    dialed_at         timestamptz,
    token_expires_at  timestamptz,
    must_exist        boolean NOT NULL DEFAULT false,
    note              text NOT NULL DEFAULT '',

    call_uuid         text CONSTRAINT attempts_call_uuid_once UNIQUE,
    conversation_uuid text,
    seen              text[] NOT NULL DEFAULT '{}',
    answered_at       timestamptz,
    failure           text,
    failed_at         timestamptz,
    closed_at         timestamptz,
    disposition       text
                      CONSTRAINT attempts_disposition_known
                      CHECK (disposition IN ('answered', 'human', 'machine', 'busy', 'unanswered', 'timeout',
                                             'failed', 'rejected', 'cancelled', 'unexplained')),

    price             numeric CONSTRAINT attempts_price_money CHECK (price >= 0 AND price < 'Infinity'),
    rate              numeric CONSTRAINT attempts_rate_money CHECK (rate >= 0 AND rate < 'Infinity'),
    duration_s        int CONSTRAINT attempts_duration_positive CHECK (duration_s >= 0),
    start_time        timestamptz,
    end_time          timestamptz,
    network           text,
    bill_source       text,
    bill_observed_at  timestamptz,

    absent_scans      int NOT NULL DEFAULT 0,
    last_scan_at      timestamptz,
    checks            int NOT NULL DEFAULT 0,  -- looks at Vonage's record since it came into its state
    check_at          timestamptz,             -- when the next look is due

    -- Evidence for an attempt that was thought over came when its successor
    -- had been dialed: two calls are open, which is an alarm and cannot be
    -- undone. This row then stays outside the index below, so that what the
    -- provider says can be stored.
    overtaken         boolean NOT NULL DEFAULT false,

    CONSTRAINT attempts_no_once UNIQUE (contact_id, attempt_no),
    CONSTRAINT attempts_dialed_at_the_gate
        CHECK ((fence = 1) = (dialed_at IS NOT NULL) AND (fence = 1) = (token_expires_at IS NOT NULL)),
    CONSTRAINT attempts_no_post_before_the_gate
        CHECK (state NOT IN ('reserved', 'void') OR fence = 0),
    CONSTRAINT attempts_posted_after_the_gate
        CHECK (state NOT IN ('dialing', 'unknown', 'refused', 'absent', 'lost') OR fence = 1),
    CONSTRAINT attempts_uuid_when_the_provider_has_it
        CHECK ((state IN ('accepted', 'ended')) = (call_uuid IS NOT NULL)),
    CONSTRAINT attempts_ended_when_closed
        CHECK ((state = 'ended') = (closed_at IS NOT NULL) AND (state = 'ended') = (disposition IS NOT NULL)),
    CONSTRAINT attempts_absence_proved_twice
        CHECK (state <> 'absent' OR (absent_scans >= 2 AND NOT must_exist)),
    CONSTRAINT attempts_overtaken_by_evidence
        CHECK (NOT overtaken OR state IN ('accepted', 'ended'))
);

-- A number has at most one open attempt, over all campaigns: nobody is rung by
-- two calls at once, and Vonage's list, which can be searched by neither
-- number nor reference of ours, can be matched without doubt.
CREATE UNIQUE INDEX one_open_attempt_per_number ON attempts (to_number)
    WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT overtaken;

CREATE INDEX attempts_of_campaign ON attempts (campaign_id);
CREATE INDEX attempts_by_number ON attempts (to_number);
CREATE INDEX attempts_by_conversation ON attempts (conversation_uuid);
CREATE INDEX attempts_by_dialed_at ON attempts (dialed_at);
CREATE INDEX attempts_reserved ON attempts (lease_until) WHERE state = 'reserved';
CREATE INDEX attempts_dialing ON attempts (token_expires_at) WHERE state = 'dialing';
CREATE INDEX attempts_unknown ON attempts (token_expires_at) WHERE state = 'unknown';
CREATE INDEX attempts_silent ON attempts (failed_at) WHERE state = 'accepted';
CREATE INDEX attempts_to_check ON attempts (check_at)
    WHERE state = 'accepted' OR (state = 'ended' AND price IS NULL);

-- The copy of campaign.Transitions that Postgres holds writers to.
CREATE TABLE attempt_transitions (
    src    text NOT NULL,
    dst    text NOT NULL,
    writer text NOT NULL,
    PRIMARY KEY (src, dst, writer)
);

INSERT INTO attempt_transitions (src, writer, dst) VALUES
    ('reserved', 'placer',   'dialing'),
    ('reserved', 'placer',   'void'),
    ('reserved', 'operator', 'void'),
    ('reserved', 'provider',  'void'),
    ('reserved', 'provider',  'accepted'),
    ('reserved', 'provider',  'ended'),
    ('dialing',  'placer',   'accepted'),
    ('dialing',  'placer',   'refused'),
    ('dialing',  'placer',   'unknown'),
    ('dialing',  'sweeper',  'unknown'),
    ('dialing',  'provider',  'accepted'),
    ('dialing',  'provider',  'ended'),
    ('unknown',  'placer',   'accepted'),
    ('unknown',  'placer',   'refused'),
    ('unknown',  'provider',  'accepted'),
    ('unknown',  'provider',  'ended'),
    ('unknown',  'settler',  'absent'),
    ('unknown',  'settler',  'lost'),
    ('accepted', 'provider',  'ended'),
    ('accepted', 'sweeper',  'ended'),
    ('refused',  'provider',  'accepted'),
    ('refused',  'provider',  'ended'),
    ('absent',   'provider',  'accepted'),
    ('absent',   'provider',  'ended'),
    ('lost',     'provider',  'accepted'),
    ('lost',     'provider',  'ended');

-- +goose StatementBegin
CREATE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'reserved' THEN
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
    RETURN NEW;
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_attempt BEFORE INSERT OR UPDATE ON attempts
    FOR EACH ROW EXECUTE FUNCTION guard_attempt();
