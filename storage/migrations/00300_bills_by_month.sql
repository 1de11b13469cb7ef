-- +goose Up

-- The bill of a month reads the records of its days. They come in the order of their
-- start, so an index of a few pages finds them.
CREATE INDEX provider_calls_by_start ON provider_calls USING brin (start_time) WITH (pages_per_range = 32, autosummarize = on);
