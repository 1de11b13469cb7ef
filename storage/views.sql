-- The views for people and their tools: docs/reporting.md. Columns are only ever added,
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
           sum(n) FILTER (WHERE subject = 'attempts' AND was_answered(outcome))::bigint AS calls_answered,
           sum(n - priced) FILTER (WHERE subject = 'attempts' AND state = 'ended')::bigint AS unpriced,
           sum(seconds)::bigint AS duration_s,
           sum(price) AS price,
           -- A person counts at the highest step of called, answered, heard and result.
           sum(n) FILTER (WHERE subject = 'ladder')::bigint AS people_called,
           sum(n) FILTER (WHERE subject = 'ladder' AND state <> 'called')::bigint AS people_answered,
           sum(n) FILTER (WHERE subject = 'ladder' AND state IN ('heard', 'result'))::bigint AS heard,
           sum(n) FILTER (WHERE subject = 'ladder' AND state = 'result')::bigint AS people_with_result,
           jsonb_object_agg(outcome, n) FILTER (WHERE subject = 'ladder' AND state = 'result') AS results
    FROM counter_totals GROUP BY campaign_id) AS t ON t.campaign_id = c.id;

-- A contact that is due before its group's next opening is called at that opening.
-- OFFSET 0 keeps the search for that opening separate, so that it is made once per
-- group.
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

-- The rows for reports of calls, in one form: a number of similar calls, or one call.
-- The sources are the counters by hour and by country, which are small; the attempts of
-- campaigns; and all calls of the account that Vonage bills. Postgres reads only the
-- source that a query names.
CREATE OR REPLACE VIEW call_rows AS
SELECT 'hour'::text AS source, campaign_id, hour AS at, NULL::timestamptz AS dialed_at, NULL::text AS kind,
       NULL::text AS country, NULL::text AS network, NULL::text AS from_number, NULL::int AS version,
       state, outcome, NULL::text AS billing, NULL::numeric AS rate, n, priced, seconds, price, 0::bigint AS heard, 0::bigint AS with_result
FROM hourly_totals
UNION ALL
SELECT 'country'::text, t.campaign_id, NULL::timestamptz, NULL::timestamptz, NULL::text,
       t.country, NULL::text, NULL::text, NULL::int,
       NULL::text, NULL::text, t.billing, greatest(r.known, r.configured), t.n, CASE t.billing WHEN 'confirmed' THEN t.n ELSE 0 END, t.seconds, t.price, 0::bigint, 0::bigint
FROM country_totals t LEFT JOIN call_rates r ON r.country = t.country
UNION ALL
SELECT 'call'::text, a.campaign_id, a.dialed_at, a.dialed_at, a.kind,
       coalesce(a.country, ''), a.network, a.from_number, a.campaign_version,
       a.state, coalesce(a.disposition, ''), billing_of(a.state, a.price, a.duration_s), greatest(r.known, r.configured),
       1::bigint, num_nonnulls(a.price)::bigint, coalesce(a.duration_s, 0)::bigint, coalesce(a.price, 0),
       CASE WHEN a.heard_at IS NOT NULL OR a.result IS NOT NULL THEN 1 ELSE 0 END::bigint, num_nonnulls(a.result)::bigint
FROM attempts a LEFT JOIN call_rates r ON r.country = a.country
WHERE a.campaign_id IS NOT NULL AND (a.dialed_at IS NOT NULL OR a.state IN ('accepted', 'ended')) -- a call that a restore found was dialed nobody knows when
UNION ALL
-- A record of Vonage's list, completed from the events about the attempt's call.
SELECT 'bill'::text, coalesce(a.campaign_id, led.campaign_id), p.at, NULL::timestamptz,
       CASE WHEN p.leg_of IS NOT NULL THEN 'leg' WHEN a.id IS NOT NULL THEN a.kind WHEN p.direction = 'inbound' THEN 'inbound' ELSE 'unmatched' END,
       coalesce(a.country, ''), p.network, p.from_number, a.campaign_version,
       NULL::text, NULL::text,
       CASE WHEN p.price IS NOT NULL OR own.price IS NOT NULL THEN 'confirmed' WHEN a.state = 'accepted' OR a.id IS NULL AND p.status IN ('started', 'ringing', 'answered') THEN 'open'
            WHEN p.duration_s IS NOT NULL OR own.duration_s IS NOT NULL THEN 'estimated' ELSE 'missing' END,
       greatest(r.known, r.configured), 1::bigint, CASE WHEN p.price IS NOT NULL OR own.price IS NOT NULL THEN 1 ELSE 0 END::bigint,
       coalesce(p.duration_s, own.duration_s, 0)::bigint, coalesce(p.price, own.price, 0), 0::bigint, 0::bigint
