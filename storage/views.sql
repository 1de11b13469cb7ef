-- What people and their tools read: docs/reporting.md. Columns are only ever added,
-- at the end. `dialer migrate up` applies this file, after rules.sql, whenever one of
-- the two has changed; a migration that adds a column need not repeat a view.

-- rows_in = rejected + pending + active + waiting + done, and done is the sum of
-- the columns done_..., at all times.
CREATE OR REPLACE VIEW reporting.campaigns AS
SELECT c.id AS campaign_id, c.name AS campaign, shown_status(c.status, c.starts_at, t.up) AS status, c.created_at,
       coalesce(t.rejected, 0) + coalesce(t.contacts, 0) AS rows_in, coalesce(t.rejected, 0) AS rejected,
       coalesce(t.pending, 0) AS pending, coalesce(t.active, 0) AS active, coalesce(t.waiting, 0) AS waiting, coalesce(t.done, 0) AS done,
       coalesce(t.calls, 0) AS calls, coalesce(t.calls_answered, 0) AS calls_answered, coalesce(t.duration_s, 0) AS duration_s,
       coalesce(t.price, 0) AS price, coalesce(t.unpriced, 0) AS unpriced,
       coalesce(t.done_answered, 0) AS done_answered, coalesce(t.done_human, 0) AS done_human, coalesce(t.done_machine, 0) AS done_machine,
       coalesce(t.done_busy, 0) AS done_busy, coalesce(t.done_unanswered, 0) AS done_unanswered, coalesce(t.done_timeout, 0) AS done_timeout,
       coalesce(t.done_failed, 0) AS done_failed, coalesce(t.done_rejected, 0) AS done_rejected, coalesce(t.done_cancelled, 0) AS done_cancelled,
       coalesce(t.done_unexplained, 0) AS done_unexplained, coalesce(t.done_refused, 0) AS done_refused,
       coalesce(t.done_suppressed, 0) AS done_suppressed, coalesce(t.done_stopped, 0) AS done_stopped,
       coalesce(t.done_unresolved, 0) AS done_unresolved, coalesce(t.done_message, 0) AS done_message,
       c.pause_reason, c.import_finished_at, c.starts_at AS start,
       coalesce(t.done_expired, 0) AS done_expired, coalesce(t.done_cancelled_by_request, 0) AS done_cancelled_by_request,
       coalesce(t.heard, 0) AS heard, coalesce(t.people_called, 0) AS people_called, coalesce(t.people_answered, 0) AS people_answered,
       coalesce(t.people_with_result, 0) AS people_with_result,
       coalesce(t.results, '{}') AS results,
       c.ends_at AS "end", c.version
FROM campaigns c
LEFT JOIN (
    SELECT campaign_id,
           sum(n) FILTER (WHERE subject = 'rejected_rows')::bigint AS rejected,
           sum(n) FILTER (WHERE subject = 'contacts')::bigint AS contacts,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'pending')::bigint AS pending,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'active')::bigint AS active,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'waiting')::bigint AS waiting,
           sum(n) FILTER (WHERE subject = 'contacts' AND state = 'done')::bigint AS done,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'answered')::bigint AS done_answered,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'human')::bigint AS done_human,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'machine')::bigint AS done_machine,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'busy')::bigint AS done_busy,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'unanswered')::bigint AS done_unanswered,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'timeout')::bigint AS done_timeout,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'failed')::bigint AS done_failed,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'rejected')::bigint AS done_rejected,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'cancelled')::bigint AS done_cancelled,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'unexplained')::bigint AS done_unexplained,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'refused')::bigint AS done_refused,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'suppressed')::bigint AS done_suppressed,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'stopped')::bigint AS done_stopped,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'unresolved')::bigint AS done_unresolved,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'message')::bigint AS done_message,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'expired')::bigint AS done_expired,
           sum(n) FILTER (WHERE subject = 'contacts' AND outcome = 'cancelled_by_request')::bigint AS done_cancelled_by_request,
           sum(n) FILTER (WHERE subject = 'attempts' AND state IN ('accepted', 'ended'))::bigint AS calls,
           sum(n) FILTER (WHERE subject = 'attempts' AND state IN ('dialing', 'unknown', 'accepted'))::bigint AS up,
           sum(n) FILTER (WHERE subject = 'attempts' AND outcome IN ('answered', 'human', 'machine'))::bigint AS calls_answered,
           sum(n - priced) FILTER (WHERE subject = 'attempts' AND state = 'ended')::bigint AS unpriced,
           sum(seconds)::bigint AS duration_s,
           sum(price) AS price,
           -- A person is counted at the highest of called, answered, heard and result.
           sum(n) FILTER (WHERE subject = 'ladder')::bigint AS people_called,
           sum(n) FILTER (WHERE subject = 'ladder' AND state <> 'called')::bigint AS people_answered,
           sum(n) FILTER (WHERE subject = 'ladder' AND state IN ('heard', 'result'))::bigint AS heard,
           sum(n) FILTER (WHERE subject = 'ladder' AND state = 'result')::bigint AS people_with_result,
           jsonb_object_agg(outcome, n) FILTER (WHERE subject = 'ladder' AND state = 'result') AS results
    FROM counter_totals GROUP BY campaign_id) AS t ON t.campaign_id = c.id;

