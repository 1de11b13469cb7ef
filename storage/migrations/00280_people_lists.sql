-- +goose Up

-- Where a contact stands in the list of a campaign's people: state, reason, and how far
-- they came (2 a result, 1 heard, 0 neither), so that who was not reached is found
-- without reading who was. It is one value and not three columns because the planner
-- took an index on the state for the claim's and the gate's statements, and read all
-- that was under way.
CREATE FUNCTION listed_as(state text, reason text, heard_at timestamptz, result text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN state || ' ' || coalesce(reason, '') || ' ' || CASE WHEN result IS NOT NULL THEN '2' WHEN heard_at IS NOT NULL THEN '1' ELSE '0' END;

-- In the order of the keys' bytes, which serves the beginning of a key too.
CREATE INDEX contacts_listed ON contacts (campaign_id, listed_as(state, reason, heard_at, result), key COLLATE "C");
CREATE INDEX contacts_by_result ON contacts (campaign_id, result, key COLLATE "C") WHERE result IS NOT NULL;
