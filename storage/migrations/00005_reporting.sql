-- +goose Up

-- What people and their tools read. Columns are only ever added, at the end.
CREATE SCHEMA reporting;

CREATE VIEW reporting.attempts AS
SELECT a.id AS attempt_id, a.campaign_id, c.name AS campaign, a.contact_id, a.attempt_no,
       a.to_number, a.from_number, a.state, a.disposition, a.call_uuid, a.conversation_uuid,
       a.created_at, a.answered_at, a.start_time, a.end_time, a.duration_s, a.rate, a.price, a.network
FROM attempts a JOIN campaigns c ON c.id = a.campaign_id;

CREATE VIEW reporting.contacts AS
SELECT k.id AS contact_id, k.campaign_id, c.name AS campaign, k.to_number, k.state, k.reason, k.attempts,
       CASE WHEN k.state IN ('pending', 'waiting') THEN k.due_at END AS next_attempt_at
FROM contacts k JOIN campaigns c ON c.id = k.campaign_id;

CREATE VIEW reporting.events AS
SELECT e.id AS event_id, e.received_at, e.attempt_id, a.campaign_id, c.name AS campaign, a.contact_id,
       e.call_uuid, e.conversation_uuid, e.kind, e.status, e.provider_at, e.body
FROM events e
LEFT JOIN attempts a ON a.id = e.attempt_id
LEFT JOIN campaigns c ON c.id = a.campaign_id;

-- rows_in = rejected + pending + active + waiting + done, and done is the sum
-- of the columns from done_answered to done_message, at all times.
CREATE VIEW reporting.campaigns AS
SELECT c.id AS campaign_id, c.name AS campaign, c.status, c.created_at,
       r.rejected + k.contacts AS rows_in, r.rejected,
       k.pending, k.active, k.waiting, k.done,
       a.calls, a.calls_answered, a.duration_s, a.price, a.unpriced,
       k.done_answered, k.done_human, k.done_machine, k.done_busy, k.done_unanswered, k.done_timeout,
       k.done_failed, k.done_rejected, k.done_cancelled, k.done_unexplained,
       k.done_refused, k.done_suppressed, k.done_stopped, k.done_unresolved, k.done_message,
       c.pause_reason, c.import_finished_at
FROM campaigns c
CROSS JOIN LATERAL (SELECT count(*) AS rejected FROM rejected_rows WHERE campaign_id = c.id) r
CROSS JOIN LATERAL (
    SELECT count(*) AS contacts,
           count(*) FILTER (WHERE state = 'pending') AS pending,
           count(*) FILTER (WHERE state = 'active') AS active,
           count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'done') AS done,
           count(*) FILTER (WHERE reason = 'answered') AS done_answered,
           count(*) FILTER (WHERE reason = 'human') AS done_human,
           count(*) FILTER (WHERE reason = 'machine') AS done_machine,
           count(*) FILTER (WHERE reason = 'busy') AS done_busy,
           count(*) FILTER (WHERE reason = 'unanswered') AS done_unanswered,
           count(*) FILTER (WHERE reason = 'timeout') AS done_timeout,
           count(*) FILTER (WHERE reason = 'failed') AS done_failed,
           count(*) FILTER (WHERE reason = 'rejected') AS done_rejected,
           count(*) FILTER (WHERE reason = 'cancelled') AS done_cancelled,
           count(*) FILTER (WHERE reason = 'unexplained') AS done_unexplained,
           count(*) FILTER (WHERE reason = 'refused') AS done_refused,
           count(*) FILTER (WHERE reason = 'suppressed') AS done_suppressed,
           count(*) FILTER (WHERE reason = 'stopped') AS done_stopped,
           count(*) FILTER (WHERE reason = 'unresolved') AS done_unresolved,
           count(*) FILTER (WHERE reason = 'message') AS done_message
    FROM contacts WHERE campaign_id = c.id) k
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state IN ('accepted', 'ended')) AS calls,
           count(*) FILTER (WHERE disposition IN ('answered', 'human', 'machine')) AS calls_answered,
           coalesce(sum(duration_s), 0) AS duration_s,
           coalesce(sum(price), 0) AS price,
           count(*) FILTER (WHERE state = 'ended' AND price IS NULL) AS unpriced
    FROM attempts WHERE campaign_id = c.id) a;

-- By the hour, in UTC, in which an attempt was dialed.
CREATE VIEW reporting.hourly AS
SELECT date_trunc('hour', a.dialed_at, 'UTC') AS hour, a.campaign_id, c.name AS campaign,
       count(*) AS dialed,
       count(*) FILTER (WHERE a.state IN ('accepted', 'ended')) AS calls,
       count(*) FILTER (WHERE a.disposition = 'answered') AS answered,
       count(*) FILTER (WHERE a.disposition = 'human') AS human,
       count(*) FILTER (WHERE a.disposition = 'machine') AS machine,
       count(*) FILTER (WHERE a.disposition = 'busy') AS busy,
       count(*) FILTER (WHERE a.disposition = 'unanswered') AS unanswered,
       count(*) FILTER (WHERE a.disposition = 'timeout') AS timeout,
       count(*) FILTER (WHERE a.disposition = 'failed') AS failed,
       count(*) FILTER (WHERE a.disposition = 'rejected') AS rejected,
       count(*) FILTER (WHERE a.disposition = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE a.disposition = 'unexplained') AS unexplained,
       count(*) FILTER (WHERE a.state IN ('dialing', 'unknown', 'lost')) AS unsettled,
       coalesce(sum(a.duration_s), 0) AS duration_s,
       coalesce(sum(a.price), 0) AS price,
       count(*) FILTER (WHERE a.state = 'ended' AND a.price IS NULL) AS unpriced
FROM attempts a JOIN campaigns c ON c.id = a.campaign_id
WHERE a.dialed_at IS NOT NULL
GROUP BY 1, 2, 3;
