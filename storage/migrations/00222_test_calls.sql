-- +goose Up

-- What a manual call says that tests a campaign's message. It is of no campaign, and
-- stands in no campaign's figures.
CREATE TABLE test_calls (
    attempt_id uuid NOT NULL,
    settings   jsonb NOT NULL, -- campaign.Settings of the campaign that is tested
    vars       jsonb NOT NULL, -- the row whose message is said
    CONSTRAINT test_calls_pkey PRIMARY KEY (attempt_id),
    CONSTRAINT test_calls_attempt FOREIGN KEY (attempt_id) REFERENCES attempts (id) ON DELETE CASCADE
);
