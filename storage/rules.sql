-- The rules that the gate, withdrawals, manual calls, `why` and the dry run
-- share. `dialer migrate up` applies this file whenever its text has changed.

-- Whether the wall clock is inside the open minutes of the week, and on none of
-- the closed dates, in every one of the zones. No zones: never. A zone that
-- Postgres does not know is an error, because a check that cannot be made must
-- not let a call through.
CREATE OR REPLACE FUNCTION within_hours(at timestamptz, zones text[], open_minutes int4multirange, closed_dates date[])
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    -- guard:value(SELECT coalesce(bool_and(local.minute + 1 <@ within_hours.open_minutes OR local.minute <@ within_hours.open_minutes), false)) storage.TestWithinHoursEqualsTheDomains: hours begin with their first minute
    -- guard:value(SELECT coalesce(bool_or(local.minute <@ within_hours.open_minutes AND local.day <> ALL (within_hours.closed_dates)), false)) storage.TestWithinHoursEqualsTheDomains: the hours hold in every zone
    -- guard:value(SELECT coalesce(bool_and(local.minute <@ within_hours.open_minutes), false)) storage.TestWithinHoursEqualsTheDomains: nobody is called on a date that is left out
    -- guard:value(SELECT true) chaos.Calm: nobody is called outside the hours of their zone
    SELECT coalesce(bool_and(local.minute <@ within_hours.open_minutes AND local.day <> ALL (within_hours.closed_dates)), false)
    FROM unnest(zones) AS zone,
         LATERAL (SELECT at AT TIME ZONE zone AS clock) AS wall,
         LATERAL (SELECT wall.clock::date AS day,
                         ((extract(isodow FROM wall.clock) - 1) * 1440 + extract(hour FROM wall.clock) * 60
                          + extract(minute FROM wall.clock))::int AS minute) AS local
);

