-- +goose Up

-- How the zones of a group were found, so that a person can be told.
ALTER TABLE zone_groups
    ADD COLUMN basis text NOT NULL DEFAULT '', -- campaign.ZoneBasis; empty: it was not kept
    DROP CONSTRAINT zone_groups_once,
    ADD CONSTRAINT zone_groups_once UNIQUE (campaign_id, zones, basis),
    ADD CONSTRAINT zone_groups_basis_known CHECK (basis IN ('', 'zone', 'postal_code', 'number', 'campaign'));
