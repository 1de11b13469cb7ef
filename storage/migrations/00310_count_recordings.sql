-- +goose Up

-- How many recordings a campaign has is counted as all else is, so that a report reads
-- none of them. Those of manual calls are of no campaign.
ALTER TABLE counters DROP CONSTRAINT counters_subject_known,
    ADD CONSTRAINT counters_subject_known CHECK (subject IN ('contacts', 'attempts', 'rejected_rows', 'ladder', 'recordings'));

CREATE OR REPLACE VIEW counted AS
SELECT campaign_id, 'contacts' AS subject, state, coalesce(reason, '') AS outcome, count(*) AS n,
       0::bigint AS priced, 0::bigint AS seconds, 0::numeric AS price
FROM contacts GROUP BY campaign_id, state, reason
UNION ALL
SELECT campaign_id, 'attempts', state, coalesce(disposition, ''), count(*),
       count(price), coalesce(sum(duration_s), 0), coalesce(sum(price), 0)
FROM attempts WHERE campaign_id IS NOT NULL GROUP BY campaign_id, state, disposition
UNION ALL
SELECT campaign_id, 'rejected_rows', '', '', count(*), 0, 0, 0
FROM rejected_rows GROUP BY campaign_id
UNION ALL
SELECT campaign_id, 'ladder', rung(attempts, answered, heard_at, result), coalesce(result, ''), count(*), 0, 0, 0
FROM contacts WHERE rung(attempts, answered, heard_at, result) IS NOT NULL GROUP BY 1, 3, 4
UNION ALL
SELECT coalesce(a.campaign_id, k.campaign_id), 'recordings', '', '', count(*), 0, 0, 0
FROM recordings r LEFT JOIN attempts a ON a.id = r.attempt_id
LEFT JOIN inbound_calls i ON i.id = r.inbound_id LEFT JOIN contacts k ON k.id = i.contact_id
WHERE coalesce(a.campaign_id, k.campaign_id) IS NOT NULL GROUP BY 1;

-- +goose StatementBegin
CREATE FUNCTION count_recordings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
    SELECT coalesce(a.campaign_id, k.campaign_id), 'recordings', '', '', CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
    FROM changed_rows r LEFT JOIN attempts a ON a.id = r.attempt_id
    LEFT JOIN inbound_calls i ON i.id = r.inbound_id LEFT JOIN contacts k ON k.id = i.contact_id
    WHERE coalesce(a.campaign_id, k.campaign_id) IS NOT NULL GROUP BY 1;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION recount() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE contacts, attempts, rejected_rows, recordings, counter_deltas, counters, hourly_counters, country_deltas, country_counters IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM counter_deltas;
    DELETE FROM counters;
    DELETE FROM hourly_counters;
    DELETE FROM country_deltas;
    DELETE FROM country_counters;
    INSERT INTO counters SELECT * FROM counted;
    INSERT INTO hourly_counters SELECT * FROM counted_hours;
    INSERT INTO country_counters SELECT * FROM counted_countries;
END $$;
-- +goose StatementEnd

CREATE TRIGGER count_added AFTER INSERT ON recordings REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_recordings();
CREATE TRIGGER count_removed AFTER DELETE ON recordings REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_recordings();

-- What was recorded before.
INSERT INTO counters SELECT * FROM counted WHERE subject = 'recordings';
