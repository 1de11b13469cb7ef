-- +goose Up

-- A number may be suppressed for one purpose, and one that Vonage calls invalid is set
-- aside for a time.
ALTER TABLE campaigns
    ADD COLUMN purpose text GENERATED ALWAYS AS (document ->> 'purpose') STORED, -- what its calls are for; null: not said
    ADD COLUMN share   int NOT NULL GENERATED ALWAYS AS (coalesce((settings #>> '{limits,share}')::int, 1)) STORED; -- its weight among campaigns of its priority

ALTER TABLE suppressions
    ADD COLUMN purpose text,                           -- of the campaigns that it is of; null: of all, or of campaign_id
    ADD COLUMN invalid boolean NOT NULL DEFAULT false, -- not a person's word: Vonage said that there is no such number
    ADD CONSTRAINT suppressions_scope CHECK (campaign_id IS NULL OR purpose IS NULL);
DROP INDEX suppressions_not_ended;
CREATE UNIQUE INDEX suppressions_not_ended ON suppressions (number, coalesce(campaign_id, 0), coalesce(purpose, '')) WHERE ended_at IS NULL;

ALTER TABLE account_limits
    ADD COLUMN invalid_for interval NOT NULL DEFAULT '30 days'; -- how long an invalid number is not called; 0: it is called again
