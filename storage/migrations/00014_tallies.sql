-- +goose Up

-- How many of what a campaign has, so that a report need not count. A row that
-- every commit of a campaign updated would make its commits wait for each other;
-- so each statement that changes something adds a line of changes, and a line
-- is folded into the tallies now and then. The tallies with the lines that are
-- not folded yet are exact in every snapshot.
CREATE TABLE tallies (
    campaign_id bigint NOT NULL,
    subject     text NOT NULL
                CONSTRAINT tallies_subject_known CHECK (subject IN ('contacts', 'attempts', 'rejected_rows')),
    state       text NOT NULL,
    outcome     text NOT NULL, -- a contact's reason, an attempt's disposition; '' for none
    n           bigint NOT NULL,
    priced      bigint NOT NULL,
    seconds     bigint NOT NULL,
    price       numeric NOT NULL,
    PRIMARY KEY (campaign_id, subject, state, outcome)
) WITH (fillfactor = 50); -- every fold updates the same few rows: in place, while their page has room

-- The attempts by the hour in which they were dialed.
CREATE TABLE hourly_tallies (
    campaign_id bigint NOT NULL,
    hour        timestamptz NOT NULL,
    state       text NOT NULL,
    outcome     text NOT NULL,
    n           bigint NOT NULL,
    priced      bigint NOT NULL,
    seconds     bigint NOT NULL,
    price       numeric NOT NULL,
    PRIMARY KEY (campaign_id, hour, state, outcome)
) WITH (fillfactor = 50);

