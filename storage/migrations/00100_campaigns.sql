-- +goose Up

-- A campaign: its settings, and where it stands. What the claim and the rules ask
-- for has columns of its own, which an edit changes with the settings.
CREATE TABLE campaigns (
    id                 bigint GENERATED ALWAYS AS IDENTITY,
    name               text NOT NULL,
    status             text NOT NULL,
    pause_reason       text,                 -- for people; set exactly while the campaign is paused
    settings           jsonb NOT NULL,       -- campaign.Settings as JSON
    from_numbers       text[] NOT NULL,      -- the numbers that it calls from
    starts_at          timestamptz,          -- nobody is called before; null: at once
    opens_min          int NOT NULL,         -- calling hours, in minutes of the wall clock
    closes_min         int NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    import_finished_at timestamptz,          -- null while its first file is being imported
    stopped_at         timestamptz,
    CONSTRAINT campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT campaigns_name_unique UNIQUE (name),
    CONSTRAINT campaigns_name_length CHECK (length(name) BETWEEN 1 AND 200),
    CONSTRAINT campaigns_status_known CHECK (status IN ('importing', 'running', 'paused', 'stopped', 'finished')),
    CONSTRAINT campaigns_from_some CHECK (cardinality(from_numbers) > 0),
    CONSTRAINT campaigns_hours_ordered CHECK (0 <= opens_min AND opens_min < closes_min AND closes_min <= 1440),
    CONSTRAINT campaigns_paused_for_a_reason CHECK ((status = 'paused') = (pause_reason IS NOT NULL)),
    CONSTRAINT campaigns_imported_before_running CHECK (status NOT IN ('running', 'finished') OR import_finished_at IS NOT NULL),
    CONSTRAINT campaigns_importing_is_not_finished CHECK (status <> 'importing' OR import_finished_at IS NULL)
);

-- The distinct sets of time zones that a campaign's contacts are in: a few
-- hundred at most. The claim checks the hours once for each set and not once
-- for each contact.
CREATE TABLE zone_groups (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id bigint NOT NULL,
    zones       text[] NOT NULL, -- IANA names; a number that may be in several zones has them all
    CONSTRAINT zone_groups_pkey PRIMARY KEY (id),
    CONSTRAINT zone_groups_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id),
    CONSTRAINT zone_groups_zones_some CHECK (cardinality(zones) > 0),
    CONSTRAINT zone_groups_once UNIQUE (campaign_id, zones),
    CONSTRAINT zone_groups_of_campaign UNIQUE (id, campaign_id)
);

-- A person to reach in a campaign.
CREATE TABLE contacts (
    id              bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id     bigint NOT NULL,
    zone_group_id   bigint NOT NULL,
    source          text NOT NULL,        -- the fingerprint of the file that it came from
    line_no         int NOT NULL,         -- its line in that file, from 1
    to_number       text NOT NULL,        -- E.164 digits, without a plus
    vars            jsonb NOT NULL,       -- the values of the row that the message names
    call_at         timestamptz,          -- a reminder's own time
    due_at          timestamptz NOT NULL, -- when it may be called next
    state           text NOT NULL DEFAULT 'pending',
    reason          text,                 -- why it ended; set exactly when state is done
    attempts        int NOT NULL DEFAULT 0, -- calls that Vonage had
    next_attempt_no int NOT NULL DEFAULT 1,
    -- What is called first of all that is due: reminders, then retries, then first calls.
    urgency         smallint NOT NULL GENERATED ALWAYS AS
                    (CASE WHEN call_at IS NOT NULL THEN 0 WHEN state = 'waiting' THEN 1 ELSE 2 END) STORED,
    CONSTRAINT contacts_pkey PRIMARY KEY (id),
    CONSTRAINT contacts_zone_group FOREIGN KEY (zone_group_id, campaign_id) REFERENCES zone_groups (id, campaign_id),
    CONSTRAINT contacts_line_positive CHECK (line_no > 0),
    CONSTRAINT contacts_number_e164 CHECK (to_number ~ '^[1-9][0-9]{6,14}$'),
    CONSTRAINT contacts_state_known CHECK (state IN ('pending', 'active', 'waiting', 'done')),
    CONSTRAINT contacts_reason_known CHECK (reason IN (
        'answered', 'human', 'machine', 'busy', 'unanswered', 'timeout', 'failed', 'rejected', 'cancelled', 'unexplained',
        'refused', 'suppressed', 'stopped', 'unresolved', 'message')),
    CONSTRAINT contacts_ended_for_a_reason CHECK ((state = 'done') = (reason IS NOT NULL)),
    CONSTRAINT contacts_attempts_positive CHECK (attempts >= 0),
    -- One index for two purposes: a number is in a campaign once, and all that
    -- concerns a number is found by it.
    CONSTRAINT contacts_once UNIQUE (to_number, campaign_id)
);

-- The claim reads each zone group and urgency from the first due contact on and
-- stops at its limit, so its cost does not grow with the campaign.
CREATE INDEX contacts_due ON contacts (zone_group_id, urgency, due_at, id) WHERE state IN ('pending', 'waiting');
-- For people's own queries. A campaign's rows lie together, so a summary of each
-- range of pages finds them and costs next to nothing to keep.
CREATE INDEX contacts_of_campaign ON contacts USING brin (campaign_id) WITH (pages_per_range = 32, autosummarize = on);
-- The defaults would vacuum a table of ten million rows after two million
-- updates. The claim reads what was just updated.
ALTER TABLE contacts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- Rows of imported files that no contact was made of.
CREATE TABLE rejected_rows (
    campaign_id bigint NOT NULL,
    source      text NOT NULL,  -- the fingerprint of the file
    line_no     int NOT NULL,
    column_name text NOT NULL,  -- '': the row as a whole
    reason      text NOT NULL,
    record      text NOT NULL,  -- what stood in the file, shortened
    CONSTRAINT rejected_rows_pkey PRIMARY KEY (campaign_id, source, line_no),
    CONSTRAINT rejected_rows_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);

-- Which text of rules.sql stands in this database.
CREATE TABLE applied_rules (
    one        boolean NOT NULL DEFAULT true,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT applied_rules_pkey PRIMARY KEY (one),
    CONSTRAINT applied_rules_one CHECK (one)
);
