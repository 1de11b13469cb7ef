-- +goose Up

-- Whether those who waited are still to be put down by the version: an edit that is
-- interrupted is completed by the sweeper.
ALTER TABLE campaign_versions ADD COLUMN decide_waiting boolean NOT NULL DEFAULT false;