FROM (SELECT start_time AS at, call_uuid, attempt_id, leg_of, direction, network, from_number, status, price, duration_s FROM provider_calls WHERE start_time IS NOT NULL
      UNION ALL
      SELECT first_seen_at, call_uuid, attempt_id, leg_of, direction, network, from_number, status, price, duration_s FROM provider_calls WHERE start_time IS NULL) AS p
LEFT JOIN attempts a ON a.id = p.attempt_id LEFT JOIN attempts led ON led.id = p.leg_of LEFT JOIN call_rates r ON r.country = a.country,
LATERAL (SELECT CASE WHEN a.call_uuid = p.call_uuid THEN a.price END AS price, CASE WHEN a.call_uuid = p.call_uuid THEN a.duration_s END AS duration_s) AS own
UNION ALL
-- A call whose record has not been read yet.
SELECT 'bill'::text, a.campaign_id, coalesce(a.start_time, a.dialed_at, a.created_at), a.dialed_at, a.kind,
       coalesce(a.country, ''), a.network, a.from_number, a.campaign_version,
       NULL::text, NULL::text, billing_of(a.state, a.price, a.duration_s), greatest(r.known, r.configured),
       1::bigint, num_nonnulls(a.price)::bigint, coalesce(a.duration_s, 0)::bigint, coalesce(a.price, 0), 0::bigint, 0::bigint
FROM attempts a LEFT JOIN call_rates r ON r.country = a.country
WHERE a.state IN ('accepted', 'ended')
  -- guard:value storage.TestMonthlyCostIsTheInvoice: a call whose record was read is billed once
  AND NOT EXISTS (SELECT FROM provider_calls p WHERE p.call_uuid = a.call_uuid);

-- The definition of each figure in a report: here, and nowhere else. The views below,
-- the command, the API and the pages only add these up.
CREATE OR REPLACE VIEW call_figures AS
SELECT source, campaign_id, at, dialed_at, kind, country, network, from_number, version,
       CASE WHEN at IS NOT NULL THEN n ELSE 0 END AS dialed, -- an attempt that passed the gate
       CASE WHEN state IN ('accepted', 'ended') OR billing IS NOT NULL THEN n ELSE 0 END AS calls, -- that Vonage had
       CASE WHEN was_answered(outcome) THEN n ELSE 0 END AS calls_answered,
       CASE outcome WHEN 'answered' THEN n ELSE 0 END AS answered,
       CASE outcome WHEN 'human' THEN n ELSE 0 END AS human,
       CASE outcome WHEN 'machine' THEN n ELSE 0 END AS machine,
       CASE outcome WHEN 'busy' THEN n ELSE 0 END AS busy,
       CASE outcome WHEN 'unanswered' THEN n ELSE 0 END AS unanswered,
       CASE outcome WHEN 'timeout' THEN n ELSE 0 END AS timeout,
       CASE outcome WHEN 'failed' THEN n ELSE 0 END AS failed,
       CASE outcome WHEN 'rejected' THEN n ELSE 0 END AS rejected,
       CASE outcome WHEN 'cancelled' THEN n ELSE 0 END AS cancelled,
       CASE outcome WHEN 'unexplained' THEN n ELSE 0 END AS unexplained,
       CASE WHEN state IN ('dialing', 'unknown', 'lost') THEN n ELSE 0 END AS unsettled,
       heard, with_result, -- calls; a result counts as heard
       seconds AS duration_s, price, priced,
       CASE WHEN state = 'ended' OR billing IN ('estimated', 'missing') THEN n - priced ELSE 0 END AS unpriced,
       CASE WHEN billing = 'estimated' AND rate IS NOT NULL THEN n ELSE 0 END AS estimated, -- of those without a price, what their length may cost
       CASE WHEN billing = 'estimated' AND rate IS NOT NULL THEN seconds * rate / 60 ELSE 0 END AS estimated_price,
       CASE WHEN billing = 'missing' OR billing = 'estimated' AND rate IS NULL THEN n ELSE 0 END AS missing, -- ... and not even that is known
       CASE billing WHEN 'open' THEN n ELSE 0 END AS open
