-- +goose Up

-- Attempts that Vonage has, as its answer said, without a uuid that could
-- be read: hardly ever one. A reading for a held database counts them.
CREATE INDEX attempts_must_exist ON attempts (dialed_at) WHERE must_exist AND call_uuid IS NULL;
