-- +goose Up

-- Limits: what the claim and the rule ask of a campaign stands in its row.
ALTER TABLE campaigns
    ADD COLUMN priority  smallint NOT NULL DEFAULT 5,       -- 0 to 9, the highest first
    ADD COLUMN cap_calls int[] NOT NULL DEFAULT '{}',       -- so many calls to one number, over all campaigns,
    ADD COLUMN cap_spans interval[] NOT NULL DEFAULT '{}',  -- within so long, member by member
    ADD COLUMN countries text[] NOT NULL DEFAULT '{}',      -- where people may be called, ISO codes; none: everywhere
    ADD COLUMN length_s  int GENERATED ALWAYS AS ((settings ->> 'length_timer')::int) STORED, -- how long a call may last
    ADD CONSTRAINT campaigns_priority_range CHECK (priority BETWEEN 0 AND 9),
    ADD CONSTRAINT campaigns_caps_alike CHECK (cardinality(cap_calls) = cardinality(cap_spans));

UPDATE campaigns SET countries = ARRAY(SELECT jsonb_array_elements_text(settings -> 'countries'))
WHERE jsonb_typeof(settings -> 'countries') = 'array';

ALTER TABLE contacts ADD COLUMN country text; -- of its number, an ISO code; '': of none; null: imported before it was kept

-- The campaigns that have limits which calls share. The gate locks these rows, and
-- no others, so that no two of its transactions fill one place.
CREATE TABLE campaign_limits (
    campaign_id  bigint NOT NULL,
    at_once      int,      -- calls of it that are up, at most
    connected    int,      -- telephones that keys connect to
    window_calls int,      -- so many calls
    window_span  interval, -- within so long
    budget       numeric,  -- what all its calls may cost
    CONSTRAINT campaign_limits_pkey PRIMARY KEY (campaign_id),
    CONSTRAINT campaign_limits_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE,
    CONSTRAINT campaign_limits_positive CHECK (at_once > 0 AND connected > 0 AND window_calls > 0 AND budget >= 0),
    CONSTRAINT campaign_limits_window CHECK ((window_calls IS NULL) = (window_span IS NULL))
);

-- What all calls of a day, in UTC, may cost. The gate locks its row if there is a budget.
CREATE TABLE account_limits (
    one          boolean NOT NULL DEFAULT true,
    daily_budget numeric, -- null: none
    CONSTRAINT account_limits_pkey PRIMARY KEY (one),
    CONSTRAINT account_limits_one CHECK (one),
    CONSTRAINT account_limits_positive CHECK (daily_budget >= 0)
);
INSERT INTO account_limits DEFAULT VALUES;

-- What a minute costs in a country.
CREATE TABLE call_rates (
    country    text NOT NULL,
    known      numeric, -- the dearest that Vonage has told of
    configured numeric, -- DIALER_RATES
    CONSTRAINT call_rates_pkey PRIMARY KEY (country),
    CONSTRAINT call_rates_money CHECK (known >= 0 AND configured >= 0)
);

-- What the call may cost at most, where a budget is concerned: set at the gate, and
-- of no meaning once the price is known.
ALTER TABLE attempts ADD COLUMN held numeric;
CREATE INDEX attempts_held ON attempts (campaign_id) WHERE held IS NOT NULL AND price IS NULL AND state NOT IN ('refused', 'absent');
CREATE INDEX attempts_open_of_campaign ON attempts (campaign_id) WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted');
