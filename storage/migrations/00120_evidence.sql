-- +goose Up

ALTER TABLE attempts
    ADD COLUMN over_seen_at timestamptz, -- when we first heard that the call had failed or ended
    ADD COLUMN hung_up_at   timestamptz, -- when we first asked Vonage to hang it up; null: never
    ADD COLUMN absent_by    text,        -- who decided that Vonage made no call; null: the two scans did
    ADD COLUMN events_unread boolean NOT NULL DEFAULT false, -- an event named it before its call was known, and may have been of a leg
    -- guard:drop storage.TestPostgresRefuses: absence takes two scans, or a person
    ADD CONSTRAINT attempts_absence_proved CHECK (state <> 'absent' OR ((absent_scan_1 <> absent_scan_2) IS TRUE OR absent_by IS NOT NULL) AND NOT must_exist),
    DROP CONSTRAINT attempts_absence_proved_twice;

-- A person may settle what no scan can: an unknown attempt, or one that was lost.
INSERT INTO attempt_transitions (src, writer, dst) VALUES
    ('unknown', 'operator', 'absent'),
    ('unknown', 'operator', 'lost'),
    ('lost',    'operator', 'absent');

ALTER TABLE provider_calls
    -- The attempt in whose conversation the call is as a further leg, which connect
    -- opened; null: it is an attempt's own call, or no leg that is known.
    ADD COLUMN leg_of uuid;
CREATE INDEX provider_calls_legs ON provider_calls (leg_of) WHERE leg_of IS NOT NULL;

ALTER TABLE list_scans
    ADD COLUMN unreadable int NOT NULL DEFAULT 0, -- records without a uuid: any of them may be any call, so the scan proves nothing
    ADD CONSTRAINT list_scans_unreadable_count CHECK (unreadable >= 0);

ALTER TABLE zone_groups
    ADD COLUMN zone_missing boolean NOT NULL DEFAULT false; -- this Postgres does not know one of the zones: nobody of the group is called

CREATE OR REPLACE VIEW reporting.provider_calls AS
SELECT p.call_uuid, p.conversation_uuid, p.direction, p.to_number, p.from_number, p.status, p.start_time, p.end_time,
       p.duration_s, p.rate, p.price, p.network, p.attempt_id, c.name AS campaign, p.matched_by, p.first_seen_at,
       p.to_kind, p.leg_of
FROM provider_calls p
LEFT JOIN attempts a ON a.id = coalesce(p.attempt_id, p.leg_of)
LEFT JOIN campaigns c ON c.id = a.campaign_id;
