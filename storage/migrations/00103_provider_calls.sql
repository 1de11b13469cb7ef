-- +goose Up

-- Every call that Vonage's list or GET /calls/{uuid} ever showed, as the last
-- record of it said.
CREATE TABLE provider_calls (
    call_uuid         text NOT NULL,
    conversation_uuid text,
    direction         text NOT NULL DEFAULT '',   -- outbound, inbound, another word, or '' where not said
    to_kind           text NOT NULL,              -- phone, other (SIP, app, websocket), or unknown where not said
    to_number         text,                       -- digits, where the record says a number that can be read
    from_kind         text NOT NULL,
    from_number       text,
    status            text NOT NULL,              -- Vonage's word, in lower case
    start_time        timestamptz,
    end_time          timestamptz,
    duration_s        int,
    price             numeric,
    rate              numeric,                    -- a minute
    network           text,
    first_seen_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    observed_at       timestamptz NOT NULL,       -- when the record was read that last said something new
    -- Whose call it is; null: of no attempt, as far as is known. No foreign key,
    -- which would take half of the time that a first record needs: no attempt is
    -- ever deleted, and an invariant compares the two tables.
    attempt_id        uuid,
    matched_by        text,                       -- how that is known
    matched_at        timestamptz,
    folded            boolean NOT NULL DEFAULT false, -- the attempt has what the record says
    CONSTRAINT provider_calls_pkey PRIMARY KEY (call_uuid),
    CONSTRAINT provider_calls_to_known CHECK (to_kind IN ('phone', 'other', 'unknown')),
    CONSTRAINT provider_calls_from_known CHECK (from_kind IN ('phone', 'other', 'unknown')),
    CONSTRAINT provider_calls_price_money CHECK (price >= 0 AND price < 'Infinity'),
    CONSTRAINT provider_calls_rate_money CHECK (rate >= 0 AND rate < 'Infinity'),
    CONSTRAINT provider_calls_matched_by_known CHECK (matched_by IN ('uuid', 'numbers', 'person')),
    CONSTRAINT provider_calls_matched_whole CHECK (
        (attempt_id IS NULL) = (matched_by IS NULL) AND (attempt_id IS NULL) = (matched_at IS NULL)),
    CONSTRAINT provider_calls_folded_into_some CHECK (NOT folded OR attempt_id IS NOT NULL)
);
-- What may be another attempt's call than the one that it is matched to, if any.
CREATE INDEX provider_calls_unsure ON provider_calls (start_time) WHERE matched_by IS NULL OR matched_by = 'numbers';
CREATE INDEX provider_calls_unmatched ON provider_calls (to_number) WHERE attempt_id IS NULL;
CREATE INDEX provider_calls_unfolded ON provider_calls (attempt_id) WHERE attempt_id IS NOT NULL AND NOT folded;

-- Each complete reading of a window of Vonage's list, and what it proves.
CREATE TABLE list_scans (
    id            bigint GENERATED ALWAYS AS IDENTITY,
    from_time     timestamptz NOT NULL,  -- the window: every call that started in it was shown
    to_time       timestamptz NOT NULL,
    started_at    timestamptz NOT NULL,  -- when the reading began, by the database's clock
    finished_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    database_id   uuid NOT NULL,         -- the database that it was made for: of a copy it proves nothing
    records       int NOT NULL,
    known_shown   int NOT NULL,          -- calls that are known by uuid, had to be in it, and were
    known_missing int NOT NULL,          -- ... and were not: the list is not whole, and proves nothing
    CONSTRAINT list_scans_pkey PRIMARY KEY (id),
    CONSTRAINT list_scans_window CHECK (from_time < to_time),
    CONSTRAINT list_scans_begun_after_its_window CHECK (to_time <= started_at),
    CONSTRAINT list_scans_counts CHECK (records >= 0 AND known_shown >= 0 AND known_missing >= 0)
);
CREATE INDEX list_scans_by_window ON list_scans (to_time, from_time);

-- The two scans that proved an attempt absent: the evidence for the step after
-- which a person may be called again.
ALTER TABLE attempts
    ADD COLUMN absent_scan_1 bigint,
    ADD COLUMN absent_scan_2 bigint,
    ADD CONSTRAINT attempts_absent_scan_1 FOREIGN KEY (absent_scan_1) REFERENCES list_scans (id),
    ADD CONSTRAINT attempts_absent_scan_2 FOREIGN KEY (absent_scan_2) REFERENCES list_scans (id),
    ADD CONSTRAINT attempts_absence_proved_twice CHECK (state <> 'absent' OR (absent_scan_1 <> absent_scan_2) IS TRUE AND NOT must_exist),
    ADD CONSTRAINT attempts_absent_scans_both CHECK ((absent_scan_1 IS NULL) = (absent_scan_2 IS NULL));

-- The prices that stood for an attempt, one after another. The last one is the
-- attempt's.
CREATE TABLE price_history (
    attempt_id  uuid NOT NULL,
    rev         int NOT NULL,          -- 1, 2, 3 ...
    price       numeric NOT NULL,
    rate        numeric,
    duration_s  int,
    source      text NOT NULL,
    observed_at timestamptz NOT NULL,
    CONSTRAINT price_history_pkey PRIMARY KEY (attempt_id, rev),
    CONSTRAINT price_history_attempt FOREIGN KEY (attempt_id) REFERENCES attempts (id),
    CONSTRAINT price_history_rev_positive CHECK (rev > 0),
    CONSTRAINT price_history_price_money CHECK (price >= 0 AND price < 'Infinity'),
    CONSTRAINT price_history_rate_money CHECK (rate >= 0 AND rate < 'Infinity')
);

-- How far each pass over Vonage's list has read.
CREATE TABLE reconcile_watermarks (
    pass    text NOT NULL,
    reached timestamptz NOT NULL,
    CONSTRAINT reconcile_watermarks_pkey PRIMARY KEY (pass)
);

