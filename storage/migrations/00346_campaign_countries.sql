-- +goose Up

-- Where each campaign calls: how much a call of it may cost depends on that. Rows are
-- added with the people, and none is taken away.
CREATE TABLE campaign_countries (
    campaign_id bigint NOT NULL,
    country     text NOT NULL,
    CONSTRAINT campaign_countries_pkey PRIMARY KEY (campaign_id, country),
    CONSTRAINT campaign_countries_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);
INSERT INTO campaign_countries (campaign_id, country)
SELECT DISTINCT campaign_id, coalesce(country, '') FROM contacts
UNION
SELECT DISTINCT campaign_id, unnest(number_countries) FROM contacts WHERE number_countries IS NOT NULL;