FROM call_rows;

-- By the hour, in UTC, in which an attempt was dialed.
CREATE OR REPLACE VIEW reporting.hourly AS
SELECT f.at AS hour, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.answered)::bigint AS answered,
       sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine, sum(f.busy)::bigint AS busy,
       sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout, sum(f.failed)::bigint AS failed,
       sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled, sum(f.unexplained)::bigint AS unexplained,
       sum(f.unsettled)::bigint AS unsettled, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.calls_answered)::bigint AS calls_answered
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'hour' GROUP BY 1, 2, 3;

-- By the day, in UTC, on which an attempt was dialed.
CREATE OR REPLACE VIEW reporting.daily AS
SELECT (f.at AT TIME ZONE 'UTC')::date AS day, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.answered)::bigint AS answered,
       sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine, sum(f.busy)::bigint AS busy,
       sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout, sum(f.failed)::bigint AS failed,
       sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled, sum(f.unexplained)::bigint AS unexplained,
       sum(f.unsettled)::bigint AS unsettled, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.calls_answered)::bigint AS calls_answered
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'hour' GROUP BY 1, 2, 3;

-- By the hour of the day, 0 to 23, in UTC.
CREATE OR REPLACE VIEW reporting.by_hour_of_day AS
SELECT extract(hour FROM f.at AT TIME ZONE 'UTC')::int AS hour_of_day, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.answered)::bigint AS answered,
       sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine, sum(f.busy)::bigint AS busy,
       sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout, sum(f.failed)::bigint AS failed,
       sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled, sum(f.unexplained)::bigint AS unexplained,
       sum(f.unsettled)::bigint AS unsettled, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.calls_answered)::bigint AS calls_answered
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'hour' GROUP BY 1, 2, 3;

-- By the country of the called number: an ISO code; null: it has none, or is from
-- before countries were stored.
CREATE OR REPLACE VIEW reporting.by_country AS
SELECT nullif(f.country, '') AS country, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.calls_answered)::bigint AS calls_answered,
       sum(f.answered)::bigint AS answered, sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine,
       sum(f.busy)::bigint AS busy, sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout,
       sum(f.failed)::bigint AS failed, sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled,
       sum(f.unexplained)::bigint AS unexplained, sum(f.unsettled)::bigint AS unsettled, sum(f.heard)::bigint AS heard,
       sum(f.with_result)::bigint AS with_result, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.estimated)::bigint AS estimated,
       round(sum(f.estimated_price), 8) AS estimated_price, sum(f.missing)::bigint AS missing
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'call' GROUP BY 1, 2, 3;

-- By Vonage's name of the called number's network.
CREATE OR REPLACE VIEW reporting.by_network AS
SELECT f.network AS network, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.calls_answered)::bigint AS calls_answered,
       sum(f.answered)::bigint AS answered, sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine,
       sum(f.busy)::bigint AS busy, sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout,
       sum(f.failed)::bigint AS failed, sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled,
       sum(f.unexplained)::bigint AS unexplained, sum(f.unsettled)::bigint AS unsettled, sum(f.heard)::bigint AS heard,
       sum(f.with_result)::bigint AS with_result, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.estimated)::bigint AS estimated,
       round(sum(f.estimated_price), 8) AS estimated_price, sum(f.missing)::bigint AS missing
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'call' GROUP BY 1, 2, 3;

