-- +goose Up

-- How many of what a campaign has, so that a report need not count. A row that
-- every commit of a campaign updated would make commits wait for each other. So
-- each statement that changes something adds a row of deltas, and deltas are
-- added to the counters now and then. Counters and deltas together are exact in
-- every snapshot. Manual calls are of no campaign and are not counted.
CREATE TABLE counters (
    campaign_id bigint NOT NULL,
    subject     text NOT NULL,
    state       text NOT NULL,
    outcome     text NOT NULL,  -- a contact's reason, an attempt's disposition, '' for none
    n           bigint NOT NULL,
    priced      bigint NOT NULL, -- how many have a price
    seconds     bigint NOT NULL,
    price       numeric NOT NULL,
    CONSTRAINT counters_pkey PRIMARY KEY (campaign_id, subject, state, outcome),
    CONSTRAINT counters_subject_known CHECK (subject IN ('contacts', 'attempts', 'rejected_rows'))
) WITH (fillfactor = 50); -- the same few rows are updated again and again, in place while their page has room

-- The attempts by the hour in which they were dialed.
CREATE TABLE hourly_counters (
    campaign_id bigint NOT NULL,
    hour        timestamptz NOT NULL,
    state       text NOT NULL,
    outcome     text NOT NULL,
    n           bigint NOT NULL,
    priced      bigint NOT NULL,
    seconds     bigint NOT NULL,
    price       numeric NOT NULL,
    CONSTRAINT hourly_counters_pkey PRIMARY KEY (campaign_id, hour, state, outcome)
) WITH (fillfactor = 50);

-- No index and no key: a row lives for seconds, and all are read at once. The
-- table is vacuumed by the number of its dead rows, however small it is.
CREATE TABLE counter_deltas (
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
CREATE VIEW counter_totals AS
SELECT campaign_id, subject, state, outcome, sum(n)::bigint AS n,
       sum(priced)::bigint AS priced, sum(seconds)::bigint AS seconds, sum(price) AS price
FROM (SELECT campaign_id, subject, state, outcome, n, priced, seconds, price FROM counters
      UNION ALL
      SELECT campaign_id, subject, state, outcome, n, priced, seconds, price FROM counter_deltas) AS parts
GROUP BY campaign_id, subject, state, outcome HAVING sum(n) <> 0;

CREATE VIEW hourly_totals AS
SELECT campaign_id, hour, state, outcome, sum(n)::bigint AS n,
       sum(priced)::bigint AS priced, sum(seconds)::bigint AS seconds, sum(price) AS price
FROM (SELECT campaign_id, hour, state, outcome, n, priced, seconds, price FROM hourly_counters
      UNION ALL
      SELECT campaign_id, hour, state, outcome, n, priced, seconds, price FROM counter_deltas
      WHERE hour IS NOT NULL) AS parts
GROUP BY campaign_id, hour, state, outcome HAVING sum(n) <> 0;

-- The same by a full count, which the totals must always equal.
CREATE VIEW counted AS
SELECT campaign_id, 'contacts' AS subject, state, coalesce(reason, '') AS outcome, count(*) AS n,
       0::bigint AS priced, 0::bigint AS seconds, 0::numeric AS price
FROM contacts GROUP BY campaign_id, state, reason
UNION ALL
SELECT campaign_id, 'attempts', state, coalesce(disposition, ''), count(*),
       count(price), coalesce(sum(duration_s), 0), coalesce(sum(price), 0)
FROM attempts WHERE campaign_id IS NOT NULL GROUP BY campaign_id, state, disposition
UNION ALL
SELECT campaign_id, 'rejected_rows', '', '', count(*), 0, 0, 0
FROM rejected_rows GROUP BY campaign_id;

CREATE VIEW counted_hours AS
SELECT campaign_id, date_trunc('hour', dialed_at, 'UTC') AS hour, state, coalesce(disposition, '') AS outcome, count(*) AS n,
       count(price) AS priced, coalesce(sum(duration_s), 0) AS seconds, coalesce(sum(price), 0) AS price
FROM attempts WHERE dialed_at IS NOT NULL AND campaign_id IS NOT NULL GROUP BY 1, 2, 3, 4;

-- +goose StatementBegin
CREATE FUNCTION count_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), count(*)
        FROM new_rows GROUP BY campaign_id, state, reason;
    WHEN 'UPDATE' THEN
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), sum(n)
        FROM (SELECT campaign_id, state, reason, 1 AS n FROM new_rows
              UNION ALL
              SELECT campaign_id, state, reason, -1 FROM old_rows) AS changed
        GROUP BY campaign_id, state, reason HAVING sum(n) <> 0;
    ELSE
        INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
        SELECT campaign_id, 'contacts', state, coalesce(reason, ''), -count(*)
        FROM old_rows GROUP BY campaign_id, state, reason;
    END CASE;
    RETURN NULL;
