-- +goose Up

-- One POST to Vonage that may have happened. There is never a second POST for a
-- row. docs/internals/state-machine.md draws its life.
CREATE TABLE attempts (
    id                uuid NOT NULL,                     -- UUIDv7; rides in the call's own event_url
    kind              text NOT NULL DEFAULT 'campaign',  -- manual: a person made the call, outside any campaign
    contact_id        bigint,                            -- null for a manual call, as campaign_id
    campaign_id       bigint,
    attempt_no        int NOT NULL,                      -- 1 for a contact's first row
    to_kind           text NOT NULL DEFAULT 'phone',
    to_number         text,                              -- E.164 digits; null unless to_kind is phone
    to_address        text,                              -- what is called if it is no telephone
    from_number       text,                              -- null: Vonage picked one of the application's numbers
    requested_by      text,                              -- who made a manual call
    detail            text NOT NULL DEFAULT '',          -- what a manual call was to say; never digits that were sent
    state             text NOT NULL,
    changed_by        text NOT NULL,                     -- the writer of its state
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),

    -- The queue: how often its task was enqueued, and when last.
    enqueue_count     int NOT NULL DEFAULT 1,
    enqueued_at       timestamptz NOT NULL DEFAULT clock_timestamp(),

    posts             int NOT NULL DEFAULT 0,            -- POSTs that may have been sent: 1 from the gate on
    dialed_at         timestamptz,                       -- when it passed the gate
    token_id          uuid,                              -- the jti of the token; attempts that pass together share one
    token_expires_at  timestamptz,                       -- from then on Vonage refuses the POST
    must_exist        boolean NOT NULL DEFAULT false,    -- Vonage said 201, and its uuid could not be read
    note              text NOT NULL DEFAULT '',          -- why it was refused or withdrawn

    call_uuid         text,                              -- Vonage's name of the call; written once
    conversation_uuid text,
    statuses          text[] NOT NULL DEFAULT '{}',      -- every status word that Vonage used, sorted
    answered_at       timestamptz,
    failure           text,                              -- the earliest failing status word
    failed_at         timestamptz,
    ended_at          timestamptz,                       -- when the call was first known to be over
    disposition       text,                              -- how the call ended

    price             numeric,
    rate              numeric,                           -- a minute
    duration_s        int,
    start_time        timestamptz,
    end_time          timestamptz,
    network           text,
    bill_source       text,                              -- who told the price: response, event or list
    bill_observed_at  timestamptz,

    record_checks     int NOT NULL DEFAULT 0,            -- looks at Vonage's record since it came into its state
    next_check_at     timestamptz,

    -- Evidence for an attempt that was thought over came after its successor had
    -- been dialed. Two calls are open, which is an alarm and cannot be undone.
    -- The row then stays outside the index of open attempts.
    superseded        boolean NOT NULL DEFAULT false,
    -- The call was found in Vonage's list after the database had forgotten it.
    recovered         boolean NOT NULL DEFAULT false,

    CONSTRAINT attempts_pkey PRIMARY KEY (id),
    CONSTRAINT attempts_contact FOREIGN KEY (contact_id) REFERENCES contacts (id),
    CONSTRAINT attempts_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id),
    CONSTRAINT attempts_kind_known CHECK (kind IN ('campaign', 'manual')),
    CONSTRAINT attempts_kind_fits CHECK (
        (kind = 'campaign') = (contact_id IS NOT NULL) AND (kind = 'campaign') = (campaign_id IS NOT NULL)
        AND (kind = 'manual') = (requested_by IS NOT NULL) AND requested_by <> ''),
    CONSTRAINT attempts_no_positive CHECK (attempt_no > 0),
    CONSTRAINT attempts_no_once UNIQUE (contact_id, attempt_no),
    CONSTRAINT attempts_to_known CHECK (to_kind IN ('phone', 'sip', 'websocket', 'vbc', 'app')),
    CONSTRAINT attempts_to_fits CHECK (
        (to_kind = 'phone') = (to_number IS NOT NULL) AND (to_kind = 'phone') = (to_address IS NULL) AND to_address <> ''),
    CONSTRAINT attempts_to_e164 CHECK (to_number ~ '^[1-9][0-9]{6,14}$'),
    CONSTRAINT attempts_from_digits CHECK (kind = 'manual' OR from_number IS NOT NULL AND from_number ~ '^[0-9]{1,15}$'),
    CONSTRAINT attempts_state_known CHECK (state IN (
        'reserved', 'dialing', 'unknown', 'accepted', 'ended', 'refused', 'absent', 'lost', 'void')),
    -- guard:drop storage.TestPostgresRefuses: an attempt has one POST at most
    CONSTRAINT attempts_one_post CHECK (posts BETWEEN 0 AND 1),
    CONSTRAINT attempts_dialed_at_the_gate CHECK (
        (posts = 1) = (dialed_at IS NOT NULL) AND (posts = 1) = (token_expires_at IS NOT NULL) AND (posts = 1) = (token_id IS NOT NULL)),
    CONSTRAINT attempts_no_post_before_the_gate CHECK (state NOT IN ('reserved', 'void') OR posts = 0),
    CONSTRAINT attempts_posted_after_the_gate CHECK (
        state NOT IN ('dialing', 'unknown', 'refused', 'absent', 'lost') OR posts = 1 OR state = 'lost' AND recovered),
    CONSTRAINT attempts_uuid_when_vonage_has_it CHECK ((state IN ('accepted', 'ended')) = (call_uuid IS NOT NULL)),
    CONSTRAINT attempts_call_uuid_once UNIQUE (call_uuid),
    CONSTRAINT attempts_ended_when_over CHECK (
        (state = 'ended') = (ended_at IS NOT NULL) AND (state = 'ended') = (disposition IS NOT NULL)),
    CONSTRAINT attempts_disposition_known CHECK (disposition IN (
        'answered', 'human', 'machine', 'busy', 'unanswered', 'timeout', 'failed', 'rejected', 'cancelled', 'unexplained')),
    CONSTRAINT attempts_superseded_by_evidence CHECK (NOT superseded OR state IN ('accepted', 'ended')),
    CONSTRAINT attempts_price_money CHECK (price >= 0 AND price < 'Infinity'),
    CONSTRAINT attempts_rate_money CHECK (rate >= 0 AND rate < 'Infinity'),
    CONSTRAINT attempts_duration_positive CHECK (duration_s >= 0)
    -- Room for updates in the same page: an attempt is written about seven times
    -- within a minute or two, and half of these change no indexed column.
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- A number has at most one open attempt, over all campaigns. So two calls never
-- ring one telephone, and a record of Vonage's list, which names no attempt, is
-- matched without doubt.
-- guard:value storage.TestPostgresRefuses: a number has one open attempt
CREATE UNIQUE INDEX one_open_attempt_per_number ON attempts (to_number)
    WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT superseded;

