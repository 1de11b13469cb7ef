-- +goose Up

-- What pages and the API list comes from an index, from where the page begins.

-- Campaigns that are not over: the first page, the log.
CREATE INDEX campaigns_not_over ON campaigns (id) WHERE status NOT IN ('stopped', 'finished');

-- A campaign's people by the beginning of a number.
-- guard:drop internal/dashboard.TestPagesAreQuick: the beginning of a number is found by an index
CREATE INDEX contacts_of_campaign_by_number ON contacts (campaign_id, to_number COLLATE "C", id);

-- A campaign's calls, the latest first. It serves people's queries by campaign too.
DROP INDEX attempts_of_campaign;
CREATE INDEX attempts_of_campaign ON attempts (campaign_id, id);
-- Attempts without a call: few, and none of them is on the way of a call.
DROP INDEX attempts_lost;
CREATE INDEX attempts_without_call ON attempts (state, id) WHERE state IN ('refused', 'absent', 'lost', 'void');

-- Calls that only Vonage knows, the latest first.
-- guard:drop internal/dashboard.TestPagesAreQuick: calls that only Vonage knows are not sorted for a page
CREATE INDEX provider_calls_unexplained ON provider_calls (first_seen_at) WHERE attempt_id IS NULL AND leg_of IS NULL;

-- guard:drop internal/dashboard.TestPagesAreQuick: what one person changed is found by an index
CREATE INDEX audit_of_actor ON audit (actor, id);

-- Open alarms are few among all, and are listed by their ids.
DROP INDEX alarms_open;
CREATE INDEX alarms_open ON alarms (id) WHERE resolved_at IS NULL OR last_at > resolved_at;

-- What was raised about an attempt.
CREATE INDEX alarms_of_attempt ON alarms (attempt_id) WHERE attempt_id IS NOT NULL;

-- A number's suppressions, ended ones too.
CREATE INDEX suppressions_of_number ON suppressions (number, id);
