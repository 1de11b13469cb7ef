-- +goose Up

-- The prices that stood for an attempt, one after another. The last one is
-- the attempt's.
CREATE TABLE charges (
    attempt_id  uuid NOT NULL REFERENCES attempts (id),
    rev         int NOT NULL CONSTRAINT charges_rev_positive CHECK (rev > 0),
    price       numeric NOT NULL CONSTRAINT charges_price_money CHECK (price >= 0 AND price < 'Infinity'),
    rate        numeric CONSTRAINT charges_rate_money CHECK (rate >= 0 AND rate < 'Infinity'),
    duration_s  int,
    source      text NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (attempt_id, rev)
);

-- Calls in Vonage's list that no attempt explains.
CREATE TABLE foreign_calls (
    call_uuid         text PRIMARY KEY,
    conversation_uuid text,
    direction         text NOT NULL,
    to_number         text NOT NULL,
    from_number       text NOT NULL,
    status            text NOT NULL,
    start_time        timestamptz,
    price             numeric CONSTRAINT foreign_calls_price_money CHECK (price >= 0 AND price < 'Infinity'),
    ambiguous         boolean NOT NULL, -- two or more attempts could be this call
    first_seen        timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX foreign_calls_by_number ON foreign_calls (to_number, from_number);

CREATE TABLE reconcile_watermarks (
    pass    text PRIMARY KEY,
    reached timestamptz NOT NULL
);

-- The account's budgets. A lease takes the next slots of the budget's row, so
-- no slot is given twice, whatever becomes of Redis.
CREATE TABLE pace (
    budget    text PRIMARY KEY
              CONSTRAINT pace_budget_known CHECK (budget IN ('creates', 'requests')),
    next_slot timestamptz NOT NULL DEFAULT clock_timestamp(),
    factor    double precision NOT NULL DEFAULT 1
              CONSTRAINT pace_factor_range CHECK (factor BETWEEN 0.0625 AND 1),
    factor_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO pace (budget) VALUES ('creates'), ('requests');
