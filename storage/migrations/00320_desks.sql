-- +goose Up

ALTER TABLE campaigns ADD COLUMN connect_to jsonb GENERATED ALWAYS AS (jsonb_path_query_array(settings, '$.message.keys.*.connect')) STORED;