-- The earliest next call of a contact that waits, if the campaign runs; null: there
-- is none before its time is over. It is campaign.Settings.FirstCall, except that it
-- tries the beginnings of the hours and of the days alone, and not the changes of
-- clocks. What is tried must be open for as long as the claim wants it to be.
CREATE OR REPLACE FUNCTION next_call(contact bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT tried.at
    FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id JOIN campaigns c ON c.id = k.campaign_id,
    LATERAL (SELECT greatest(k.due_at, c.starts_at, now()) AS due) AS from_then,
    LATERAL (
        SELECT due AS at
        UNION
        SELECT (date_trunc('day', due AT TIME ZONE zone) + day * interval '1 day' + minute * interval '1 minute') AT TIME ZONE zone
        FROM unnest(g.zones) AS zone, generate_series(0, 8 + cardinality(c.closed_dates)) AS day,
             LATERAL (SELECT DISTINCT lower(span) % 1440 AS minute FROM unnest(c.open_minutes) AS span UNION SELECT 0) AS minutes
        ORDER BY at OFFSET 0) AS tried
    WHERE k.id = contact AND NOT g.zone_missing AND tried.at >= due
      AND within_hours(tried.at, g.zones, c.open_minutes, c.closed_dates)
      AND within_hours(tried.at + interval '90 seconds' + c.margin_minutes * interval '1 minute', g.zones, c.open_minutes, c.closed_dates)
      AND (k.not_later_than IS NULL OR tried.at < k.not_later_than)
      AND (c.ends_at IS NULL OR tried.at < c.ends_at)
    ORDER BY tried.at LIMIT 1
$$;

-- The number of a contact's that was called last; else the first. A contact of one
-- number, which has no list, has no other.
CREATE OR REPLACE FUNCTION called_number(contact bigint, next_number text, numbers text[]) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN numbers IS NULL THEN next_number ELSE coalesce((
        SELECT a.to_number FROM attempts a WHERE a.contact_id = contact AND a.posts = 1 AND a.state NOT IN ('refused', 'absent')
        ORDER BY a.attempt_no DESC LIMIT 1), numbers[1]) END
$$;

-- The status that people see: scheduled is a part of running, stopping of stopped.
-- campaign.StatusRules has them all. calls_up is how many calls of it have not ended.
CREATE OR REPLACE FUNCTION shown_status(status text, starts_at timestamptz, calls_up bigint) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN status = 'running' AND starts_at > now() THEN 'scheduled'
            WHEN status = 'stopped' AND calls_up > 0 THEN 'stopping'
            ELSE status END;

-- May this person be called now? One row for each thing that stands in the way,
-- the weightiest first; none: the call may be made. campaign and contact are null
-- for a manual call, to which hours do not apply.
--
-- It is one SELECT in language sql, stable and without SET, so that Postgres
-- inlines it: a test reads the plan.
CREATE OR REPLACE FUNCTION call_obstacles(number text, campaign bigint, contact bigint, at timestamptz)
RETURNS TABLE (reason text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    -- guard:drop storage.TestGateSeesWhatCommitted: a locked database calls nobody
    SELECT 'dial_lock' WHERE EXISTS (SELECT FROM database_identity WHERE locked)
    UNION ALL
    SELECT CASE WHEN c.status = 'stopped' THEN 'stopped' END FROM campaigns c
    -- guard:value(WHERE false) storage.TestGateWithdraws: no contact of a stopped campaign is called
    -- guard:value(WHERE false) chaos.Operated: a stopped campaign calls nobody
    WHERE c.id = call_obstacles.campaign AND c.status = 'stopped'
    UNION ALL
    SELECT 'cancelled' FROM contacts k WHERE k.id = call_obstacles.contact AND k.cancelled_at IS NOT NULL
    UNION ALL
    SELECT 'suppressed' FROM suppressions s
    -- guard:value(WHERE false) storage.TestGateWithdraws: no suppressed number is called
    -- guard:value(WHERE false) chaos.Operated: a suppression that comes after the claim is kept
    WHERE s.number = call_obstacles.number AND s.ended_at IS NULL AND (s.campaign_id IS NULL OR s.campaign_id = call_obstacles.campaign) AND (s.expires_at IS NULL OR s.expires_at > call_obstacles.at)
    UNION ALL
    -- The POST may be sent until its token has expired, 30 s later.
    SELECT 'expired' FROM contacts k
    -- guard:value(WHERE false) storage.TestNotLaterThan: nobody is called after the time that their row gives
    WHERE k.id = call_obstacles.contact AND k.not_later_than < call_obstacles.at + interval '30 seconds'
    UNION ALL
    SELECT 'ended' FROM campaigns c
    -- guard:value(WHERE false) storage.TestCampaignEnd: nobody is called after the campaign's end
    WHERE c.id = call_obstacles.campaign AND c.ends_at < call_obstacles.at + interval '30 seconds'
    UNION ALL
    -- An edit may say less than when the contact was put down.
    SELECT 'attempts_used' FROM contacts k JOIN campaigns c ON c.id = k.campaign_id
    -- guard:value(WHERE false) storage.TestEditOfAttempts: nobody is called more often than the campaign says now
    WHERE k.id = call_obstacles.contact AND k.attempts >= c.max_attempts
    UNION ALL
    -- draft, importing, paused or finished
    SELECT c.status FROM campaigns c
    -- guard:value(WHERE false) storage.TestGateWithdraws: no contact of a paused campaign is called
    -- guard:value(WHERE false) chaos.Operated: a paused campaign calls nobody
    WHERE c.id = call_obstacles.campaign AND c.status NOT IN ('running', 'stopped')
    UNION ALL
    SELECT 'not_started' FROM campaigns c
    WHERE c.id = call_obstacles.campaign AND c.starts_at > call_obstacles.at
    UNION ALL
    -- A call is under way at the number: of another campaign, or one of whose
    -- end nobody has heard.
    SELECT 'number_busy' WHERE EXISTS (
        SELECT FROM attempts o
        -- guard:value(WHERE false)) storage.TestGateWhileSupersededCallIsOpen: no number is called while a call to it is open
        WHERE o.to_number = call_obstacles.number AND o.state IN ('dialing', 'unknown', 'accepted'))
    UNION ALL
    SELECT 'unknown_zone' FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id
    WHERE k.id = call_obstacles.contact AND g.zone_missing
    UNION ALL
    -- The hours must hold until the token of the POST has expired, 30 s later, and
    -- until the margin has passed after that.
    SELECT 'outside_hours'
    FROM contacts k JOIN zone_groups g ON g.id = k.zone_group_id JOIN campaigns c ON c.id = k.campaign_id
    WHERE k.id = call_obstacles.contact
      -- guard:value(AND NOT (true) storage.TestCallObstaclesNearTheEndOfTheHours: the hours are checked at the gate
      AND NOT (within_hours(call_obstacles.at, CASE WHEN g.zone_missing THEN NULL ELSE g.zones END, c.open_minutes, c.closed_dates)
           -- guard:value(AND true)) storage.TestCallObstaclesNearTheEndOfTheHours: the hours are checked for the token's end
           AND within_hours(call_obstacles.at + interval '30 seconds' + c.margin_minutes * interval '1 minute', CASE WHEN g.zone_missing THEN NULL ELSE g.zones END, c.open_minutes, c.closed_dates))
$$;

-- Whether two numbers are certainly of different telephones, however Vonage worded
-- them: their last eight digits differ, or their last seven where one has no more.
-- Unknown where one is null or has fewer. It is campaign.NumbersDiffer, of which a
-- test says that it is the same.
--
-- It is one expression, so that Postgres inlines it: with 3,000 unknown attempts the
-- matching of calls took 19 s when it did not.
CREATE OR REPLACE FUNCTION numbers_differ(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN least(length(ltrim(a, '+0')), length(ltrim(b, '+0'))) >= 7 THEN
    right(ltrim(a, '+0'), least(length(ltrim(a, '+0')), length(ltrim(b, '+0')), 8))
    <> right(ltrim(b, '+0'), least(length(ltrim(a, '+0')), length(ltrim(b, '+0')), 8))
END;

-- Whether call c may be the call that attempt a made, whose window is w. It may
-- be, unless one of these lines says why not: what cannot be read may be any
-- attempt's. It is not inlined, so statements that ask it of many calls ask
-- numbers_differ before it, which is. A binding by numbers alone is no reason here;
-- see absence.go.
--
-- Its body is a string: Postgres lets no column be added to a table whose row type
-- stands in a parsed body.
CREATE OR REPLACE FUNCTION may_be_call_of(c provider_calls, a attempts, w tstzrange) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT NOT coalesce(false
    -- it is another attempt's for certain (statements that ask leave these out already, by an index)
    OR c.matched_by IN ('uuid', 'person') AND c.attempt_id <> a.id
    -- guard:drop storage.TestAbsenceExemptions: a leg of another attempt's call, of which an event tells, blocks no proof
    OR c.leg_of <> a.id AND EXISTS (SELECT FROM events e WHERE e.attempt_id = c.leg_of AND e.call_uuid = c.call_uuid)
    -- guard:drop storage.TestAbsenceExemptions: a call that was listed before the gate blocks no proof
    OR c.first_seen_at < a.dialed_at
    -- guard:drop storage.TestAbsenceExemptions: a call to something that is no telephone blocks no proof
    OR c.to_kind = 'other' AND a.to_kind = 'phone'
    -- guard:drop storage.TestAbsenceExemptions: an inbound call blocks no proof
    OR c.direction = 'inbound'
    -- guard:drop storage.TestMatchByNumbers: a call that started at another time blocks no proof
    OR NOT w @> c.start_time
    OR numbers_differ(c.to_number, a.to_number)
    -- guard:drop storage.TestAbsenceExemptions: a call from another number blocks no proof where its to cannot be read
    OR c.to_number IS NULL AND numbers_differ(c.from_number, a.from_number)
, false)
$$;