-- By the number that the call came from, one of ours.
CREATE OR REPLACE VIEW reporting.by_caller AS
SELECT f.from_number AS from_number, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.calls_answered)::bigint AS calls_answered,
       sum(f.answered)::bigint AS answered, sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine,
       sum(f.busy)::bigint AS busy, sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout,
       sum(f.failed)::bigint AS failed, sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled,
       sum(f.unexplained)::bigint AS unexplained, sum(f.unsettled)::bigint AS unsettled, sum(f.heard)::bigint AS heard,
       sum(f.with_result)::bigint AS with_result, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.estimated)::bigint AS estimated,
       round(sum(f.estimated_price), 8) AS estimated_price, sum(f.missing)::bigint AS missing
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'call' GROUP BY 1, 2, 3;

-- By the version of the campaign, whose message was said; null: from before versions
-- were stored.
CREATE OR REPLACE VIEW reporting.by_version AS
SELECT f.version AS version, f.campaign_id, c.name AS campaign,
       sum(f.dialed)::bigint AS dialed, sum(f.calls)::bigint AS calls, sum(f.calls_answered)::bigint AS calls_answered,
       sum(f.answered)::bigint AS answered, sum(f.human)::bigint AS human, sum(f.machine)::bigint AS machine,
       sum(f.busy)::bigint AS busy, sum(f.unanswered)::bigint AS unanswered, sum(f.timeout)::bigint AS timeout,
       sum(f.failed)::bigint AS failed, sum(f.rejected)::bigint AS rejected, sum(f.cancelled)::bigint AS cancelled,
       sum(f.unexplained)::bigint AS unexplained, sum(f.unsettled)::bigint AS unsettled, sum(f.heard)::bigint AS heard,
       sum(f.with_result)::bigint AS with_result, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.unpriced)::bigint AS unpriced, sum(f.estimated)::bigint AS estimated,
       round(sum(f.estimated_price), 8) AS estimated_price, sum(f.missing)::bigint AS missing
FROM call_figures f JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'call' GROUP BY 1, 2, 3;

-- After how many calls people were reached, ended without that, or must still be
-- called.
CREATE OR REPLACE VIEW reporting.retries AS
SELECT k.attempts AS calls, k.campaign_id, c.name AS campaign, count(*) AS people,
       count(*) FILTER (WHERE k.state = 'done' AND was_reached(c.settings->'retry'->>'until', k.reason, k.heard_at, k.result)) AS reached,
       count(*) FILTER (WHERE k.state = 'done' AND NOT was_reached(c.settings->'retry'->>'until', k.reason, k.heard_at, k.result)) AS not_reached,
       count(*) FILTER (WHERE k.state <> 'done') AS not_ended
FROM contacts k JOIN campaigns c ON c.id = k.campaign_id GROUP BY 1, 2, 3;

-- How far a campaign came with its people. Each step has the total that it is a part
-- of.
CREATE OR REPLACE VIEW reporting.funnel AS
SELECT s.step_no, s.step, v.campaign_id, v.campaign, s.people, s.of_people, round(100.0 * s.people / nullif(s.of_people, 0), 1) AS percent
FROM reporting.campaigns v,
LATERAL (SELECT 1 AS step_no, 'callable' AS step, v.rows_in - v.rejected AS people, v.rows_in AS of_people
         UNION ALL SELECT 2, 'called', v.people_called, v.rows_in - v.rejected
         UNION ALL SELECT 3, 'answered', v.people_answered, v.people_called
         UNION ALL SELECT 4, 'heard', v.heard, v.people_answered
         UNION ALL SELECT 5, 'result ' || r.key, r.value::bigint, v.heard FROM jsonb_each_text(v.results) AS r) AS s;

