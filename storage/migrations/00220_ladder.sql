-- +goose Up

-- How far a campaign came with each person: called, answered, heard, result. The
-- counters count each person at the highest of these.
ALTER TABLE contacts ADD COLUMN answered boolean NOT NULL DEFAULT false; -- somebody, or something, answered one of its calls
UPDATE contacts k SET answered = true WHERE EXISTS (
    SELECT FROM attempts a WHERE a.contact_id = k.id AND a.disposition IN ('answered', 'human', 'machine'));

-- null: not called yet.
CREATE FUNCTION rung(attempts int, answered boolean, heard_at timestamptz, result text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN result IS NOT NULL THEN 'result' WHEN heard_at IS NOT NULL THEN 'heard' WHEN answered THEN 'answered' WHEN attempts > 0 THEN 'called' END;

ALTER TABLE counters DROP CONSTRAINT counters_subject_known,
    ADD CONSTRAINT counters_subject_known CHECK (subject IN ('contacts', 'attempts', 'rejected_rows', 'ladder'));

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
FROM contacts WHERE rung(attempts, answered, heard_at, result) IS NOT NULL GROUP BY 1, 3, 4;

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
        FROM new_rows WHERE attempts > 0 OR answered OR heard_at IS NOT NULL OR result IS NOT NULL GROUP BY 1, 3, 4;
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
        WHERE rung IS NOT NULL GROUP BY campaign_id, rung, result HAVING sum(n) <> 0;
    ELSE
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), -count(*)
        FROM old_rows GROUP BY campaign_id, state, reason
        UNION ALL
        SELECT campaign_id, 'ladder', rung(attempts, answered, heard_at, result), coalesce(result, ''), -count(*)
        FROM old_rows WHERE attempts > 0 OR answered OR heard_at IS NOT NULL OR result IS NOT NULL GROUP BY 1, 3, 4;
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- Whom the dialer knew before.
INSERT INTO counters SELECT * FROM counted WHERE subject = 'ladder'
ON CONFLICT (campaign_id, subject, state, outcome) DO UPDATE SET n = counters.n + excluded.n;
