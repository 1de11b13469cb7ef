-- +goose Up

-- So that a person can take back their own suppression, and nothing else.
ALTER TABLE suppressions
    ADD COLUMN added_by text, -- who added it; null: a key that was pressed, the dialer itself, or before this was kept
    ADD COLUMN not_ended_then bigint[]; -- the contacts of the number that had not ended when it came; null: it came with others