-- Every index costs with each write, so each has its query: docs/internals/performance.md
-- names it.
CREATE INDEX attempts_of_campaign ON attempts USING brin (campaign_id) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX attempts_by_number ON attempts (to_number);
CREATE INDEX attempts_by_conversation ON attempts (conversation_uuid);
CREATE INDEX attempts_by_dialed_at ON attempts (dialed_at);
CREATE INDEX attempts_reserved ON attempts (id) WHERE state = 'reserved';
CREATE INDEX attempts_unsettled ON attempts (token_expires_at) WHERE state IN ('dialing', 'unknown');
CREATE INDEX attempts_silent ON attempts (failed_at) WHERE state = 'accepted';
CREATE INDEX attempts_to_check ON attempts (next_check_at) WHERE state = 'accepted' OR (state = 'ended' AND price IS NULL);
-- The next three are small or empty and cost nothing.
CREATE INDEX attempts_manual ON attempts (created_at) WHERE kind = 'manual';
CREATE INDEX attempts_recovered ON attempts (start_time) WHERE recovered;
CREATE INDEX attempts_must_exist ON attempts (dialed_at) WHERE must_exist AND call_uuid IS NULL;

-- Who may move an attempt from one state to another: campaign.Transitions, of
-- which a test says that it is the same.
CREATE TABLE attempt_transitions (
    src    text NOT NULL,
    dst    text NOT NULL,
    writer text NOT NULL,
    CONSTRAINT attempt_transitions_pkey PRIMARY KEY (src, dst, writer)
);

