-- +goose Up

-- The pace is kept as turns, one for each request that Vonage takes in a
-- second, and the moment from which each may be used again (campaign.Pace).
-- Whoever leases reads the row, decides, and writes it back if the version is
-- still the same: so nobody holds a lock while it decides, and a process that
-- is stopped in the middle stops nobody else.
ALTER TABLE pace
    ADD COLUMN turns   timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN version bigint        NOT NULL DEFAULT 0;