-- A contact that is due before its group's next opening is called at that opening.
-- OFFSET 0 keeps the search of that opening apart, so that it is made once a group.
CREATE OR REPLACE VIEW reporting.contacts AS
SELECT k.id AS contact_id, k.campaign_id, c.name AS campaign, called_number(k.id, k.to_number, k.numbers) AS to_number, k.state, k.reason, k.attempts,
       CASE WHEN k.state NOT IN ('pending', 'waiting') OR k.not_later_than <= soonest.at OR c.status = 'draft' THEN NULL
            WHEN k.due_at <= greatest(c.starts_at, now(), soonest.at) THEN soonest.at
            ELSE (SELECT later.at FROM (SELECT next_opening(k.zone_group_id, k.due_at) AS at OFFSET 0) AS later
                  WHERE k.not_later_than IS NULL OR later.at < k.not_later_than) END AS next_attempt_at,
       k.key, k.line_no AS line, k.vars AS row, k.not_later_than, k.result, k.heard_at, k.answered,
       coalesce(k.numbers, ARRAY[k.to_number]) AS numbers, k.call_with AS called_with
FROM contacts k JOIN campaigns c ON c.id = k.campaign_id JOIN zone_groups g ON g.id = k.zone_group_id AND g.campaign_id = k.campaign_id,
LATERAL (SELECT next_opening(g.id, greatest(c.starts_at, now())) AS at OFFSET 0) AS soonest;

CREATE OR REPLACE VIEW reporting.attempts AS
SELECT a.id AS attempt_id, a.campaign_id, c.name AS campaign, a.contact_id, a.attempt_no,
       a.to_number, a.from_number, a.state, a.disposition, a.call_uuid, a.conversation_uuid,
       a.created_at, a.answered_at, a.start_time, a.end_time, a.duration_s, a.rate, a.price, a.network, a.post_error,
       a.heard_at, array_remove(a.keys, '') AS keys, a.result, a.voicemail_at, a.campaign_version
FROM attempts a JOIN campaigns c ON c.id = a.campaign_id;

CREATE OR REPLACE VIEW reporting.events AS
SELECT e.id AS event_id, e.received_at, e.attempt_id, a.campaign_id, c.name AS campaign, a.contact_id,
       e.call_uuid, e.conversation_uuid, e.kind, e.status, e.provider_at, e.body
FROM events e
LEFT JOIN attempts a ON a.id = e.attempt_id
LEFT JOIN campaigns c ON c.id = a.campaign_id;

