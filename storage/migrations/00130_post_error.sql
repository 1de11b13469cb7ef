-- +goose Up

ALTER TABLE attempts ADD COLUMN post_error text; -- what Vonage answered to the POST instead of a call, or why no answer came; no number, no secret

-- Of the refusals in a row it is asked whether they are the campaign's fault.
CREATE INDEX attempts_refused ON attempts (campaign_id, dialed_at) WHERE note IN ('invalid', 'alike');

CREATE OR REPLACE VIEW reporting.attempts AS
SELECT a.id AS attempt_id, a.campaign_id, c.name AS campaign, a.contact_id, a.attempt_no,
       a.to_number, a.from_number, a.state, a.disposition, a.call_uuid, a.conversation_uuid,
       a.created_at, a.answered_at, a.start_time, a.end_time, a.duration_s, a.rate, a.price, a.network, a.post_error
FROM attempts a JOIN campaigns c ON c.id = a.campaign_id;
