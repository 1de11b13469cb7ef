-- The rules that the gate, withdrawals, manual calls and `why` share. `dialer migrate up` applies this file whenever its text has changed.

-- Whether a wall clock is inside the open minutes of the week, and not on a closed
-- date.
CREATE OR REPLACE FUNCTION clock_within_hours(clock timestamp, open_minutes int4multirange, closed_dates date[])
RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    -- guard:value storage.TestWithinHoursEqualsTheDomains: hours begin with their first minute
    ((extract(isodow FROM clock) - 1) * 1440 + extract(hour FROM clock) * 60 + extract(minute FROM clock))::int <@ open_minutes
    -- guard:value storage.TestWithinHoursEqualsTheDomains: nobody is called on a date that is left out
    AND clock::date <> ALL (closed_dates);

CREATE OR REPLACE FUNCTION within_hours_of_each(at timestamptz, zones text[], open_minutes int4multirange, closed_dates date[])
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    -- guard:value storage.TestWithinHoursEqualsTheDomains: the hours hold in every zone
    SELECT coalesce(bool_and(clock_within_hours(at AT TIME ZONE zone, open_minutes, closed_dates)), false)
    FROM unnest(zones) AS zone);

-- Whether the wall clock is inside the hours in every one of the zones. No zones:
-- never. A zone that Postgres does not know is an error, because a check that cannot be
-- made must not let a call through.
--
-- A number is nearly always in one zone. For that case this is one expression, which
-- Postgres inlines. A function with a FROM is planned in each statement and started for
-- each row, which took a third of the gate's last statement.
CREATE OR REPLACE FUNCTION within_hours(at timestamptz, zones text[], open_minutes int4multirange, closed_dates date[])
RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN
    -- guard:value chaos.Calm: nobody is called outside the hours of their zone
    CASE WHEN cardinality(zones) = 1 THEN coalesce(clock_within_hours(at AT TIME ZONE zones[1], open_minutes, closed_dates), false) ELSE within_hours_of_each(at, zones, open_minutes, closed_dates) END;

-- The earliest call of a contact of the group that is due at due, if the campaign runs;
-- null: there is none before its time is over. It is campaign.Settings.FirstCall,
-- except that it tries only the beginnings of the hours and of the days, and not the
-- changes of clocks. A tried moment must be open for as long as the claim requires.
--
-- The search costs a millisecond, so it is made only if due itself is closed. It is in
-- plpgsql, which keeps its plans from call to call. JIT is off: Postgres expects far
-- more openings than there are, and would compile for 100 ms in each call.
CREATE OR REPLACE FUNCTION next_opening(zone_group bigint, due timestamptz) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000 SET jit = off AS $$
DECLARE
    hours record;
    opening timestamptz := due;
    days int;
BEGIN
    SELECT g.zones, c.open_minutes, c.closed_dates, c.ends_at, interval '90 seconds' + c.margin_minutes * interval '1 minute' AS lead INTO hours
    FROM zone_groups g JOIN campaigns c ON c.id = g.campaign_id WHERE g.id = zone_group AND NOT g.zone_missing;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF NOT (within_hours(due, hours.zones, hours.open_minutes, hours.closed_dates)
            AND within_hours(due + hours.lead, hours.zones, hours.open_minutes, hours.closed_dates)) THEN
        -- A week has every day once, and each excepted date takes one more day.
        days := 8 + (SELECT count(*) FROM unnest(hours.closed_dates) AS left_out (day)
                     WHERE left_out.day BETWEEN due::date - 2 AND due::date + 10 + cardinality(hours.closed_dates));
        opening := (
            SELECT tried.at
            FROM (
                SELECT (date_trunc('day', due AT TIME ZONE zone) + day * interval '1 day' + minute * interval '1 minute') AT TIME ZONE zone AS at
                FROM unnest(hours.zones) AS zone, generate_series(0, days) AS day,
                     LATERAL (SELECT DISTINCT lower(span) % 1440 AS minute FROM unnest(hours.open_minutes) AS span UNION SELECT 0) AS minutes
                ORDER BY at OFFSET 0) AS tried
            WHERE tried.at >= due
              AND within_hours(tried.at, hours.zones, hours.open_minutes, hours.closed_dates)
              AND within_hours(tried.at + hours.lead, hours.zones, hours.open_minutes, hours.closed_dates)
            ORDER BY tried.at LIMIT 1);
    END IF;
    RETURN CASE WHEN hours.ends_at IS NULL OR opening < hours.ends_at THEN opening END;