-- No index and no foreign key: a line is written with every change, lives for
-- seconds, and all lines are read at once. What was folded is dead, so the table
-- is vacuumed by the number of dead lines, however small it is.
CREATE TABLE tally_changes (
    campaign_id bigint NOT NULL,
    hour        timestamptz, -- in which an attempt was dialed
    subject     text NOT NULL,
    state       text NOT NULL,
    outcome     text NOT NULL,
    n           bigint NOT NULL,
    priced      bigint NOT NULL DEFAULT 0,
    seconds     bigint NOT NULL DEFAULT 0,
    price       numeric NOT NULL DEFAULT 0
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- What readers read: exact at all times.
CREATE VIEW tallied AS
SELECT campaign_id, subject, state, outcome, sum(n)::bigint AS n,
       sum(priced)::bigint AS priced, sum(seconds)::bigint AS seconds, sum(price) AS price
FROM (SELECT campaign_id, subject, state, outcome, n, priced, seconds, price FROM tallies
      UNION ALL
      SELECT campaign_id, subject, state, outcome, n, priced, seconds, price FROM tally_changes) AS lines
GROUP BY campaign_id, subject, state, outcome HAVING sum(n) <> 0;

CREATE VIEW tallied_hours AS
SELECT campaign_id, hour, state, outcome, sum(n)::bigint AS n,
       sum(priced)::bigint AS priced, sum(seconds)::bigint AS seconds, sum(price) AS price
FROM (SELECT campaign_id, hour, state, outcome, n, priced, seconds, price FROM hourly_tallies
      UNION ALL
      SELECT campaign_id, hour, state, outcome, n, priced, seconds, price FROM tally_changes
      WHERE hour IS NOT NULL) AS lines
GROUP BY campaign_id, hour, state, outcome HAVING sum(n) <> 0;

-- The same by a full count, which the tallies must always equal.
CREATE VIEW counted AS
SELECT campaign_id, 'contacts' AS subject, state, coalesce(reason, '') AS outcome, count(*) AS n,
       0::bigint AS priced, 0::bigint AS seconds, 0::numeric AS price
FROM contacts GROUP BY campaign_id, state, reason
UNION ALL
SELECT campaign_id, 'attempts', state, coalesce(disposition, ''), count(*),
       count(price), coalesce(sum(duration_s), 0), coalesce(sum(price), 0)
FROM attempts GROUP BY campaign_id, state, disposition
UNION ALL
SELECT campaign_id, 'rejected_rows', '', '', count(*), 0, 0, 0
FROM rejected_rows GROUP BY campaign_id;

CREATE VIEW counted_hours AS
SELECT campaign_id, date_trunc('hour', dialed_at, 'UTC') AS hour, state, coalesce(disposition, '') AS outcome, count(*) AS n,
       count(price) AS priced, coalesce(sum(duration_s), 0) AS seconds, coalesce(sum(price), 0) AS price
FROM attempts WHERE dialed_at IS NOT NULL GROUP BY 1, 2, 3, 4;

-- Contacts come and move in batches, so they are counted by the statement.
-- +goose StatementBegin
CREATE FUNCTION tally_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO tally_changes (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), count(*)
        FROM new_rows GROUP BY campaign_id, state, reason;
    WHEN 'UPDATE' THEN
        INSERT INTO tally_changes (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), sum(n)
        FROM (SELECT campaign_id, state, reason, 1 AS n FROM new_rows
              UNION ALL
              SELECT campaign_id, state, reason, -1 FROM old_rows) AS changed
        GROUP BY campaign_id, state, reason HAVING sum(n) <> 0;
    ELSE
        INSERT INTO tally_changes (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), -count(*)
        FROM old_rows GROUP BY campaign_id, state, reason;
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tally_added AFTER INSERT ON contacts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_contacts();
CREATE TRIGGER tally_changed AFTER UPDATE ON contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_contacts();
CREATE TRIGGER tally_removed AFTER DELETE ON contacts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_contacts();

-- Attempts come in batches too, but move one by one, and most of their updates
-- change nothing that is counted: so these are counted by the row.
-- +goose StatementBegin
CREATE FUNCTION tally_new_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_changes (campaign_id, hour, subject, state, outcome, n, priced, seconds, price)
    SELECT campaign_id, date_trunc('hour', dialed_at, 'UTC'), 'attempts', state, coalesce(disposition, ''), count(*),
           count(price), coalesce(sum(duration_s), 0), coalesce(sum(price), 0)
    FROM new_rows GROUP BY 1, 2, 4, 5;
    RETURN NULL;
END $$;

CREATE FUNCTION tally_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_changes (campaign_id, hour, subject, state, outcome, n, priced, seconds, price) VALUES
        (OLD.campaign_id, date_trunc('hour', OLD.dialed_at, 'UTC'), 'attempts', OLD.state, coalesce(OLD.disposition, ''),
         -1, -num_nonnulls(OLD.price), -coalesce(OLD.duration_s, 0), -coalesce(OLD.price, 0));
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO tally_changes (campaign_id, hour, subject, state, outcome, n, priced, seconds, price) VALUES
            (NEW.campaign_id, date_trunc('hour', NEW.dialed_at, 'UTC'), 'attempts', NEW.state, coalesce(NEW.disposition, ''),
             1, num_nonnulls(NEW.price), coalesce(NEW.duration_s, 0), coalesce(NEW.price, 0));
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tally_added AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_new_attempts();
CREATE TRIGGER tally_changed AFTER UPDATE ON attempts FOR EACH ROW
    WHEN ((OLD.campaign_id, OLD.state, OLD.disposition, OLD.price, OLD.duration_s, date_trunc('hour', OLD.dialed_at, 'UTC'))
          IS DISTINCT FROM
          (NEW.campaign_id, NEW.state, NEW.disposition, NEW.price, NEW.duration_s, date_trunc('hour', NEW.dialed_at, 'UTC')))
    EXECUTE FUNCTION tally_attempt();
CREATE TRIGGER tally_removed AFTER DELETE ON attempts FOR EACH ROW EXECUTE FUNCTION tally_attempt();

-- +goose StatementBegin
CREATE FUNCTION tally_rejected() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tally_changes (campaign_id, subject, state, outcome, n)
    SELECT campaign_id, 'rejected_rows', '', '', CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
    FROM moved_rows GROUP BY campaign_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER tally_added AFTER INSERT ON rejected_rows REFERENCING NEW TABLE AS moved_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_rejected();
CREATE TRIGGER tally_removed AFTER DELETE ON rejected_rows REFERENCING OLD TABLE AS moved_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tally_rejected();

-- Counts everything afresh: for the rows that are here already, and for a
-- database whose triggers were switched off, as a bulk restore does. Who writes
-- meanwhile waits.
-- +goose StatementBegin
CREATE FUNCTION recount_tallies() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE contacts, attempts, rejected_rows, tally_changes, tallies, hourly_tallies IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM tally_changes;
    DELETE FROM tallies;
    DELETE FROM hourly_tallies;
    INSERT INTO tallies SELECT * FROM counted;
    INSERT INTO hourly_tallies SELECT * FROM counted_hours;
END $$;
-- +goose StatementEnd

SELECT recount_tallies();

CREATE OR REPLACE VIEW reporting.campaigns AS
SELECT c.id AS campaign_id, c.name AS campaign, c.status, c.created_at,
       coalesce(t.rejected, 0) + coalesce(t.contacts, 0) AS rows_in, coalesce(t.rejected, 0) AS rejected,
       coalesce(t.pending, 0) AS pending, coalesce(t.active, 0) AS active, coalesce(t.waiting, 0) AS waiting, coalesce(t.done, 0) AS done,
       coalesce(t.calls, 0) AS calls, coalesce(t.calls_answered, 0) AS calls_answered, coalesce(t.duration_s, 0) AS duration_s,
       coalesce(t.price, 0) AS price, coalesce(t.unpriced, 0) AS unpriced,
       coalesce(t.done_answered, 0) AS done_answered, coalesce(t.done_human, 0) AS done_human, coalesce(t.done_machine, 0) AS done_machine,
       coalesce(t.done_busy, 0) AS done_busy, coalesce(t.done_unanswered, 0) AS done_unanswered, coalesce(t.done_timeout, 0) AS done_timeout,
       coalesce(t.done_failed, 0) AS done_failed, coalesce(t.done_rejected, 0) AS done_rejected, coalesce(t.done_cancelled, 0) AS done_cancelled,
       coalesce(t.done_unexplained, 0) AS done_unexplained, coalesce(t.done_refused, 0) AS done_refused,
       coalesce(t.done_suppressed, 0) AS done_suppressed, coalesce(t.done_stopped, 0) AS done_stopped,
       coalesce(t.done_unresolved, 0) AS done_unresolved, coalesce(t.done_message, 0) AS done_message,
       c.pause_reason, c.import_finished_at
FROM campaigns c
LEFT JOIN (
    SELECT campaign_id,
           sum(n) FILTER (WHERE subject = 'rejected_rows')::bigint AS rejected,
           sum(n) FILTER (WHERE subject = 'contacts')::bigint AS contacts,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'pending')::bigint AS pending,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'active')::bigint AS active,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'waiting')::bigint AS waiting,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'done')::bigint AS done,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'answered')::bigint AS done_answered,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'human')::bigint AS done_human,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'machine')::bigint AS done_machine,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'busy')::bigint AS done_busy,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'unanswered')::bigint AS done_unanswered,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'timeout')::bigint AS done_timeout,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'failed')::bigint AS done_failed,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'rejected')::bigint AS done_rejected,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'cancelled')::bigint AS done_cancelled,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'unexplained')::bigint AS done_unexplained,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'refused')::bigint AS done_refused,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'suppressed')::bigint AS done_suppressed,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'stopped')::bigint AS done_stopped,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'unresolved')::bigint AS done_unresolved,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'message')::bigint AS done_message,
           sum(n) FILTER (WHERE subject = 'attempts' AND state IN ('accepted', 'ended'))::bigint AS calls,
           sum(n) FILTER (WHERE subject = 'attempts' AND outcome IN ('answered', 'human', 'machine'))::bigint AS calls_answered,
           sum(n - priced) FILTER (WHERE subject = 'attempts' AND state = 'ended')::bigint AS unpriced,
           sum(seconds)::bigint AS duration_s,
           sum(price) AS price
    FROM tallied GROUP BY campaign_id) AS t ON t.campaign_id = c.id;

