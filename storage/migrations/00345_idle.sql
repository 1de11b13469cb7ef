-- +goose Up

-- idle: no process dialed for a while, so Vonage's list is read first.
ALTER TABLE database_identity DROP CONSTRAINT database_identity_lock_known;
ALTER TABLE database_identity ADD CONSTRAINT database_identity_lock_known
    CHECK (locked_for IN ('idle', 'no_external_mark', 'failover', 'restored', 'copy'));
