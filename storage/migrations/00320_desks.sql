-- +goose Up

-- The numbers that a campaign's keys connect to. Campaigns that name the same one share
-- its telephones: see same_desk in rules.sql.
ALTER TABLE campaigns ADD COLUMN connect_to jsonb GENERATED ALWAYS AS (jsonb_path_query_array(settings, '$.message.keys.*.connect')) STORED;
