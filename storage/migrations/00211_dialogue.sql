-- +goose Up

-- What was said in a call: heard, pressed, and what that means.
ALTER TABLE attempts
    ADD COLUMN heard_at     timestamptz, -- when the message was played to its end; null where a machine was detected
    ADD COLUMN voicemail_at timestamptz, -- when the text for a machine was
    ADD COLUMN keys         text[] NOT NULL DEFAULT '{}', -- that were pressed, by turn: '' where none was
    ADD COLUMN result       text;        -- the word of the last key that has one

ALTER TABLE contacts
    ADD COLUMN heard_at timestamptz, -- the earliest of its calls
    ADD COLUMN result   text;        -- of the latest call that has one

-- An opt-out may be of one campaign.
ALTER TABLE suppressions ADD COLUMN campaign_id bigint; -- null: of all campaigns
ALTER TABLE suppressions ADD CONSTRAINT suppressions_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id);
DROP INDEX suppressions_not_ended;
CREATE UNIQUE INDEX suppressions_not_ended ON suppressions (number, coalesce(campaign_id, 0)) WHERE ended_at IS NULL;

CREATE OR REPLACE VIEW reporting.suppressions AS
SELECT s.number, CASE WHEN s.campaign_id IS NULL THEN 'all' ELSE 'campaign' END::text AS scope, c.name AS campaign,
       s.source, s.note, s.created_at, s.expires_at, s.ended_at
FROM suppressions s LEFT JOIN campaigns c ON c.id = s.campaign_id;

CREATE OR REPLACE VIEW reporting.attempts AS
SELECT a.id AS attempt_id, a.campaign_id, c.name AS campaign, a.contact_id, a.attempt_no,
       a.to_number, a.from_number, a.state, a.disposition, a.call_uuid, a.conversation_uuid,
       a.created_at, a.answered_at, a.start_time, a.end_time, a.duration_s, a.rate, a.price, a.network, a.post_error,
       a.heard_at, array_remove(a.keys, '') AS keys, a.result, a.voicemail_at
FROM attempts a JOIN campaigns c ON c.id = a.campaign_id;

CREATE OR REPLACE VIEW reporting.contacts AS
SELECT k.id AS contact_id, k.campaign_id, c.name AS campaign, k.to_number, k.state, k.reason, k.attempts,
       CASE WHEN k.state IN ('pending', 'waiting') THEN next_call(k.id) END AS next_attempt_at,
       k.key, k.line_no AS line, k.vars AS row, k.not_later_than, k.result, k.heard_at
FROM contacts k JOIN campaigns c ON c.id = k.campaign_id;