END $$;

CREATE FUNCTION count_new_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_deltas (campaign_id, hour, subject, state, outcome, n, priced, seconds, price)
    SELECT campaign_id, date_trunc('hour', dialed_at, 'UTC'), 'attempts', state, coalesce(disposition, ''), count(*),
           count(price), coalesce(sum(duration_s), 0), coalesce(sum(price), 0)
    FROM new_rows WHERE campaign_id IS NOT NULL GROUP BY 1, 2, 4, 5;
    RETURN NULL;
END $$;

-- The old and the new rows are added up: an update that changes nothing that is
-- counted writes no row.
CREATE FUNCTION count_changed_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_deltas (campaign_id, hour, subject, state, outcome, n, priced, seconds, price)
    SELECT campaign_id, hour, 'attempts', state, outcome, sum(n), sum(n * priced), sum(n * seconds), sum(n * price)
    FROM (SELECT 1 AS n, campaign_id, date_trunc('hour', dialed_at, 'UTC') AS hour, state, coalesce(disposition, '') AS outcome,
                 num_nonnulls(price) AS priced, coalesce(duration_s, 0) AS seconds, coalesce(price, 0) AS price FROM new_rows
          UNION ALL
          SELECT -1, campaign_id, date_trunc('hour', dialed_at, 'UTC'), state, coalesce(disposition, ''),
                 num_nonnulls(price), coalesce(duration_s, 0), coalesce(price, 0) FROM old_rows) AS changed
    WHERE campaign_id IS NOT NULL
    GROUP BY campaign_id, hour, state, outcome
    HAVING sum(n) <> 0 OR sum(n * priced) <> 0 OR sum(n * seconds) <> 0 OR sum(n * price) <> 0;
    RETURN NULL;
END $$;

CREATE FUNCTION count_removed_attempts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_deltas (campaign_id, hour, subject, state, outcome, n, priced, seconds, price)
    SELECT campaign_id, date_trunc('hour', dialed_at, 'UTC'), 'attempts', state, coalesce(disposition, ''), -count(*),
           -count(price), -coalesce(sum(duration_s), 0), -coalesce(sum(price), 0)
    FROM old_rows WHERE campaign_id IS NOT NULL GROUP BY 1, 2, 4, 5;
    RETURN NULL;
END $$;

CREATE FUNCTION count_rejected_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n)
    SELECT campaign_id, 'rejected_rows', '', '', CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
    FROM changed_rows GROUP BY campaign_id;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER count_added AFTER INSERT ON contacts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER count_changed AFTER UPDATE ON contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER count_removed AFTER DELETE ON contacts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER count_added AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_new_attempts();
CREATE TRIGGER count_changed AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed_attempts();
CREATE TRIGGER count_removed AFTER DELETE ON attempts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed_attempts();
CREATE TRIGGER count_added AFTER INSERT ON rejected_rows REFERENCING NEW TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_rejected_rows();
CREATE TRIGGER count_removed AFTER DELETE ON rejected_rows REFERENCING OLD TABLE AS changed_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_rejected_rows();

-- Counts everything afresh, for a database whose triggers were switched off, as
-- a bulk restore does. Writers wait meanwhile.
-- +goose StatementBegin
CREATE FUNCTION recount() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE contacts, attempts, rejected_rows, counter_deltas, counters, hourly_counters IN SHARE ROW EXCLUSIVE MODE;
    DELETE FROM counter_deltas;
    DELETE FROM counters;
    DELETE FROM hourly_counters;
    INSERT INTO counters SELECT * FROM counted;
    INSERT INTO hourly_counters SELECT * FROM counted_hours;
END $$;
-- +goose StatementEnd