-- The cost of all calls of the account by the month, in UTC, in which they began by
-- Vonage's record, as in the invoice. It includes manual calls, the legs that keys
-- connected to, inbound calls, and calls that no attempt explains. campaign_id is null
-- if a call belongs to none.
CREATE OR REPLACE VIEW reporting.monthly_cost AS
SELECT date_trunc('month', f.at AT TIME ZONE 'UTC')::date AS month, f.campaign_id, c.name AS campaign,
       sum(f.calls)::bigint AS calls, sum(f.duration_s)::bigint AS duration_s, sum(f.price) AS price,
       sum(f.priced)::bigint AS priced, sum(f.unpriced)::bigint AS unpriced, sum(f.estimated)::bigint AS estimated,
       round(sum(f.estimated_price), 8) AS estimated_price, sum(f.missing)::bigint AS missing, sum(f.open)::bigint AS open,
       coalesce(sum(f.price) FILTER (WHERE f.kind = 'campaign'), 0) AS campaign_price, coalesce(sum(f.price) FILTER (WHERE f.kind = 'manual'), 0) AS manual_price,
       coalesce(sum(f.price) FILTER (WHERE f.kind = 'leg'), 0) AS leg_price, coalesce(sum(f.price) FILTER (WHERE f.kind = 'inbound'), 0) AS inbound_price,
       coalesce(sum(f.price) FILTER (WHERE f.kind = 'unmatched'), 0) AS unmatched_price
FROM call_figures f LEFT JOIN campaigns c ON c.id = f.campaign_id
WHERE f.source = 'bill' GROUP BY 1, 2, 3;

-- Every call that Vonage's list ever showed, with or without an attempt that explains
-- it.
CREATE OR REPLACE VIEW reporting.provider_calls AS
SELECT p.call_uuid, p.conversation_uuid, p.direction, p.to_number, p.from_number, p.status, p.start_time, p.end_time,
       p.duration_s, p.rate, p.price, p.network, p.attempt_id, c.name AS campaign, p.matched_by, p.first_seen_at,
       p.to_kind, p.leg_of
FROM provider_calls p
LEFT JOIN attempts a ON a.id = coalesce(p.attempt_id, p.leg_of)
LEFT JOIN campaigns c ON c.id = a.campaign_id;

-- All suppressions, including ended ones.
CREATE OR REPLACE VIEW reporting.suppressions AS
SELECT s.number, CASE WHEN s.campaign_id IS NOT NULL THEN 'campaign' WHEN s.purpose IS NOT NULL THEN 'purpose' ELSE 'all' END::text AS scope, c.name AS campaign,
       s.source, s.note, s.created_at, s.expires_at, s.ended_at, s.purpose, s.invalid
FROM suppressions s LEFT JOIN campaigns c ON c.id = s.campaign_id;

-- The alarms for a person to look at: each once, with how often it was raised.
CREATE OR REPLACE VIEW reporting.alarms AS
SELECT m.id AS alarm_id, m.kind, m.attempt_id, c.name AS campaign, m.detail, m.times, m.at, m.last_at, m.resolved_at, m.resolved_by,
       m.resolved_at IS NULL OR m.last_at > m.resolved_at AS open
FROM alarms m LEFT JOIN attempts a ON a.id = m.attempt_id LEFT JOIN campaigns c ON c.id = a.campaign_id;

-- The recordings of calls, from record events. Vonage keeps them for 30 days. The
-- application's key is needed to fetch them.
CREATE OR REPLACE VIEW reporting.recordings AS
SELECT coalesce(a.call_uuid, i.call_uuid) AS call_uuid, k.campaign_id, c.name AS campaign, k.id AS contact_id, k.key,
       coalesce(r.attempt_id, i.attempt_id) AS attempt_id, r.inbound_id IS NOT NULL AS inbound,
       r.recording_id, r.url AS recording_url, r.started_at, r.ended_at, r.duration_s, r.bytes, r.received_at
FROM recordings r LEFT JOIN attempts a ON a.id = r.attempt_id LEFT JOIN inbound_calls i ON i.id = r.inbound_id
LEFT JOIN contacts k ON k.id = coalesce(a.contact_id, i.contact_id) LEFT JOIN campaigns c ON c.id = k.campaign_id;

-- Calls of people who rang back and heard their latest message.
CREATE OR REPLACE VIEW reporting.inbound_calls AS
SELECT i.call_uuid, i.conversation_uuid, k.campaign_id, c.name AS campaign, i.contact_id, k.key, i.attempt_id,
       i.from_number, i.to_number, i.received_at, i.heard_at, array_remove(i.keys, '') AS keys, i.result
FROM inbound_calls i JOIN contacts k ON k.id = i.contact_id JOIN campaigns c ON c.id = k.campaign_id;
