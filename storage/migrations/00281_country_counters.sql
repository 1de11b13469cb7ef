-- +goose Up

-- What a campaign's calls cost by country, counted as counters are: deltas that are
-- added up now and then. The country is that of the number that was called.
ALTER TABLE attempts ADD COLUMN country text; -- an ISO code; null: before it was kept, or a manual call

CREATE TABLE country_counters (
    campaign_id bigint NOT NULL,
    country     text NOT NULL,  -- '': of none, or not kept
    billing     text NOT NULL,
    n           bigint NOT NULL,
    seconds     bigint NOT NULL,
    price       numeric NOT NULL,
    CONSTRAINT country_counters_pkey PRIMARY KEY (campaign_id, country, billing),
    CONSTRAINT country_counters_billing_known CHECK (billing IN ('confirmed', 'estimated', 'missing', 'open'))
) WITH (fillfactor = 50);

CREATE TABLE country_deltas (
    campaign_id bigint NOT NULL,
    country     text NOT NULL,
    billing     text NOT NULL,
    n           bigint NOT NULL,
    seconds     bigint NOT NULL,
    price       numeric NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- How the price of a call stands: confirmed by Vonage; to be estimated by its length;
-- missing, since not even that is known; open while the call is up. null: no call.
CREATE FUNCTION billing_of(state text, price numeric, duration_s int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN state NOT IN ('accepted', 'ended') THEN NULL WHEN price IS NOT NULL THEN 'confirmed' WHEN state = 'accepted' THEN 'open'
            WHEN duration_s IS NOT NULL THEN 'estimated' ELSE 'missing' END;

CREATE VIEW country_totals AS
SELECT campaign_id, country, billing, sum(n)::bigint AS n, sum(seconds)::bigint AS seconds, sum(price) AS price
FROM (SELECT * FROM country_counters UNION ALL SELECT * FROM country_deltas) AS parts
GROUP BY campaign_id, country, billing HAVING sum(n) <> 0;

CREATE VIEW counted_countries AS
SELECT campaign_id, coalesce(country, '') AS country, billing_of(state, price, duration_s) AS billing, count(*) AS n,
       coalesce(sum(duration_s), 0)::bigint AS seconds, coalesce(sum(price), 0) AS price
FROM attempts WHERE campaign_id IS NOT NULL AND state IN ('accepted', 'ended') GROUP BY 1, 2, 3;

-- +goose StatementBegin
CREATE FUNCTION count_countries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    CASE TG_OP
    WHEN 'INSERT' THEN
        INSERT INTO country_deltas
        SELECT campaign_id, coalesce(country, ''), billing_of(state, price, duration_s), count(*), coalesce(sum(duration_s), 0), coalesce(sum(price), 0)
        FROM new_rows WHERE campaign_id IS NOT NULL AND state IN ('accepted', 'ended') GROUP BY 1, 2, 3;
    WHEN 'UPDATE' THEN
        INSERT INTO country_deltas
        SELECT campaign_id, country, billing, sum(n), sum(n * seconds), sum(n * price)
        FROM (SELECT 1 AS n, campaign_id, coalesce(country, '') AS country, billing_of(state, price, duration_s) AS billing,
                     coalesce(duration_s, 0) AS seconds, coalesce(price, 0) AS price FROM new_rows WHERE state IN ('accepted', 'ended')
              UNION ALL
              SELECT -1, campaign_id, coalesce(country, ''), billing_of(state, price, duration_s),
                     coalesce(duration_s, 0), coalesce(price, 0) FROM old_rows WHERE state IN ('accepted', 'ended')) AS changed
        WHERE campaign_id IS NOT NULL
        GROUP BY campaign_id, country, billing
        HAVING sum(n) <> 0 OR sum(n * seconds) <> 0 OR sum(n * price) <> 0;
    ELSE
        INSERT INTO country_deltas
        SELECT campaign_id, coalesce(country, ''), billing_of(state, price, duration_s), -count(*), -coalesce(sum(duration_s), 0), -coalesce(sum(price), 0)
        FROM old_rows WHERE campaign_id IS NOT NULL AND state IN ('accepted', 'ended') GROUP BY 1, 2, 3;
    END CASE;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER count_countries_added AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_countries();
CREATE TRIGGER count_countries_changed AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_countries();
CREATE TRIGGER count_countries_removed AFTER DELETE ON attempts REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_countries();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION recount() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE contacts, attempts, rejected_rows, counter_deltas, counters, hourly_counters, country_deltas, country_counters IN SHARE ROW EXCLUSIVE MODE;
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

-- What was called before.
INSERT INTO country_counters SELECT * FROM counted_countries;