-- By the hour, in UTC, in which an attempt was dialed.
CREATE OR REPLACE VIEW reporting.hourly AS
SELECT h.hour, h.campaign_id, c.name AS campaign,
       sum(n)::bigint AS dialed,
       coalesce(sum(n) FILTER (WHERE state IN ('accepted', 'ended')), 0)::bigint AS calls,
       coalesce(sum(n) FILTER (WHERE outcome = 'answered'), 0)::bigint AS answered,
       coalesce(sum(n) FILTER (WHERE outcome = 'human'), 0)::bigint AS human,
       coalesce(sum(n) FILTER (WHERE outcome = 'machine'), 0)::bigint AS machine,
       coalesce(sum(n) FILTER (WHERE outcome = 'busy'), 0)::bigint AS busy,
       coalesce(sum(n) FILTER (WHERE outcome = 'unanswered'), 0)::bigint AS unanswered,
       coalesce(sum(n) FILTER (WHERE outcome = 'timeout'), 0)::bigint AS timeout,
       coalesce(sum(n) FILTER (WHERE outcome = 'failed'), 0)::bigint AS failed,
       coalesce(sum(n) FILTER (WHERE outcome = 'rejected'), 0)::bigint AS rejected,
       coalesce(sum(n) FILTER (WHERE outcome = 'cancelled'), 0)::bigint AS cancelled,
       coalesce(sum(n) FILTER (WHERE outcome = 'unexplained'), 0)::bigint AS unexplained,
       coalesce(sum(n) FILTER (WHERE state IN ('dialing', 'unknown', 'lost')), 0)::bigint AS unsettled,
       sum(seconds)::bigint AS duration_s,
       sum(price) AS price,
       coalesce(sum(n - priced) FILTER (WHERE state = 'ended'), 0)::bigint AS unpriced
FROM hourly_totals h JOIN campaigns c ON c.id = h.campaign_id
GROUP BY 1, 2, 3;

-- Every call that Vonage's list ever showed, whether an attempt explains it or not.
CREATE OR REPLACE VIEW reporting.provider_calls AS
SELECT p.call_uuid, p.conversation_uuid, p.direction, p.to_number, p.from_number, p.status, p.start_time, p.end_time,
       p.duration_s, p.rate, p.price, p.network, p.attempt_id, c.name AS campaign, p.matched_by, p.first_seen_at,
       p.to_kind, p.leg_of
FROM provider_calls p
LEFT JOIN attempts a ON a.id = coalesce(p.attempt_id, p.leg_of)
LEFT JOIN campaigns c ON c.id = a.campaign_id;

-- Every suppression that ever was, ended ones included.
CREATE OR REPLACE VIEW reporting.suppressions AS
SELECT s.number, CASE WHEN s.campaign_id IS NOT NULL THEN 'campaign' WHEN s.purpose IS NOT NULL THEN 'purpose' ELSE 'all' END::text AS scope, c.name AS campaign,
       s.source, s.note, s.created_at, s.expires_at, s.ended_at, s.purpose, s.invalid
FROM suppressions s LEFT JOIN campaigns c ON c.id = s.campaign_id;

-- What a person should look at: each alarm once, with how often it was raised.
CREATE OR REPLACE VIEW reporting.alarms AS
SELECT m.id AS alarm_id, m.kind, m.attempt_id, c.name AS campaign, m.detail, m.times, m.at, m.last_at, m.resolved_at, m.resolved_by,
       m.resolved_at IS NULL OR m.last_at > m.resolved_at AS open
FROM alarms m LEFT JOIN attempts a ON a.id = m.attempt_id LEFT JOIN campaigns c ON c.id = a.campaign_id;

-- What was recorded in the calls, as record events told. Vonage keeps it for 30 days;
-- whoever has the application's key can fetch it.
CREATE OR REPLACE VIEW reporting.recordings AS
SELECT coalesce(a.call_uuid, i.call_uuid) AS call_uuid, k.campaign_id, c.name AS campaign, k.id AS contact_id, k.key,
       coalesce(r.attempt_id, i.attempt_id) AS attempt_id, r.inbound_id IS NOT NULL AS inbound,
       r.recording_id, r.url AS recording_url, r.started_at, r.ended_at, r.duration_s, r.bytes, r.received_at
FROM recordings r LEFT JOIN attempts a ON a.id = r.attempt_id LEFT JOIN inbound_calls i ON i.id = r.inbound_id
LEFT JOIN contacts k ON k.id = coalesce(a.contact_id, i.contact_id) LEFT JOIN campaigns c ON c.id = k.campaign_id;

-- Calls of people who rang back, and heard their latest message.
CREATE OR REPLACE VIEW reporting.inbound_calls AS
SELECT i.call_uuid, i.conversation_uuid, k.campaign_id, c.name AS campaign, i.contact_id, k.key, i.attempt_id,
       i.from_number, i.to_number, i.received_at, i.heard_at, array_remove(i.keys, '') AS keys, i.result
FROM inbound_calls i JOIN contacts k ON k.id = i.contact_id JOIN campaigns c ON c.id = k.campaign_id;
