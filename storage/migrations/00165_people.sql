-- +goose Up

-- One reading of a file into a campaign.
CREATE TABLE imports (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    campaign_id  bigint NOT NULL,
    source       text NOT NULL,    -- the file's fingerprint
    columns      text[] NOT NULL,  -- the file's columns, in their order: what an export begins with
    reading      jsonb NOT NULL,   -- campaign.Reading: a person who is changed later is read the same way
    started_by   text NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at  timestamptz,      -- null: it goes on, or was broken off
    CONSTRAINT imports_pkey PRIMARY KEY (id),
    CONSTRAINT imports_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns (id)
);

-- The contacts that were there already when an import came to their row. It shows
-- a key that the file has twice, and whose rows are gone. The rows live while the
-- import does.
CREATE TABLE import_rows (
    import_id  bigint NOT NULL,
    contact_id bigint NOT NULL,
    line_no    int NOT NULL,
    CONSTRAINT import_rows_pkey PRIMARY KEY (import_id, contact_id),
    CONSTRAINT import_rows_import FOREIGN KEY (import_id) REFERENCES imports (id) ON DELETE CASCADE
);

ALTER TABLE contacts
    ADD COLUMN key            text,        -- what makes the row this person: the number, or the value of the column --key
    ADD COLUMN import_id      bigint,      -- the import that added it, or changed it last; null: before imports were kept
    ADD COLUMN not_later_than timestamptz, -- it is not called from then on
    ADD COLUMN cancelled_at   timestamptz; -- a person asked that it is not called any more

-- Of contacts of earlier versions the columns with a meaning were not kept.
UPDATE contacts SET key = to_number, vars = jsonb_build_object('to', '+' || to_number) || vars
    || CASE WHEN call_at IS NULL THEN '{}' ELSE jsonb_build_object('call_at', to_char(call_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) END;

ALTER TABLE contacts
    ALTER COLUMN key SET NOT NULL,
    ADD CONSTRAINT contacts_key_length CHECK (length(key) BETWEEN 1 AND 200),
    DROP CONSTRAINT contacts_once,
    ADD CONSTRAINT contacts_key_once UNIQUE (campaign_id, key),
    DROP CONSTRAINT contacts_reason_known,
    ADD CONSTRAINT contacts_reason_known CHECK (reason IN (
        'answered', 'human', 'machine', 'busy', 'unanswered', 'timeout', 'failed', 'rejected', 'cancelled', 'unexplained',
        'refused', 'suppressed', 'stopped', 'unresolved', 'message', 'expired', 'cancelled_by_request'));
COMMENT ON COLUMN contacts.vars IS 'the CSV''s own columns, by name, as they were read';

CREATE INDEX contacts_by_number ON contacts (to_number);
CREATE INDEX contacts_to_expire ON contacts (not_later_than) WHERE not_later_than IS NOT NULL AND state IN ('pending', 'waiting');

-- The earliest next call of a contact; rules.sql has its text.
CREATE FUNCTION next_call(contact bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT NULL::timestamptz';

CREATE OR REPLACE VIEW reporting.contacts AS
SELECT k.id AS contact_id, k.campaign_id, c.name AS campaign, k.to_number, k.state, k.reason, k.attempts,
       CASE WHEN k.state IN ('pending', 'waiting') THEN next_call(k.id) END AS next_attempt_at,
       k.key, k.line_no AS line, k.vars AS row, k.not_later_than
FROM contacts k JOIN campaigns c ON c.id = k.campaign_id;

CREATE OR REPLACE VIEW reporting.campaigns AS
SELECT c.id AS campaign_id, c.name AS campaign, c.status, c.created_at,
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
       coalesce(t.done_expired, 0) AS done_expired, coalesce(t.done_cancelled_by_request, 0) AS done_cancelled_by_request
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
           sum(n) FILTER (WHERE subject = 'attempts' AND outcome IN ('answered', 'human', 'machine'))::bigint AS calls_answered,
           sum(n - priced) FILTER (WHERE subject = 'attempts' AND state = 'ended')::bigint AS unpriced,
           sum(seconds)::bigint AS duration_s,
           sum(price) AS price
    FROM counter_totals GROUP BY campaign_id) AS t ON t.campaign_id = c.id;