INSERT INTO attempt_transitions (src, writer, dst) VALUES
    ('reserved', 'caller',     'dialing'),
    ('reserved', 'caller',     'void'),
    ('reserved', 'operator',   'void'),
    ('reserved', 'provider',   'void'),
    ('reserved', 'sweeper',    'void'),
    ('reserved', 'provider',   'accepted'),
    ('reserved', 'provider',   'ended'),
    ('dialing',  'caller',     'accepted'),
    ('dialing',  'caller',     'refused'),
    ('dialing',  'caller',     'unknown'),
    ('dialing',  'sweeper',    'unknown'),
    ('dialing',  'provider',   'accepted'),
    ('dialing',  'provider',   'ended'),
    ('unknown',  'caller',     'accepted'),
    ('unknown',  'caller',     'refused'),
    ('unknown',  'provider',   'accepted'),
    ('unknown',  'provider',   'ended'),
    ('unknown',  'reconciler', 'absent'),
    ('unknown',  'reconciler', 'lost'),
    ('accepted', 'provider',   'ended'),
    ('accepted', 'sweeper',    'ended'),
    ('refused',  'provider',   'accepted'),
    ('refused',  'provider',   'ended'),
    ('absent',   'provider',   'accepted'),
    ('absent',   'provider',   'ended'),
    ('lost',     'provider',   'accepted'),
    ('lost',     'provider',   'ended');

-- Attempts change by hundreds in a statement, so they are checked once a
-- statement and not once a row.
-- +goose StatementBegin
CREATE FUNCTION guard_new_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT state INTO wrong FROM new_rows
    WHERE state <> 'reserved' AND NOT (recovered AND state IN ('accepted', 'lost')) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an attempt begins as reserved, not as %', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION guard_changed_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT * INTO wrong FROM (
        SELECT coalesce(o.id, n.id) AS id, CASE
            WHEN o.id IS NULL OR n.id IS NULL THEN 'its id never changes'
            -- guard:drop storage.TestPostgresRefuses: an attempt moves only as the table of transitions says
            WHEN n.state <> o.state AND t.src IS NULL THEN format('%s may not move it from %s to %s', n.changed_by, o.state, n.state)
            -- guard:drop storage.TestPostgresRefuses: a call uuid is written once
            WHEN o.call_uuid IS NOT NULL AND n.call_uuid IS DISTINCT FROM o.call_uuid THEN 'its call uuid is written once'
            -- guard:drop storage.TestPostgresRefuses: a status that was seen stays
            WHEN NOT n.statuses @> o.statuses THEN 'a status that was seen stays'
            WHEN n.posts < o.posts THEN 'its posts never become fewer'
            WHEN (n.kind, n.contact_id, n.to_kind, n.to_number, n.to_address, n.from_number)
                 IS DISTINCT FROM (o.kind, o.contact_id, o.to_kind, o.to_number, o.to_address, o.from_number)
            THEN 'whom it calls, and from where, never changes'
            WHEN o.recovered AND NOT n.recovered THEN 'a recovered attempt stays recovered'
            END AS why
        FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
        LEFT JOIN attempt_transitions t ON t.src = o.state AND t.dst = n.state AND t.writer = n.changed_by) AS changed
    WHERE why IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'attempt %: %', wrong.id, wrong.why USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_new_attempts AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION guard_new_attempts();
CREATE TRIGGER guard_changed_attempts AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION guard_changed_attempts();