EXCEPTION
    -- guard:value storage.TestLostZoneStopsNoViewAndNoWebhook: a zone that Postgres has lost stops no view and no webhook out
    WHEN invalid_parameter_value THEN RETURN NULL;
END $$;

-- Whether a call with this disposition was answered, by a person or a machine.
CREATE OR REPLACE FUNCTION was_answered(disposition text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(disposition IN ('answered', 'human', 'machine'), false);

-- Whether a person who has ended was reached, by the campaign's until.
CREATE OR REPLACE FUNCTION was_reached(until text, reason text, heard_at timestamptz, result text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE until WHEN 'result' THEN result IS NOT NULL
                  WHEN 'heard' THEN heard_at IS NOT NULL OR result IS NOT NULL
                  ELSE was_answered(reason) END;

-- The same for the form in which a person is listed (listed_as): whether they have
-- ended, and were reached.
CREATE OR REPLACE FUNCTION reached_as(until text, listed text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN split_part(listed, ' ', 1) = 'done' AND was_reached(until, split_part(listed, ' ', 2),
    CASE WHEN split_part(listed, ' ', 3) ^@ '1' THEN timestamptz '-infinity' END, CASE WHEN split_part(listed, ' ', 3) ^@ '2' THEN '' END);

-- Whether they ended without being reached, and may be called again: nobody who is
-- suppressed or was cancelled.
CREATE OR REPLACE FUNCTION not_reached_as(until text, listed text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN split_part(listed, ' ', 1) = 'done' AND NOT reached_as(until, listed) AND split_part(listed, ' ', 2) NOT IN ('suppressed', 'cancelled_by_request');

-- Whether a person must reach them by hand: those who were not reached, and those whose
-- telephone another person opted out.
CREATE OR REPLACE FUNCTION by_hand_as(until text, listed text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN not_reached_as(until, listed) OR split_part(listed, ' ', 2) = 'suppressed' AND listed LIKE '%o' AND NOT reached_as(until, listed);

-- The contact's number that was called last, else its first one. A contact with one
-- number has no list, and no other number.
CREATE OR REPLACE FUNCTION called_number(contact bigint, next_number text, numbers text[]) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN numbers IS NULL THEN next_number ELSE coalesce((
        SELECT a.to_number FROM attempts a WHERE a.contact_id = contact AND a.posts = 1 AND a.state NOT IN ('refused', 'absent')
        ORDER BY a.attempt_no DESC LIMIT 1), numbers[1]) END
$$;

-- The status that people see: scheduled is a part of running, stopping of stopped.
-- campaign.StatusRules lists them all. calls_up is the number of its calls that have
-- not ended.
CREATE OR REPLACE FUNCTION shown_status(status text, starts_at timestamptz, calls_up bigint) RETURNS text LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN status = 'running' AND starts_at > now() THEN 'scheduled'
            WHEN status = 'stopped' AND calls_up > 0 THEN 'stopping'
            ELSE status END;

-- When the campaign's cap on calls to one number, counted over all campaigns, allows
-- the next call; null: now. A call counts unless the telephone did not ring: it may
-- be busy or fail without that, and after it.
CREATE OR REPLACE FUNCTION number_free_at(number text, cap_calls int[], cap_spans interval[], at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT max(nth.dialed_at + cap.span)
    FROM unnest(cap_calls, cap_spans) AS cap (calls, span), LATERAL (
        SELECT o.dialed_at FROM attempts o
        WHERE o.to_number = number_free_at.number AND o.dialed_at > at - cap.span
          AND (o.state IN ('dialing', 'unknown', 'accepted', 'lost')
               -- guard:value storage.TestNumberCap: a call counts if the telephone rang, however it ended
               OR o.state = 'ended' AND (o.disposition NOT IN ('busy', 'failed', 'rejected') OR 'ringing' = ANY (o.statuses)))
        ORDER BY o.dialed_at DESC OFFSET cap.calls - 1 LIMIT 1) AS nth
$$;

-- The most that a call may cost: the longest time that it may last, by the minute, at
-- the highest rate of its country that is known or configured. Null: there is no rate.
-- A manual call may be to any country, and may last two hours. For a contact from
-- before countries were stored it is the highest of the countries that its campaign
-- calls.
CREATE OR REPLACE FUNCTION call_worst(campaign bigint, contact bigint) RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN call_worst.campaign IS NULL THEN (SELECT 120 * max(greatest(known, configured)) FROM call_rates)
    ELSE (SELECT ceil(c.length_s / 60.0) * max(greatest(r.known, r.configured))
          FROM campaigns c, contacts k, call_rates r
          WHERE c.id = call_worst.campaign AND k.id = call_worst.contact
            -- guard:value storage.TestBudgetOfContactsWithoutACountry: who came before countries were kept holds no whole budget
            AND (r.country = k.country OR k.country IS NULL AND (cardinality(c.countries) = 0 OR r.country = ANY (c.countries)))
          GROUP BY c.length_s) END
$$;

-- The campaigns with a key that connects to the same number as a key of this one: they
-- share its telephones. This campaign is one of them.
CREATE OR REPLACE FUNCTION same_desk(campaign bigint) RETURNS SETOF bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT c.id FROM campaigns asked JOIN campaigns c ON c.id = asked.id
        -- guard:value storage.TestConnectedOfOneDesk: campaigns that connect to one number share its telephones
        OR c.connect_to ?| ARRAY(SELECT jsonb_array_elements_text(asked.connect_to))
    WHERE asked.id = same_desk.campaign
$$;

-- How many people are on the line who rang back after a call of the campaign, or of one
-- that shares its telephones. If nothing reports the end of a call, and no record shows
-- it, the call counts for two hours.
CREATE OR REPLACE FUNCTION rung_back(campaign bigint, at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT count(*) FROM inbound_calls i JOIN attempts a ON a.id = i.attempt_id
    WHERE i.ended_at IS NULL AND i.received_at > rung_back.at - interval '2 hours' AND a.campaign_id IN (SELECT same_desk(rung_back.campaign))
      AND NOT EXISTS (SELECT FROM provider_calls p WHERE p.call_uuid = i.call_uuid AND p.end_time IS NOT NULL)
$$;

-- How many more calls of the campaign may be up, so that everybody who answers can be
-- connected to one of this many telephones.
CREATE OR REPLACE FUNCTION free_telephones(campaign bigint, connected int, at timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT free_telephones.connected
           -- guard:value storage.TestRingBacksCountAsConnected: a person who rang back, and may be connected, takes one of the telephones
           - rung_back(free_telephones.campaign, free_telephones.at)
           - (SELECT count(*) FROM attempts o WHERE o.campaign_id IN (SELECT same_desk(free_telephones.campaign)) AND o.state IN ('dialing', 'unknown', 'accepted'))
$$;

-- What is left of a campaign's limits: how many more calls may be up, how many may
-- begin now, and what they may cost. Null: there is no such limit. Calls without a
-- known price count with the most that they may cost.
CREATE OR REPLACE FUNCTION campaign_room(campaign bigint, at timestamptz, OUT places bigint, OUT soon bigint, OUT money numeric)
RETURNS SETOF record LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT
           least(
               -- guard:value storage.TestLimitsAreNeverExceeded: no more calls are up than the campaign says
               -- guard:value chaos.AtOnce: the limit of calls at once is kept
               l.at_once - CASE WHEN l.at_once IS NOT NULL THEN (SELECT count(*) FROM attempts o WHERE o.campaign_id = l.campaign_id AND o.state IN ('dialing', 'unknown', 'accepted')) END,
               CASE WHEN l.connected IS NOT NULL THEN free_telephones(l.campaign_id, l.connected, campaign_room.at) END),
           -- guard:value storage.TestLimitsAreNeverExceeded: no more calls begin in a second than the campaign says
           -- guard:value chaos.PerSecond: the limit of calls a second is kept
           l.window_calls - CASE WHEN l.window_calls IS NOT NULL THEN (
               -- Found only by the time: with the campaign too, its whole past would be
               -- read.
               SELECT count(*) FILTER (WHERE o.campaign_id = l.campaign_id) FROM attempts o WHERE o.dialed_at > campaign_room.at - l.window_span) END,
           -- guard:value chaos.Budget: the budget is kept
           l.budget - CASE WHEN l.budget IS NOT NULL THEN (
               SELECT coalesce(sum(t.price), 0) FROM counter_totals t WHERE t.campaign_id = l.campaign_id)
               -- guard:value storage.TestLimitsAreNeverExceeded: the most that a call may cost is kept back until its price is known
               + (SELECT coalesce(sum(o.held), 0) FROM attempts o
                  WHERE o.campaign_id = l.campaign_id AND o.held IS NOT NULL AND o.price IS NULL AND o.state NOT IN ('refused', 'absent')) END
    FROM campaign_limits l WHERE l.campaign_id = campaign_room.campaign
$$;

-- What is left of the account's budget for the day, in UTC; null: there is none.
CREATE OR REPLACE FUNCTION account_room(at timestamptz) RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT l.daily_budget
        - (SELECT coalesce(sum(t.price), 0) FROM hourly_totals t WHERE t.hour >= day.begins)
        - (SELECT coalesce(sum(o.price), 0) FROM attempts o
           WHERE o.kind = 'manual' AND o.created_at >= day.begins - interval '5 minutes' AND o.dialed_at >= day.begins)
        - (SELECT coalesce(sum(o.held), 0) FROM attempts o
           WHERE o.held IS NOT NULL AND o.price IS NULL AND o.state NOT IN ('refused', 'absent') AND o.dialed_at >= day.begins)
    FROM account_limits l, LATERAL (SELECT date_trunc('day', account_room.at, 'UTC') AS begins) AS day
    WHERE l.daily_budget IS NOT NULL
$$;

-- The most that a call of the campaign may cost, in the countries of its people that it
-- calls; null: no rate is known. The number of a person who has no country, or whose
-- country was not stored, may be in any.
CREATE OR REPLACE FUNCTION campaign_worst(campaign bigint) RETURNS numeric LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT ceil(c.length_s / 60.0) * max(greatest(r.known, r.configured))
    FROM campaigns c, call_rates r
    WHERE c.id = campaign_worst.campaign AND (cardinality(c.countries) = 0 OR r.country = ANY (c.countries))
      AND EXISTS (SELECT FROM campaign_countries o WHERE o.campaign_id = c.id AND o.country IN (r.country, ''))
    GROUP BY c.length_s
$$;

-- How many contacts of a campaign the claim may reserve now; null: there is no limit. A
-- call that leaves the window within a quarter of its length is not counted: it has
-- left the window when the new call comes to the gate.
CREATE OR REPLACE FUNCTION claimable(campaign bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT least(room.places, l.window_calls - (
               SELECT count(*) FILTER (WHERE o.campaign_id = l.campaign_id) FROM attempts o WHERE o.dialed_at > now() - 0.75 * l.window_span),
               CASE WHEN room.money IS NULL AND day.money IS NULL THEN NULL WHEN room.money <= 0 OR day.money <= 0 THEN 0
                    ELSE coalesce(floor(least(room.money, day.money) / nullif(campaign_worst(asked.campaign_id), 0)), 1) END::bigint)
           - (SELECT count(*) FROM attempts o WHERE o.campaign_id = asked.campaign_id AND o.state = 'reserved')
    FROM (SELECT claimable.campaign AS campaign_id) AS asked LEFT JOIN campaign_limits l ON l.campaign_id = asked.campaign_id
    LEFT JOIN LATERAL campaign_room(l.campaign_id, now()) AS room ON true, LATERAL (SELECT account_room(now()) AS money) AS day
    WHERE l.campaign_id IS NOT NULL OR day.money IS NOT NULL
$$;

-- The versions with fewer parameters: a call would find them before their successors.
DROP FUNCTION IF EXISTS suppression_holds(bigint, text, bigint);
DROP FUNCTION IF EXISTS contact_obstacles(text, bigint, bigint, timestamptz);

-- Whether a suppression for a campaign, for a purpose, or else for all, applies to the
-- campaign; null means a manual call, which has none. purpose is the campaign's, if it
-- will be another than the stored one.
CREATE OR REPLACE FUNCTION suppression_holds(of_campaign bigint, of_purpose text, campaign bigint, purpose text DEFAULT NULL) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT coalesce(of_campaign = suppression_holds.campaign,
                    of_purpose = coalesce(suppression_holds.purpose, (SELECT c.purpose FROM campaigns c WHERE c.id = suppression_holds.campaign)),
                    of_campaign IS NULL AND of_purpose IS NULL)
$$;

-- Is the number suppressed, for the campaign, at that time? One row for each
-- suppression that applies. At infinity only those are left that never expire.
-- Statements that need anything else, such as ended suppressions or those of all
-- scopes, say so.
--
-- It is one SELECT, so that Postgres inlines it and reads an index: tests read the
-- plans. An argument that is a SELECT, or is volatile as clock_timestamp() is, prevents
-- that.
CREATE OR REPLACE FUNCTION suppressions_of(number text, campaign bigint, at timestamptz, purpose text DEFAULT NULL)
RETURNS SETOF suppressions LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.* FROM suppressions s
    WHERE s.number = suppressions_of.number
      -- guard:drop storage.TestSuppressionsOf: a suppression that was lifted holds no more
      AND s.ended_at IS NULL
      -- guard:drop storage.TestSuppressionsOf: a suppression that has expired holds no more
      AND (s.expires_at IS NULL OR s.expires_at > suppressions_of.at)
      -- guard:drop storage.TestSuppressionsOf: a suppression of one campaign or purpose holds in no other
      AND suppression_holds(s.campaign_id, s.purpose, suppressions_of.campaign, suppressions_of.purpose)
$$;

-- The obstacles that concern only this person. It reads the contact, its campaign and
-- its zones once, and has a line for each obstacle. (A SELECT for each, joined by UNION
-- ALL, read them 13 times, and took twice the time of the gate's last statement.)
--
-- purpose and the caps are the campaign's, if they will be others than the stored ones:
-- a dry run checks a campaign that may not be stored yet. Empty ones mean none.
CREATE OR REPLACE FUNCTION contact_obstacles(number text, campaign bigint, contact bigint, at timestamptz,
    purpose text DEFAULT NULL, cap_calls int[] DEFAULT NULL, cap_spans interval[] DEFAULT NULL)
RETURNS TABLE (reason text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT o.reason
    FROM (SELECT) AS asked
    LEFT JOIN campaigns c ON c.id = contact_obstacles.campaign
    LEFT JOIN contacts k ON k.id = contact_obstacles.contact
    LEFT JOIN zone_groups g ON g.id = k.zone_group_id,
    LATERAL (SELECT coalesce(contact_obstacles.cap_calls, c.cap_calls) AS calls, coalesce(contact_obstacles.cap_spans, c.cap_spans) AS spans) AS cap,
    LATERAL (SELECT bool_or(NOT s.invalid) AS suppressed, bool_or(s.invalid) AS invalid
             FROM suppressions_of(contact_obstacles.number, contact_obstacles.campaign, contact_obstacles.at, contact_obstacles.purpose) AS s) AS listed,
    LATERAL unnest(ARRAY[
        -- guard:drop storage.TestGateSeesWhatCommitted: a locked database calls nobody
        CASE WHEN EXISTS (SELECT FROM database_identity WHERE locked) THEN 'dial_lock' END,
        -- guard:drop storage.TestGateWithdraws: no contact of a stopped campaign is called
        -- guard:drop chaos.Stopped: a stopped campaign calls nobody
        CASE WHEN c.status = 'stopped' THEN 'stopped' END,
        CASE WHEN k.cancelled_at IS NOT NULL THEN 'cancelled' END,
        -- guard:drop storage.TestGateWithdraws: no suppressed number is called
        -- guard:drop chaos.Suppressed: a suppression that comes after the claim is kept
        CASE WHEN listed.suppressed THEN 'suppressed' END,
        -- Vonage reported for a call to it that the number does not exist.
        -- guard:drop storage.TestInvalidNumbers: an invalid number is called by no campaign for a time
        CASE WHEN listed.invalid THEN 'number_invalid' END,
        -- guard:drop storage.TestCountryAtTheGate: nobody is called in a country that the campaign does not name
        CASE WHEN cardinality(c.countries) > 0 AND k.country <> ALL (c.countries) THEN 'country' END,
        -- The POST may be sent until its token has expired, 30 s later.
        -- guard:drop storage.TestNotLaterThan: nobody is called after the time that their row gives
        CASE WHEN k.not_later_than < contact_obstacles.at + interval '30 seconds' THEN 'expired' END,
        -- guard:drop storage.TestCampaignEnd: nobody is called after the campaign's end
        CASE WHEN c.ends_at < contact_obstacles.at + interval '30 seconds' THEN 'ended' END,
        -- An edit may allow fewer calls than when the contact became due.
        -- guard:drop storage.TestEditOfAttempts: nobody is called more often than the campaign says now
        CASE WHEN k.attempts >= c.max_attempts THEN 'attempts_used' END,
        -- draft, importing, paused or finished
        -- guard:drop storage.TestGateWithdraws: no contact of a paused campaign is called
        -- guard:drop chaos.Operated: a paused campaign calls nobody
        CASE WHEN c.status NOT IN ('running', 'stopped') THEN c.status END,
        CASE WHEN c.starts_at > contact_obstacles.at THEN 'not_started' END,
        -- A call to the number is in progress: another campaign's, or one whose end was
        -- never reported.
        -- guard:drop storage.TestGateWhileSupersededCallIsOpen: no number is called while a call to it is open
        CASE WHEN EXISTS (SELECT FROM attempts o WHERE o.to_number = contact_obstacles.number AND o.state IN ('dialing', 'unknown', 'accepted')) THEN 'number_busy' END,
        -- guard:drop storage.TestNumberCap: nobody is called more often than the campaign says, over all campaigns
        CASE WHEN cardinality(cap.calls) > 0 AND number_free_at(contact_obstacles.number, cap.calls, cap.spans, contact_obstacles.at) > contact_obstacles.at THEN 'number_capped' END,
        CASE WHEN g.zone_missing THEN 'unknown_zone' END,
        -- The hours must include the time until the token of the POST has expired, 30 s
        -- later, and until the margin has passed after that.
        -- guard:value4 chaos.Hours: the hours hold for who is called again
        CASE WHEN k.id IS NOT NULL AND NOT (
            -- guard:value storage.TestCallObstaclesNearTheEndOfTheHours: the hours are checked at the gate
            within_hours(contact_obstacles.at, CASE WHEN g.zone_missing THEN NULL ELSE g.zones END, c.open_minutes, c.closed_dates)
            -- guard:value storage.TestCallObstaclesNearTheEndOfTheHours: the hours are checked for the token's end
            AND within_hours(contact_obstacles.at + interval '30 seconds' + c.margin_minutes * interval '1 minute', CASE WHEN g.zone_missing THEN NULL ELSE g.zones END, c.open_minutes, c.closed_dates)
        ) THEN CASE WHEN NOT g.zone_missing AND EXISTS (SELECT FROM unnest(g.zones) AS zone WHERE (contact_obstacles.at AT TIME ZONE zone)::date = ANY (c.closed_dates))
                    THEN 'date_left_out' ELSE 'outside_hours' END END
    ]) AS o (reason)
    WHERE o.reason IS NOT NULL
$$;

-- The obstacles from limits that calls share: see campaign_room.
CREATE OR REPLACE FUNCTION limit_obstacles(campaign bigint, contact bigint, at timestamptz)
RETURNS TABLE (reason text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT limits.reason
    FROM campaign_limits l, LATERAL campaign_room(l.campaign_id, limit_obstacles.at) AS room, LATERAL (VALUES
        -- guard:value storage.TestConnectedIsNamed: the limit that is reached is named
        (CASE WHEN l.connected IS NOT NULL AND free_telephones(l.campaign_id, l.connected, limit_obstacles.at) <= room.places THEN 'connected' ELSE 'at_once' END, room.places < 1),
        ('per_second', room.soon < 1),
        ('budget', room.money <= 0 OR room.money < call_worst(l.campaign_id, limit_obstacles.contact))) AS limits (reason, reached)
    WHERE l.campaign_id = limit_obstacles.campaign AND limits.reached
    UNION ALL
    SELECT 'day_budget' FROM (SELECT account_room(limit_obstacles.at) AS money) AS room
    WHERE room.money <= 0 OR room.money < call_worst(limit_obstacles.campaign, limit_obstacles.contact)
$$;

-- May this person be called now? One row for each obstacle, the most important first;
-- none: the call may be made. campaign and contact are null for a manual call, to which
-- hours do not apply.
--
-- The first part is about the person, the second about limits that calls share. The
-- gate checks the first part for each call, and the room of each campaign once, because
-- the calls that pass together share it. Each part is one SELECT in language sql,
-- stable and without SET, so that Postgres inlines it: a test reads the plan.
CREATE OR REPLACE FUNCTION call_obstacles(number text, campaign bigint, contact bigint, at timestamptz)
RETURNS TABLE (reason text) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT o.reason FROM contact_obstacles(call_obstacles.number, call_obstacles.campaign, call_obstacles.contact, call_obstacles.at) AS o
    UNION ALL
    SELECT o.reason FROM limit_obstacles(call_obstacles.campaign, call_obstacles.contact, call_obstacles.at) AS o
$$;

-- Whether two numbers certainly belong to different telephones, in any wording of
-- Vonage: their last eight digits differ, or their last seven if one has no more. Null
-- if one is null or has fewer. campaign.NumbersDiffer is the same rule in Go; a test
-- compares them.
--
-- It is one expression, so that Postgres inlines it: with 3,000 unknown attempts the
-- matching of calls took 19 s when it did not.
CREATE OR REPLACE FUNCTION numbers_differ(a text, b text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN least(length(ltrim(a, '+0')), length(ltrim(b, '+0'))) >= 7 THEN
    right(ltrim(a, '+0'), least(length(ltrim(a, '+0')), length(ltrim(b, '+0')), 8))
    <> right(ltrim(b, '+0'), least(length(ltrim(a, '+0')), length(ltrim(b, '+0')), 8))
END;

-- The spellings of a call's uuid: as it is, with and without dashes, in both cases. It
-- is campaign.CallSpellings, for a name that is a uuid.
CREATE OR REPLACE FUNCTION call_spellings(call text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN replace(call, '-', '') ~* '^[0-9a-f]{32}$'
    THEN ARRAY[call, replace(call, '-', ''), lower(replace(call, '-', '')), upper(replace(call, '-', '')),
               (replace(call, '-', '')::uuid)::text, upper((replace(call, '-', '')::uuid)::text)]
    ELSE ARRAY[call] END;

-- The spellings of a conversation's name: as it is, and its uuid in the spellings of a
-- call's, with and without Vonage's prefix. campaign.SameConversation accepts them all.
CREATE OR REPLACE FUNCTION conversation_spellings(conversation text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN replace(regexp_replace(conversation, '^con-', '', 'i'), '-', '') ~* '^[0-9a-f]{32}$'
    THEN (SELECT array_agg(prefix || spelling) || conversation
          FROM unnest(ARRAY['', 'CON-', 'con-']) AS prefix, unnest(call_spellings(regexp_replace(conversation, '^con-', '', 'i'))) AS spelling)
    ELSE ARRAY[conversation] END;

-- When the attempt's call may have begun: from a time before its gate to a time after
-- its token's expiry (campaign/times.go).
--
-- The bodies of this and the next two are strings: Postgres cannot add a column to a
-- table whose row type is in a parsed body.
CREATE OR REPLACE FUNCTION attempt_window(a attempts, before interval, after interval) RETURNS tstzrange LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT tstzrange(a.dialed_at - before, a.token_expires_at + after, '[]')
$$;

-- Whether a scan can prove that a call does not exist: it shows at least one known call
-- and every call that must be in it, and no unreadable record. It proves nothing about
-- another database than the one that it was stored in. It is one expression, so that
-- Postgres inlines it. campaign.Scan.Proves is the same.
CREATE OR REPLACE FUNCTION scan_proves(s list_scans) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT true
    -- guard:drop storage.TestAbsenceEachCondition: a scan with a record that cannot be read proves nothing
    AND s.unreadable = 0
    -- guard:drop storage.TestAbsenceEachCondition: a scan that lacks known calls proves nothing
    AND s.known_missing = 0
    -- guard:drop storage.TestAbsenceEachCondition: a scan that shows no known call proves nothing
    AND s.known_shown > 0
$$;

-- Whether call c may be the call of attempt a, whose window is w. It may be, unless one
-- of these lines excludes it: a record that cannot be read may belong to any attempt.
-- It is not inlined, so statements that check many calls first use numbers_differ,
-- which is. A binding by numbers alone excludes nothing here; see absence.go.
CREATE OR REPLACE FUNCTION may_be_call_of(c provider_calls, a attempts, w tstzrange) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT NOT coalesce(false
    -- it is certainly another attempt's (statements that use this exclude these already, by
    -- an index)
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
