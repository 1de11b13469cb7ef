-- +goose Up

-- Every index is written with each row and again with most updates, so each
-- must have its query: docs/performance.md names it.

-- One index for both: a number is there once a campaign, and all that concerns
-- a number is found by it.
ALTER TABLE contacts DROP CONSTRAINT contacts_once;
ALTER TABLE contacts ADD CONSTRAINT contacts_once UNIQUE (to_number, campaign_id);
DROP INDEX contacts_by_number;

-- Reports read tallies now, and a stop finds what is due by its zone groups.
-- For people's own queries, a campaign's rows lie together: a summary of each
-- range of pages finds them, and costs next to nothing to keep.
DROP INDEX contacts_unfinished;
DROP INDEX attempts_of_campaign;
CREATE INDEX contacts_of_campaign ON contacts USING brin (campaign_id) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX attempts_of_campaign ON attempts USING brin (campaign_id) WITH (pages_per_range = 32, autosummarize = on);

-- Both are small, and both are asked for by the token's expiry.
DROP INDEX attempts_dialing;
DROP INDEX attempts_unknown;
CREATE INDEX attempts_unsettled ON attempts (token_expires_at) WHERE state IN ('dialing', 'unknown');

-- Nothing asks for events by the call: its attempt is known when they come.
DROP INDEX events_of_call;

-- An attempt is written some seven times within a minute or two, and half of
-- these change no indexed column: with room in its page such an update touches
-- no index. A contact changes its state each time, which is indexed.
ALTER TABLE attempts SET (fillfactor = 80);
ALTER TABLE pace SET (fillfactor = 10);

-- By the defaults a table of ten million rows is vacuumed after two million
-- updates and analyzed after one: a campaign's first day would pass before
-- either. The claim and the gate read what was just updated.
ALTER TABLE contacts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE attempts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
