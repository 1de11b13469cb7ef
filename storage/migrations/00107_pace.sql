-- +goose Up

-- The account's two limits on requests, for all processes together. A process
-- reads its budget's row, decides (package internal/pace) and writes the row
-- back if the version is still the same. No lock is held in between, so a
-- process that is paused there delays no other. A row changes some ten times a
-- second; the fillfactor leaves it room for that within its page.
CREATE TABLE pace (
    budget        text NOT NULL,
    available_at  timestamptz[] NOT NULL DEFAULT '{}', -- when each slot can be used next; there is one for each request that Vonage takes a second
    next_at       timestamptz NOT NULL DEFAULT clock_timestamp(), -- the earliest moment of the next request, so that they are spread
    accepted_at   timestamptz[] NOT NULL DEFAULT '{}', -- when the latest answers came that were not 429
    refused_at    timestamptz[] NOT NULL DEFAULT '{}', -- when the latest 429s came, to requests sent after reduced_at
    reduced_to    double precision NOT NULL DEFAULT 1, -- the part of the rate that refusals led to
    reduced_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- when they did
    reduced_until timestamptz NOT NULL DEFAULT clock_timestamp(), -- until when it holds; then the rate rises to the full one
    version       bigint NOT NULL DEFAULT 0, -- counts the changes
    CONSTRAINT pace_pkey PRIMARY KEY (budget),
    CONSTRAINT pace_budget_known CHECK (budget IN ('calls', 'requests')),
    CONSTRAINT pace_reduced_to_range CHECK (reduced_to > 0 AND reduced_to <= 1)
) WITH (fillfactor = 10);
INSERT INTO pace (budget) VALUES ('calls'), ('requests');
