-- +goose Up

-- The account that the database calls with, and another one that asked to call.
-- Until a person has decided about that one, nobody is called.
ALTER TABLE database_identity
    ADD COLUMN application_id       text,        -- null: nothing has called yet
    ADD COLUMN api_host             text,
    ADD COLUMN other_application_id text,        -- null: no other one asked
    ADD COLUMN other_api_host       text,
    ADD COLUMN other_asked_at       timestamptz,
    ADD COLUMN locked               boolean NOT NULL GENERATED ALWAYS AS (locked_for IS NOT NULL OR other_asked_at IS NOT NULL) STORED, -- it calls nobody
    ADD CONSTRAINT database_identity_account_whole CHECK ((application_id IS NULL) = (api_host IS NULL)),
    ADD CONSTRAINT database_identity_other_whole CHECK (
        (other_application_id IS NULL) = (other_asked_at IS NULL) AND (other_api_host IS NULL) = (other_asked_at IS NULL)),
    ADD CONSTRAINT database_identity_other_is_another CHECK (
        other_asked_at IS NULL OR (application_id, api_host) IS DISTINCT FROM (other_application_id, other_api_host));