CREATE OR REPLACE VIEW reporting.hourly AS
SELECT h.hour, h.campaign_id, c.name AS campaign,
       sum(n)::bigint AS dialed,
       coalesce(sum(n) FILTER (WHERE state IN ('accepted', 'ended')), 0)::bigint AS calls,
       coalesce(sum(n) FILTER (WHERE outcome = 'answered'), 0)::bigint AS answered,
       coalesce(sum(n) FILTER (WHERE outcome = 'human'), 0)::bigint AS human,
       coalesce(sum(n) FILTER (WHERE outcome = 'machine'), 0)::bigint AS machine,
       coalesce(sum(n) FILTER (WHERE outcome = 'busy'), 0)::bigint AS busy,
       coalesce(sum(n) FILTER (WHERE outcome = 'unanswered'), 0)::bigint AS unanswered,
       coalesce(sum(n) FILTER (WHERE outcome = 'timeout'), 0)::bigint AS timeout,
       coalesce(sum(n) FILTER (WHERE outcome = 'failed'), 0)::bigint AS failed,
       coalesce(sum(n) FILTER (WHERE outcome = 'rejected'), 0)::bigint AS rejected,
       coalesce(sum(n) FILTER (WHERE outcome = 'cancelled'), 0)::bigint AS cancelled,
       coalesce(sum(n) FILTER (WHERE outcome = 'unexplained'), 0)::bigint AS unexplained,
       coalesce(sum(n) FILTER (WHERE state IN ('dialing', 'unknown', 'lost')), 0)::bigint AS unsettled,
       sum(seconds)::bigint AS duration_s,
       sum(price) AS price,
       coalesce(sum(n - priced) FILTER (WHERE state = 'ended'), 0)::bigint AS unpriced
FROM tallied_hours h JOIN campaigns c ON c.id = h.campaign_id
GROUP BY 1, 2, 3;
