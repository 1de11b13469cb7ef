-- +goose Up

-- The end, drafts, and a version of a campaign for each edit.
ALTER TABLE campaigns
    ADD COLUMN ends_at timestamptz,           -- nobody is called from then on; null: there is no end
    ADD COLUMN version int NOT NULL DEFAULT 1, -- of the settings; each edit makes one
    ADD CONSTRAINT campaigns_ends_after_start CHECK (ends_at > starts_at),
    DROP CONSTRAINT campaigns_status_known,
    ADD CONSTRAINT campaigns_status_known CHECK (status IN ('draft', 'importing', 'running', 'paused', 'stopped', 'finished'));

-- What a campaign said, version by version, the one that holds included.
CREATE TABLE campaign_versions (
    campaign_id bigint NOT NULL,
    version     int NOT NULL,
    settings    jsonb NOT NULL,
    document    jsonb,
    made_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    made_by     text NOT NULL,
    CONSTRAINT campaign_versions_pkey PRIMARY KEY (campaign_id, version),
    CONSTRAINT campaign_versions_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id) ON DELETE CASCADE,
    CONSTRAINT campaign_versions_positive CHECK (version > 0)
);

INSERT INTO campaign_versions (campaign_id, version, settings, document, made_at, made_by)
SELECT id, 1, settings, document, created_at, 'an earlier version of the program' FROM campaigns;

ALTER TABLE attempts ADD COLUMN campaign_version int; -- by which it was reserved; null: a manual call, or of before versions were kept
