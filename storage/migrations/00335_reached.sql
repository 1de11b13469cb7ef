-- +goose Up

-- How people who have ended are listed is counted: from it rules.sql tells who was reached,
-- for the bar, the tiles, the counts, the lists and the exports.

-- Somebody else who shares the telephone opted out of calls to it, so this person ended
-- as suppressed and is to be reached by hand.
ALTER TABLE contacts ADD COLUMN phone_opted_out boolean NOT NULL DEFAULT false;
UPDATE contacts k SET phone_opted_out = true
WHERE k.reason = 'suppressed' AND k.result IS DISTINCT FROM 'opted_out' AND EXISTS (
    SELECT FROM suppressions s
    WHERE s.number = ANY (coalesce(k.numbers, ARRAY[k.to_number])) AND s.source = 'opt-out by key' AND s.ended_at IS NULL
      AND (s.campaign_id IS NULL OR s.campaign_id = k.campaign_id));

-- As before, and with an o behind it where the telephone was opted out.
CREATE FUNCTION listed_as(state text, reason text, heard_at timestamptz, result text, phone_opted_out boolean) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN state || ' ' || coalesce(reason, '') || ' ' || CASE WHEN result IS NOT NULL THEN '2' WHEN heard_at IS NOT NULL THEN '1' ELSE '0' END
       || CASE WHEN phone_opted_out THEN 'o' ELSE '' END;

DROP INDEX contacts_listed;
DROP FUNCTION listed_as(text, text, timestamptz, text);
CREATE INDEX contacts_listed ON contacts (campaign_id, listed_as(state, reason, heard_at, result, phone_opted_out), key COLLATE "C");

-- Those who have ended are counted by how they are listed.
ALTER TABLE counters DROP CONSTRAINT counters_subject_known,
    ADD CONSTRAINT counters_subject_known CHECK (subject IN ('contacts', 'attempts', 'rejected_rows', 'ladder', 'recordings', 'listed'));

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
WHERE coalesce(a.campaign_id, k.campaign_id) IS NOT NULL GROUP BY 1
UNION ALL
SELECT campaign_id, 'listed', state, listed_as(state, reason, heard_at, result, phone_opted_out), count(*), 0, 0, 0
FROM contacts WHERE state = 'done' GROUP BY 1, 3, 4;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION count_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), count(*)
        FROM new_rows GROUP BY campaign_id, state, reason
        UNION ALL
        SELECT campaign_id, 'ladder', rung(attempts, answered, heard_at, result), coalesce(result, ''), count(*)
        FROM new_rows WHERE attempts > 0 OR answered OR heard_at IS NOT NULL OR result IS NOT NULL GROUP BY 1, 3, 4
        UNION ALL
        SELECT campaign_id, 'listed', state, listed_as(state, reason, heard_at, result, phone_opted_out), count(*)
        FROM new_rows WHERE state = 'done' GROUP BY 1, 3, 4;
    WHEN 'UPDATE' THEN
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), sum(n)
        FROM (SELECT campaign_id, state, reason, 1 AS n FROM new_rows
              UNION ALL
              SELECT campaign_id, state, reason, -1 FROM old_rows) AS changed
        GROUP BY campaign_id, state, reason HAVING sum(n) <> 0
        UNION ALL
        SELECT campaign_id, 'ladder', rung, coalesce(result, ''), sum(n)
        FROM (SELECT campaign_id, rung(attempts, answered, heard_at, result) AS rung, result, 1 AS n FROM new_rows
              UNION ALL
              SELECT campaign_id, rung(attempts, answered, heard_at, result), result, -1 FROM old_rows) AS changed
        WHERE rung IS NOT NULL GROUP BY campaign_id, rung, result HAVING sum(n) <> 0
        UNION ALL
        SELECT campaign_id, 'listed', state, listed, sum(n)
        FROM (SELECT campaign_id, state, listed_as(state, reason, heard_at, result, phone_opted_out) AS listed, 1 AS n FROM new_rows WHERE state = 'done'
              UNION ALL
              SELECT campaign_id, state, listed_as(state, reason, heard_at, result, phone_opted_out), -1 FROM old_rows WHERE state = 'done') AS changed
        GROUP BY campaign_id, state, listed HAVING sum(n) <> 0;
    ELSE
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), -count(*)
        FROM old_rows GROUP BY campaign_id, state, reason
        UNION ALL
        SELECT campaign_id, 'ladder', rung(attempts, answered, heard_at, result), coalesce(result, ''), -count(*)
        FROM old_rows WHERE attempts > 0 OR answered OR heard_at IS NOT NULL OR result IS NOT NULL GROUP BY 1, 3, 4
        UNION ALL
        SELECT campaign_id, 'listed', state, listed_as(state, reason, heard_at, result, phone_opted_out), -count(*)
        FROM old_rows WHERE state = 'done' GROUP BY 1, 3, 4;
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Who had ended before.
INSERT INTO counters SELECT * FROM counted WHERE subject = 'listed'
ON CONFLICT (campaign_id, subject, state, outcome) DO UPDATE SET n = counters.n + excluded.n;

-- Who follows another one's calls ends as that one does, for the same cause.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION follow_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE next_one bigint;
BEGIN
    IF NEW.reason = 'cancelled_by_request' THEN
        SELECT min(id) INTO next_one FROM contacts WHERE call_with = NEW.id;
        UPDATE contacts SET call_with = NULL, state = 'pending', reason = NULL, attempts = 0, answered = false, heard_at = NULL, result = NULL
        WHERE id = next_one;
        UPDATE contacts SET call_with = next_one WHERE call_with = NEW.id;
        UPDATE contacts SET leads = true WHERE id = next_one AND EXISTS (SELECT FROM contacts f WHERE f.call_with = next_one);
        UPDATE contacts SET leads = false WHERE id = NEW.id;
        RETURN NULL;
    END IF;
    UPDATE contacts f SET state = NEW.state, reason = NEW.reason, attempts = NEW.attempts, answered = NEW.answered,
        heard_at = NEW.heard_at, result = NEW.result, due_at = NEW.due_at, to_number = NEW.to_number, zone_group_id = NEW.zone_group_id, country = NEW.country,
        phone_opted_out = NEW.phone_opted_out
    WHERE f.call_with = NEW.id
      AND (f.state, f.reason, f.attempts, f.answered, f.heard_at, f.result, f.due_at, f.to_number, f.zone_group_id, f.phone_opted_out)
          IS DISTINCT FROM (NEW.state, NEW.reason, NEW.attempts, NEW.answered, NEW.heard_at, NEW.result, NEW.due_at, NEW.to_number, NEW.zone_group_id, NEW.phone_opted_out);
    RETURN NULL;
END $$;
-- +goose StatementEnd
