-- +goose Up

-- A campaign's settings never change, so the parts of them that the claim and
-- the gate ask for stand in columns of their own.
CREATE TABLE campaigns (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name               text NOT NULL
                       CONSTRAINT campaigns_name_unique UNIQUE
                       CONSTRAINT campaigns_name_length CHECK (length(name) BETWEEN 1 AND 200),
    status             text NOT NULL
                       CONSTRAINT campaigns_status_known
                       CHECK (status IN ('importing', 'running', 'paused', 'stopped', 'finished')),
    pause_reason       text,
    settings           jsonb NOT NULL,
    from_numbers       text[] NOT NULL
                       CONSTRAINT campaigns_from_some CHECK (cardinality(from_numbers) > 0),
    starts_at          timestamptz,
    opens_min          int NOT NULL,
    closes_min         int NOT NULL,
    created_at         timestamptz NOT NULL DEFAULT now(),
    import_finished_at timestamptz,
    CONSTRAINT campaigns_hours_ordered
        CHECK (0 <= opens_min AND opens_min < closes_min AND closes_min <= 1440),
    CONSTRAINT campaigns_paused_for_a_reason
        CHECK ((status = 'paused') = (pause_reason IS NOT NULL)),
    CONSTRAINT campaigns_imported_before_running
        CHECK (status NOT IN ('running', 'finished') OR import_finished_at IS NOT NULL),
    CONSTRAINT campaigns_importing_is_not_finished
        CHECK (status <> 'importing' OR import_finished_at IS NULL)
);

-- The distinct sets of zones that a campaign's contacts are in: at most a few
-- hundred. The claim asks once a group whether it is inside its hours, not
-- once a contact.
CREATE TABLE zone_groups (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES campaigns (id),
    zones       text[] NOT NULL
                CONSTRAINT zone_groups_zones_some CHECK (cardinality(zones) > 0),
    CONSTRAINT zone_groups_once UNIQUE (campaign_id, zones),
    CONSTRAINT zone_groups_of_campaign UNIQUE (id, campaign_id)
);

CREATE TABLE contacts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id   bigint NOT NULL,
    zone_group_id bigint NOT NULL,
    source        text NOT NULL,
    line_no       int NOT NULL CONSTRAINT contacts_line_positive CHECK (line_no > 0),
    to_number     text NOT NULL
                  CONSTRAINT contacts_number_e164 CHECK (to_number ~ '^[1-9][0-9]{6,14}$'),
    vars          jsonb NOT NULL,
    call_at       timestamptz,
    due_at        timestamptz NOT NULL,
    state         text NOT NULL DEFAULT 'pending'
                  CONSTRAINT contacts_state_known
                  CHECK (state IN ('pending', 'active', 'waiting', 'done')),
    reason        text
                  CONSTRAINT contacts_reason_known
                  CHECK (reason IN ('answered', 'human', 'machine', 'busy', 'unanswered', 'timeout',
                                    'failed', 'rejected', 'cancelled', 'unexplained',
                                    'refused', 'suppressed', 'stopped', 'unresolved', 'message')),
    attempts      int NOT NULL DEFAULT 0
                  CONSTRAINT contacts_attempts_positive CHECK (attempts >= 0),
    next_no       int NOT NULL DEFAULT 1,
    -- Which is called first of those that are due: a reminder, a retry, bulk.
    urgency       smallint NOT NULL GENERATED ALWAYS AS
                  (CASE WHEN call_at IS NOT NULL THEN 0 WHEN state = 'waiting' THEN 1 ELSE 2 END) STORED,
    CONSTRAINT contacts_once UNIQUE (campaign_id, to_number),
    CONSTRAINT contacts_ended_for_a_reason CHECK ((state = 'done') = (reason IS NOT NULL)),
    CONSTRAINT contacts_zone_group FOREIGN KEY (zone_group_id, campaign_id)
        REFERENCES zone_groups (id, campaign_id)
);

-- The claim reads each (group, urgency) from its first due contact on, and
-- stops after as many as it wants: its cost does not grow with the campaign.
CREATE INDEX contacts_due ON contacts (zone_group_id, urgency, due_at, id)
    WHERE state IN ('pending', 'waiting');
CREATE INDEX contacts_unfinished ON contacts (campaign_id) WHERE state <> 'done';
CREATE INDEX contacts_by_number ON contacts (to_number);

CREATE TABLE rejected_rows (
    campaign_id bigint NOT NULL REFERENCES campaigns (id),
    source      text NOT NULL,
    line_no     int NOT NULL,
    column_name text NOT NULL,
    reason      text NOT NULL,
    record      text NOT NULL,
    PRIMARY KEY (campaign_id, source, line_no)
);

CREATE TABLE suppressions (
    number     text PRIMARY KEY
               CONSTRAINT suppressions_number_e164 CHECK (number ~ '^[1-9][0-9]{6,14}$'),
    source     text NOT NULL,
    note       text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz
);

-- Whether the wall clock is inside [opens_min, closes_min) in every one of the
-- zones. No zones: never. A zone that Postgres does not know is an error,
-- because a check that cannot be made must not let a call through.
CREATE FUNCTION within_hours(at timestamptz, zones text[], opens_min int, closes_min int)
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(bool_and(local.minute >= opens_min AND local.minute < closes_min), false)
    FROM unnest(zones) AS zone,
         LATERAL (SELECT extract(hour FROM at AT TIME ZONE zone) * 60
                       + extract(minute FROM at AT TIME ZONE zone) AS minute) AS local
);
