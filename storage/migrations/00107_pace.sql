-- +goose Up

-- The account's budgets: one row each, which every process reads, decides about
-- and writes back if its version is still the same.
CREATE TABLE pace (
    budget    text NOT NULL,
    next_slot timestamptz NOT NULL DEFAULT clock_timestamp(),
    factor    double precision NOT NULL DEFAULT 1, -- the share of the rate that is in force
    factor_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    turns     timestamptz[] NOT NULL DEFAULT '{}', -- when each slot may be used again
    version   bigint NOT NULL DEFAULT 0,
    CONSTRAINT pace_pkey PRIMARY KEY (budget),
    CONSTRAINT pace_budget_known CHECK (budget IN ('creates', 'requests')),
    CONSTRAINT pace_factor_range CHECK (factor BETWEEN 0.0625 AND 1)
) WITH (fillfactor = 10);
INSERT INTO pace (budget) VALUES ('creates'), ('requests');
