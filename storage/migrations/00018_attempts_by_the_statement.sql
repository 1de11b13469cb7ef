-- +goose Up

-- Attempts move by hundreds in a statement: Vonage's list, outcomes and
-- events come in batches. So they are guarded and counted once a statement,
-- with the rules of guard_attempt and tally_attempt, which did so for each row.
DROP TRIGGER guard_attempt ON attempts;
DROP FUNCTION guard_attempt();
DROP TRIGGER tally_changed ON attempts;
DROP TRIGGER tally_removed ON attempts;
DROP FUNCTION tally_attempt();

-- +goose StatementBegin
CREATE FUNCTION guard_new_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    SELECT state INTO wrong FROM new_rows
    WHERE state <> 'reserved' AND NOT (adopted AND state IN ('accepted', 'lost')) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'an attempt begins as reserved, not as %', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION guard_moved_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT * INTO wrong FROM (
        SELECT coalesce(o.id, n.id) AS id, CASE
            WHEN o.id IS NULL OR n.id IS NULL THEN 'its id never changes'
            WHEN n.state <> o.state AND NOT EXISTS (
                SELECT FROM attempt_transitions t WHERE t.src = o.state AND t.dst = n.state AND t.writer = n.moved_by)
            THEN format('%s may not move it from %s to %s', n.moved_by, o.state, n.state)
            WHEN o.call_uuid IS NOT NULL AND n.call_uuid IS DISTINCT FROM o.call_uuid THEN 'its call uuid is written once'
            WHEN NOT n.seen @> o.seen THEN 'what was seen stays seen'
            WHEN n.fence < o.fence OR n.to_number <> o.to_number OR n.from_number <> o.from_number
            THEN 'its fence never falls and its numbers never change'
            WHEN o.adopted AND NOT n.adopted THEN 'what was adopted stays adopted'
            END AS why
        FROM old_rows o FULL JOIN new_rows n ON n.id = o.id) AS moved
    WHERE why IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'attempt %: %', wrong.id, wrong.why USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

-- What leaves a tally and what comes into it, added up: an update that changes
-- nothing that is counted writes no line.
CREATE FUNCTION tally_moved_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_changes (campaign_id, hour, subject, state, outcome, n, priced, seconds, price)
    SELECT campaign_id, hour, 'attempts', state, outcome, sum(n), sum(n * priced), sum(n * seconds), sum(n * price)
    FROM (SELECT 1 AS n, campaign_id, date_trunc('hour', dialed_at, 'UTC') AS hour, state, coalesce(disposition, '') AS outcome,
                 num_nonnulls(price) AS priced, coalesce(duration_s, 0) AS seconds, coalesce(price, 0) AS price FROM new_rows
          UNION ALL
          SELECT -1, campaign_id, date_trunc('hour', dialed_at, 'UTC'), state, coalesce(disposition, ''),
                 num_nonnulls(price), coalesce(duration_s, 0), coalesce(price, 0) FROM old_rows) AS moved
    GROUP BY campaign_id, hour, state, outcome
    HAVING sum(n) <> 0 OR sum(n * priced) <> 0 OR sum(n * seconds) <> 0 OR sum(n * price) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_removed_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_changes (campaign_id, hour, subject, state, outcome, n, priced, seconds, price)
    SELECT campaign_id, date_trunc('hour', dialed_at, 'UTC'), 'attempts', state, coalesce(disposition, ''), -count(*),
           -count(price), -coalesce(sum(duration_s), 0), -coalesce(sum(price), 0)
    FROM old_rows GROUP BY 1, 2, 4, 5;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER guard_new_attempt AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION guard_new_attempts();
CREATE TRIGGER guard_attempt AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION guard_moved_attempts();
CREATE TRIGGER tally_changed AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_moved_attempts();
CREATE TRIGGER tally_removed AFTER DELETE ON attempts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_removed_attempts();
