-- Every table as it is after all migrations. A test writes this page from a migrated database:
-- go test ./storage -run Reference -update
--
-- It is for reading. storage/migrations makes the tables, storage/comments.sql says what each column means,
-- storage/rules.sql has the rule of who may be called, and storage/views.sql the views, which docs/reporting.md describes.

-- What programs name themselves with at the API. The token itself is not kept: it has 256 random bits, so its hash says nothing of it. Rows are ended, never deleted.
CREATE TABLE access_tokens (
    id bigint NOT NULL IDENTITY, -- number of the token
    name text NOT NULL, -- who acts, for the audit
    role text NOT NULL, -- viewer, operator or admin
    sha256 bytea NOT NULL, -- hash of the token
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was made
    last_used_at timestamptz, -- to the minute
    removed_at timestamptz, -- when it was taken back; null: it is valid
    CONSTRAINT access_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT access_tokens_sha256_once UNIQUE (sha256),
    CONSTRAINT access_tokens_name_length CHECK (length(name) >= 1 AND length(name) <= 100),
    CONSTRAINT access_tokens_role_known CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE UNIQUE INDEX access_tokens_name_once ON access_tokens (name) WHERE removed_at IS NULL;

-- What all calls of a day, in UTC, may cost. The gate locks its row if there is a budget.
CREATE TABLE account_limits (
    one boolean NOT NULL DEFAULT true, -- always true: the table has one row
    daily_budget numeric, -- null: none
    invalid_for interval NOT NULL DEFAULT '30 days'::interval, -- how long an invalid number is not called; 0: it is called again
    CONSTRAINT account_limits_pkey PRIMARY KEY (one),
    CONSTRAINT account_limits_one CHECK (one),
    CONSTRAINT account_limits_positive CHECK (daily_budget >= 0::numeric)
);

-- What a person should look at. The same alarm is counted and not repeated. One that is raised again after it was resolved is open again.
CREATE TABLE alarms (
    id bigint NOT NULL IDENTITY, -- number by which a person resolves it
    kind text NOT NULL, -- campaign.AlarmKinds says what each means
    attempt_id uuid, -- null: it concerns no attempt
    detail text NOT NULL, -- names and ids only: no number, no secret
    times integer NOT NULL DEFAULT 1, -- how often it was raised
    at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was raised first
    last_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was raised last
    resolved_at timestamptz, -- when it was resolved; null, or before last_at: it is open
    resolved_by text, -- the person or part of the program that resolved it
    CONSTRAINT alarms_pkey PRIMARY KEY (id),
    CONSTRAINT alarms_resolved_by_somebody CHECK ((resolved_at IS NULL) = (resolved_by IS NULL) AND resolved_by <> '')
);
CREATE INDEX alarms_by_time ON alarms (last_at);
CREATE INDEX alarms_of_attempt ON alarms (attempt_id) WHERE attempt_id IS NOT NULL;
CREATE INDEX alarms_open ON alarms (id) WHERE resolved_at IS NULL OR last_at > resolved_at;
CREATE UNIQUE INDEX alarms_once ON alarms (kind, COALESCE(attempt_id, '00000000-0000-0000-0000-000000000000'::uuid), detail);
CREATE TRIGGER tell_added AFTER INSERT ON alarms FOR EACH ROW EXECUTE FUNCTION tell_of_alarm();
CREATE TRIGGER tell_changed AFTER UPDATE ON alarms FOR EACH ROW WHEN (old.last_at <= old.resolved_at AND new.last_at > new.resolved_at) EXECUTE FUNCTION tell_of_alarm();

-- Answers to requests with an Idempotency-Key. The same request with the same key gets the same answer.
CREATE TABLE api_answers (
    actor text NOT NULL, -- the token's name; a key belongs to one token
    key text NOT NULL, -- the Idempotency-Key
    request bytea NOT NULL, -- a hash of method, path and body
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the request came first
    status integer, -- null: the request is being served, or its process died
    header jsonb, -- the answer's headers
    body bytea, -- the answer's body
    CONSTRAINT api_answers_pkey PRIMARY KEY (actor, key)
);
CREATE INDEX api_answers_by_time ON api_answers (claimed_at);

-- Which text of rules.sql stands in this database.
CREATE TABLE applied_rules (
    one boolean NOT NULL DEFAULT true, -- always true: the table has one row
    sha256 text NOT NULL, -- hash of the text
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when
    CONSTRAINT applied_rules_pkey PRIMARY KEY (one),
    CONSTRAINT applied_rules_one CHECK (one)
);

-- Who may move an attempt from one state to another: campaign.Transitions, of which a test says that it is the same.
CREATE TABLE attempt_transitions (
    src text NOT NULL, -- the state before; new: none
    dst text NOT NULL, -- the state after
    writer text NOT NULL, -- the part of the program that may move it
    CONSTRAINT attempt_transitions_pkey PRIMARY KEY (src, dst, writer)
);

-- One POST to Vonage that may have happened. There is never a second POST for a row. docs/internals/state-machine.md draws its life.
CREATE TABLE attempts (
    id uuid NOT NULL, -- UUIDv7; rides in the call's own event_url
    kind text NOT NULL DEFAULT 'campaign', -- manual: a person made the call, outside any campaign
    contact_id bigint, -- null for a manual call, as campaign_id
    campaign_id bigint, -- its campaign; null for a manual call
    attempt_no integer NOT NULL, -- 1 for a contact's first row
    to_kind text NOT NULL DEFAULT 'phone', -- phone, or another type of endpoint of a manual call
    to_number text, -- E.164 digits; null unless to_kind is phone
    to_address text, -- what is called if it is no telephone
    from_number text, -- null: Vonage picked one of the application's numbers
    requested_by text, -- who made a manual call
    detail text NOT NULL DEFAULT '', -- what a manual call was to say; never digits that were sent
    state text NOT NULL, -- where it stands: docs/internals/state-machine.md
    changed_by text NOT NULL, -- the writer of its state
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was reserved
    enqueue_count integer NOT NULL DEFAULT 1, -- The queue: how often its task was enqueued, and when last.
    enqueued_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was last put into the queue
    posts integer NOT NULL DEFAULT 0, -- POSTs that may have been sent: 1 from the gate on
    dialed_at timestamptz, -- when it passed the gate
    token_id uuid, -- the jti of the token; attempts that pass together share one
    token_expires_at timestamptz, -- from then on Vonage refuses the POST
    must_exist boolean NOT NULL DEFAULT false, -- Vonage said 201, and its uuid could not be read
    note text NOT NULL DEFAULT '', -- why it was refused or withdrawn
    call_uuid text, -- Vonage's name of the call; written once
    conversation_uuid text, -- the call's conversation, which its legs share
    statuses text[] NOT NULL DEFAULT '{}', -- every status word that Vonage used, sorted
    answered_at timestamptz, -- when the call was answered, by Vonage's time
    failure text, -- the earliest failing status word
    failed_at timestamptz, -- when the call failed, by Vonage's time: busy, rejected, unanswered, timed out
    ended_at timestamptz, -- when the call was first known to be over
    disposition text, -- how the call ended
    price numeric, -- what Vonage charges for the call; null: not known yet
    rate numeric, -- a minute
    duration_s integer, -- billed seconds
    start_time timestamptz, -- when the call began, by Vonage's record
    end_time timestamptz, -- when the call ended, by Vonage's record
    network text, -- MCC and MNC of the telephone's network
    bill_source text, -- who told the price: response, event or list
    bill_observed_at timestamptz, -- when price, rate, duration and times were read
    record_checks integer NOT NULL DEFAULT 0, -- looks at Vonage's record since it came into its state
    next_check_at timestamptz, -- when the call is looked up next; null: it needs no look
    superseded boolean NOT NULL DEFAULT false, -- Evidence for an attempt that was thought over came after its successor had been dialed. Two calls are open, which is an alarm and cannot be undone. The row then stays outside the index of open attempts.
    recovered boolean NOT NULL DEFAULT false, -- The call was found in Vonage's list after the database had forgotten it.
    absent_scan_1 bigint, -- the first scan that proved that there is no call
    absent_scan_2 bigint, -- the second one
    over_seen_at timestamptz, -- when we first heard that the call had failed or ended
    hung_up_at timestamptz, -- when we first asked Vonage to hang it up; null: never
    absent_by text, -- who decided that Vonage made no call; null: the two scans did
    events_unread boolean NOT NULL DEFAULT false, -- an event named it before its call was known, and may have been of a leg
    post_error text, -- what Vonage answered to the POST instead of a call, or why no answer came; no number, no secret
    message_asked_at timestamptz, -- when Vonage asked for its message before its call was known: so it made one
    heard_at timestamptz, -- when the message was played to its end; null where a machine was detected
    voicemail_at timestamptz, -- when the text for a machine was
    keys text[] NOT NULL DEFAULT '{}', -- that were pressed, by turn: '' where none was
    result text, -- the word of the last key that has one
    campaign_version integer, -- by which it was reserved; null: a manual call, or of before versions were kept
    held numeric, -- What the call may cost at most, where a budget is concerned: set at the gate, or when a budget comes while the call is up, and of no meaning once the price is known. Null: nothing, as of a call that nobody answered and whose record says no price.
    hung_up_by uuid, -- the request that hung_up_at is of, until its answer is known; one that had no effect takes both back
    country text, -- an ISO code; null: before it was kept, or a manual call
    erased_at timestamptz, -- When what an attempt tells of a person was erased. What Vonage says of the call later is erased too: erase_late.
    CONSTRAINT attempts_pkey PRIMARY KEY (id),
    CONSTRAINT attempts_call_uuid_once UNIQUE (call_uuid),
    CONSTRAINT attempts_no_once UNIQUE (contact_id, attempt_no),
    CONSTRAINT attempts_absent_scan_1 FOREIGN KEY (absent_scan_1) REFERENCES list_scans(id),
    CONSTRAINT attempts_absent_scan_2 FOREIGN KEY (absent_scan_2) REFERENCES list_scans(id),
    CONSTRAINT attempts_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id),
    CONSTRAINT attempts_contact FOREIGN KEY (contact_id) REFERENCES contacts(id),
    CONSTRAINT attempts_absence_proved CHECK (state <> 'absent' OR ((absent_scan_1 <> absent_scan_2) IS TRUE OR absent_by IS NOT NULL) AND NOT must_exist),
    CONSTRAINT attempts_absent_scans_both CHECK ((absent_scan_1 IS NULL) = (absent_scan_2 IS NULL)),
    CONSTRAINT attempts_dialed_at_the_gate CHECK ((posts = 1) = (dialed_at IS NOT NULL) AND (posts = 1) = (token_expires_at IS NOT NULL) AND (posts = 1) = (token_id IS NOT NULL)),
    CONSTRAINT attempts_disposition_known CHECK (disposition IN ('answered', 'human', 'machine', 'busy', 'unanswered', 'timeout', 'failed', 'rejected', 'cancelled', 'unexplained')),
    CONSTRAINT attempts_duration_positive CHECK (duration_s >= 0),
    CONSTRAINT attempts_ended_when_over CHECK ((state = 'ended') = (ended_at IS NOT NULL) AND (state = 'ended') = (disposition IS NOT NULL)),
    CONSTRAINT attempts_from_digits CHECK (kind = 'manual' OR from_number IS NOT NULL AND from_number ~ '^[0-9]{1,15}$'),
    CONSTRAINT attempts_kind_fits CHECK ((kind = 'campaign') = (contact_id IS NOT NULL) AND (kind = 'campaign') = (campaign_id IS NOT NULL) AND (kind = 'manual') = (requested_by IS NOT NULL) AND requested_by <> ''),
    CONSTRAINT attempts_kind_known CHECK (kind IN ('campaign', 'manual')),
    CONSTRAINT attempts_no_positive CHECK (attempt_no > 0),
    CONSTRAINT attempts_no_post_before_the_gate CHECK ((state <> ALL (ARRAY['reserved', 'void'])) OR posts = 0),
    CONSTRAINT attempts_one_post CHECK (posts >= 0 AND posts <= 1),
    CONSTRAINT attempts_posted_after_the_gate CHECK ((state <> ALL (ARRAY['dialing', 'unknown', 'refused', 'absent', 'lost'])) OR posts = 1 OR (state IN ('absent', 'lost')) AND recovered),
    CONSTRAINT attempts_price_money CHECK (price >= 0::numeric AND price < 'Infinity'::numeric),
    CONSTRAINT attempts_rate_money CHECK (rate >= 0::numeric AND rate < 'Infinity'::numeric),
    CONSTRAINT attempts_state_known CHECK (state IN ('reserved', 'dialing', 'unknown', 'accepted', 'ended', 'refused', 'absent', 'lost', 'void')),
    CONSTRAINT attempts_superseded_by_evidence CHECK (NOT superseded OR (state IN ('accepted', 'ended'))),
    CONSTRAINT attempts_to_e164 CHECK (to_number ~ '^[1-9][0-9]{6,14}$'),
    CONSTRAINT attempts_to_fits CHECK ((to_kind = 'phone') = (to_number IS NOT NULL) AND (to_kind = 'phone') = (to_address IS NULL) AND to_address <> ''),
    CONSTRAINT attempts_to_known CHECK (to_kind IN ('phone', 'sip', 'websocket', 'vbc', 'app')),
    CONSTRAINT attempts_uuid_when_vonage_has_it CHECK ((state IN ('accepted', 'ended')) = (call_uuid IS NOT NULL))
);
CREATE INDEX attempts_by_absent_scan_1 ON attempts (absent_scan_1) WHERE absent_scan_1 IS NOT NULL;
CREATE INDEX attempts_by_absent_scan_2 ON attempts (absent_scan_2) WHERE absent_scan_2 IS NOT NULL;
CREATE INDEX attempts_by_conversation ON attempts (conversation_uuid);
CREATE INDEX attempts_by_dialed_at ON attempts (dialed_at);
CREATE INDEX attempts_by_number ON attempts (to_number);
CREATE INDEX attempts_erased ON attempts (erased_at) WHERE erased_at IS NOT NULL;
CREATE INDEX attempts_held ON attempts (campaign_id) WHERE held IS NOT NULL AND price IS NULL AND (state <> ALL (ARRAY['refused', 'absent']));
CREATE INDEX attempts_manual ON attempts (created_at) WHERE kind = 'manual';
CREATE INDEX attempts_must_exist ON attempts (dialed_at) WHERE must_exist AND call_uuid IS NULL;
CREATE INDEX attempts_of_campaign ON attempts (campaign_id, id);
CREATE INDEX attempts_open_of_campaign ON attempts (campaign_id) WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted');
CREATE INDEX attempts_recovered ON attempts (start_time) WHERE recovered;
CREATE INDEX attempts_refused ON attempts (campaign_id, dialed_at) WHERE note IN ('invalid', 'alike');
CREATE INDEX attempts_reserved ON attempts (id) WHERE state = 'reserved';
CREATE INDEX attempts_silent ON attempts (failed_at) WHERE state = 'accepted';
CREATE INDEX attempts_to_check ON attempts (next_check_at) WHERE state = 'accepted' OR state = 'ended' AND price IS NULL;
CREATE INDEX attempts_unsettled ON attempts (token_expires_at) WHERE state IN ('dialing', 'unknown');
CREATE INDEX attempts_without_call ON attempts (state, id) WHERE state IN ('refused', 'absent', 'lost', 'void');
CREATE UNIQUE INDEX one_open_attempt_per_number ON attempts (to_number) WHERE (state IN ('reserved', 'dialing', 'unknown', 'accepted')) AND NOT superseded;
CREATE TRIGGER count_added AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_new_attempts();
CREATE TRIGGER count_changed AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_changed_attempts();
CREATE TRIGGER count_countries_added AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_countries();
CREATE TRIGGER count_countries_changed AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_countries();
CREATE TRIGGER count_countries_removed AFTER DELETE ON attempts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_countries();
CREATE TRIGGER count_removed AFTER DELETE ON attempts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_removed_attempts();
CREATE TRIGGER guard_changed_attempts AFTER UPDATE ON attempts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (current_setting('dialer.erasing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guard_changed_attempts();
CREATE TRIGGER guard_new_attempts AFTER INSERT ON attempts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION guard_new_attempts();

-- Who changed what, when, and through what. Written in the transaction of the change, or right after Vonage's answer for what was done to a call. Rows are only added.
CREATE TABLE audit (
    id bigint NOT NULL IDENTITY, -- number of the entry
    at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when
    actor text NOT NULL, -- a person's or a program's name
    role text NOT NULL DEFAULT '', -- viewer, operator, admin; '' for a person at the command line
    through text NOT NULL, -- command, page, api, dialer
    action text NOT NULL, -- such as campaign.pause
    object text NOT NULL, -- such as campaign 7 or call UUID; never a telephone number
    before jsonb, -- numbers of people only masked, and no digits that were sent
    after jsonb, -- what was after the change
    CONSTRAINT audit_pkey PRIMARY KEY (id),
    CONSTRAINT audit_by_somebody CHECK (actor <> ''),
    CONSTRAINT audit_through_known CHECK (through IN ('command', 'page', 'api', 'dialer'))
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of_actor ON audit (actor, id);
CREATE INDEX audit_of_object ON audit (object, id);
CREATE TRIGGER guard_audit BEFORE DELETE OR UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION guard_audit();
CREATE TRIGGER guard_audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION guard_audit();

-- What a minute costs in a country.
CREATE TABLE call_rates (
    country text NOT NULL, -- ISO code of the country
    known numeric, -- the dearest that Vonage has told of
    configured numeric, -- DIALER_RATES
    CONSTRAINT call_rates_pkey PRIMARY KEY (country),
    CONSTRAINT call_rates_money CHECK (known >= 0::numeric AND configured >= 0::numeric)
);

-- The countries in which the people of each campaign are, or were.
CREATE TABLE campaign_countries (
    campaign_id bigint NOT NULL, -- the campaign
    country text NOT NULL, -- an ISO code; '': of none, or not kept
    CONSTRAINT campaign_countries_pkey PRIMARY KEY (campaign_id, country),
    CONSTRAINT campaign_countries_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id)
);

-- The campaigns that have limits which calls share. The gate locks these rows, and no others, so that no two of its transactions fill one place.
CREATE TABLE campaign_limits (
    campaign_id bigint NOT NULL, -- the campaign
    at_once integer, -- calls of it that are up, at most
    connected integer, -- telephones that keys connect to
    window_calls integer, -- so many calls
    window_span interval, -- within so long
    budget numeric, -- what all its calls may cost
    CONSTRAINT campaign_limits_pkey PRIMARY KEY (campaign_id),
    CONSTRAINT campaign_limits_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id) ON DELETE CASCADE,
    CONSTRAINT campaign_limits_positive CHECK (at_once > 0 AND connected > 0 AND window_calls > 0 AND budget >= 0::numeric),
    CONSTRAINT campaign_limits_window CHECK ((window_calls IS NULL) = (window_span IS NULL))
);

-- What a campaign said, version by version, the one that holds included.
CREATE TABLE campaign_versions (
    campaign_id bigint NOT NULL, -- the campaign
    version integer NOT NULL, -- 1 when it is made, one more with each edit
    settings jsonb NOT NULL, -- campaign.Settings of this version
    document jsonb, -- the campaign document of this version
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when
    made_by text NOT NULL, -- the person who made it
    decide_waiting boolean NOT NULL DEFAULT false, -- Whether those who waited are still to be put down by the version: an edit that is interrupted is completed by the sweeper.
    CONSTRAINT campaign_versions_pkey PRIMARY KEY (campaign_id, version),
    CONSTRAINT campaign_versions_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id) ON DELETE CASCADE,
    CONSTRAINT campaign_versions_positive CHECK (version > 0)
);

-- A campaign: its settings, and where it stands. What the claim and the rules ask for has columns of its own, which an edit changes with the settings.
CREATE TABLE campaigns (
    id bigint NOT NULL IDENTITY, -- number of the campaign
    name text NOT NULL, -- the name by which people and programs find it
    status text NOT NULL, -- campaign.Status as it is stored; the view shows scheduled and stopping too
    pause_reason text, -- for people; set exactly while the campaign is paused
    settings jsonb NOT NULL, -- campaign.Settings as JSON
    from_numbers text[] NOT NULL, -- the numbers that it calls from
    starts_at timestamptz, -- nobody is called before; null: at once
    created_at timestamptz NOT NULL DEFAULT now(), -- when it was made
    import_finished_at timestamptz, -- null while its first file is being imported
    stopped_at timestamptz, -- when a person stopped it
    hang_up boolean NOT NULL DEFAULT false, -- it was stopped and its calls are hung up, those that are known late too
    open_minutes int4multirange NOT NULL, -- when calls may be placed, in minutes of the week from Monday 00:00, by the wall clock
    closed_dates date[] NOT NULL DEFAULT '{}'::date[], -- nobody is called on these, by the wall clock
    margin_minutes integer NOT NULL DEFAULT 0, -- the last call is placed so long before closing
    document jsonb, -- The campaign document as it was given, with the flags that won over it: what settings are made of. Null for a campaign that was made without one.
    ends_at timestamptz, -- nobody is called from then on; null: there is no end
    version integer NOT NULL DEFAULT 1, -- of the settings; each edit makes one
    max_attempts integer, -- calls to one person, at most; null: only the settings say
    priority smallint NOT NULL DEFAULT 5, -- 0 to 9, the highest first
    cap_calls integer[] NOT NULL DEFAULT '{}', -- so many calls to one number, over all campaigns,
    cap_spans interval[] NOT NULL DEFAULT '{}'::interval[], -- within so long, member by member
    countries text[] NOT NULL DEFAULT '{}', -- where people may be called, ISO codes; none: everywhere
    length_s integer GENERATED AS (((settings ->> 'length_timer'))), -- seconds that an answered call may last
    purpose text GENERATED AS ((document ->> 'purpose')), -- what the calls are for, for suppressions of a purpose
    share integer NOT NULL GENERATED AS (COALESCE(((settings #>> '{limits,share}')), 1)), -- its weight among campaigns of its priority
    told_status text, -- the status that hooks were told last, as people see it
    remind_merge interval, -- reminders of one person that are nearer than this become one; null: none do
    connect_to jsonb GENERATED AS (jsonb_path_query_array(settings, '$."message"."keys".*."connect"'::jsonpath)), -- The numbers that its keys connect to. Campaigns that name the same one share its telephones: see same_desk in rules.sql.
    CONSTRAINT campaigns_pkey PRIMARY KEY (id),
    CONSTRAINT campaigns_name_unique UNIQUE (name),
    CONSTRAINT campaigns_caps_alike CHECK (cardinality(cap_calls) = cardinality(cap_spans)),
    CONSTRAINT campaigns_ends_after_start CHECK (ends_at > starts_at),
    CONSTRAINT campaigns_from_some CHECK (cardinality(from_numbers) > 0),
    CONSTRAINT campaigns_imported_before_running CHECK ((status <> ALL (ARRAY['running', 'finished'])) OR import_finished_at IS NOT NULL),
    CONSTRAINT campaigns_importing_is_not_finished CHECK (status <> 'importing' OR import_finished_at IS NULL),
    CONSTRAINT campaigns_margin_short CHECK (margin_minutes >= 0 AND margin_minutes <= 60),
    CONSTRAINT campaigns_name_length CHECK (length(name) >= 1 AND length(name) <= 200),
    CONSTRAINT campaigns_open_in_a_week CHECK (open_minutes <@ int4range(0, 10080)),
    CONSTRAINT campaigns_open_some CHECK (NOT isempty(open_minutes)),
    CONSTRAINT campaigns_paused_for_a_reason CHECK ((status = 'paused') = (pause_reason IS NOT NULL)),
    CONSTRAINT campaigns_priority_range CHECK (priority >= 0 AND priority <= 9),
    CONSTRAINT campaigns_status_known CHECK (status IN ('draft', 'importing', 'running', 'paused', 'stopped', 'finished'))
);
CREATE INDEX campaigns_not_over ON campaigns (id) WHERE status <> ALL (ARRAY['stopped', 'finished']);
CREATE TRIGGER note_told_added BEFORE INSERT ON campaigns FOR EACH ROW EXECUTE FUNCTION note_told_status();
CREATE TRIGGER note_told_changed BEFORE UPDATE ON campaigns FOR EACH ROW WHEN (new.status <> old.status OR new.starts_at IS DISTINCT FROM old.starts_at) EXECUTE FUNCTION note_told_status();
CREATE TRIGGER tell_added AFTER INSERT ON campaigns FOR EACH ROW EXECUTE FUNCTION tell_of_campaign();
CREATE TRIGGER tell_changed AFTER UPDATE ON campaigns FOR EACH ROW WHEN (new.status <> old.status OR new.pause_reason IS DISTINCT FROM old.pause_reason OR new.document IS DISTINCT FROM old.document OR new.told_status IS DISTINCT FROM old.told_status) EXECUTE FUNCTION tell_of_campaign();

-- A person to reach in a campaign.
CREATE TABLE contacts (
    id bigint NOT NULL IDENTITY, -- number of the contact
    campaign_id bigint NOT NULL, -- its campaign
    zone_group_id bigint NOT NULL, -- the zones that its number may be in
    source text NOT NULL, -- the fingerprint of the file that it came from
    line_no integer NOT NULL, -- its line in that file, from 1
    to_number text NOT NULL, -- E.164 digits, without a plus
    vars jsonb NOT NULL, -- the values of the row that the message names
    call_at timestamptz, -- a reminder's own time
    due_at timestamptz NOT NULL, -- when it may be called next
    state text NOT NULL DEFAULT 'pending', -- campaign.ContactState
    reason text, -- why it ended; set exactly when state is done
    attempts integer NOT NULL DEFAULT 0, -- calls that Vonage had
    next_attempt_no integer NOT NULL DEFAULT 1, -- number of its next attempt
    urgency smallint NOT NULL GENERATED AS ( CASE WHEN (call_at IS NOT NULL) THEN 0 WHEN (state = 'waiting') THEN 1 ELSE 2 END), -- What is called first of all that is due: reminders, then retries, then first calls.
    key text NOT NULL, -- what makes the row this person: the number, or the value of the column --key
    import_id bigint, -- the import that added it, or changed it last; null: before imports were kept
    not_later_than timestamptz, -- it is not called from then on
    cancelled_at timestamptz, -- a person asked that it is not called any more
    heard_at timestamptz, -- the earliest of its calls
    result text, -- of the latest call that has one
    answered boolean NOT NULL DEFAULT false, -- somebody, or something, answered one of its calls
    numbers text[], -- all of the person's, in the order in which they are called; null: there is one
    number_groups bigint[], -- the zone group of each
    country text, -- of its number, an ISO code; '': of none; null: imported before it was kept
    remind_at timestamptz[], -- The times of a contact's reminders, in order; null: it has none. call_at is the first of them, and not_later_than the appointment, or an earlier call_before.
    number_countries text[], -- the country of each of numbers, as country is of to_number
    call_with bigint, -- the contact who leads; null: it has calls of its own
    leads boolean NOT NULL DEFAULT false, -- others follow
    own_time timestamptz, -- the row's own time: its call_at, or the time that reminders go by; null: it has none
    phone_opted_out boolean NOT NULL DEFAULT false, -- it ended as suppressed because somebody else on its telephone opted out of calls: a person is to reach it
    asked_at timestamptz, -- when a person asked last for a call at once; it holds until an attempt has passed the gate since
    CONSTRAINT contacts_pkey PRIMARY KEY (id),
    CONSTRAINT contacts_key_once UNIQUE (campaign_id, key),
    CONSTRAINT contacts_call_with FOREIGN KEY (call_with) REFERENCES contacts(id),
    CONSTRAINT contacts_zone_group FOREIGN KEY (zone_group_id, campaign_id) REFERENCES zone_groups(id, campaign_id),
    CONSTRAINT contacts_attempts_positive CHECK (attempts >= 0),
    CONSTRAINT contacts_ended_for_a_reason CHECK ((state = 'done') = (reason IS NOT NULL)),
    CONSTRAINT contacts_key_length CHECK (length(key) >= 1 AND length(key) <= 200),
    CONSTRAINT contacts_lead_or_follow CHECK (NOT leads OR call_with IS NULL),
    CONSTRAINT contacts_line_positive CHECK (line_no > 0),
    CONSTRAINT contacts_number_countries CHECK (number_countries IS NULL OR cardinality(number_countries) = cardinality(numbers)),
    CONSTRAINT contacts_number_e164 CHECK (to_number ~ '^[1-9][0-9]{6,14}$'),
    CONSTRAINT contacts_numbers_fit CHECK (numbers IS NULL AND number_groups IS NULL OR cardinality(numbers) > 1 AND cardinality(numbers) = cardinality(number_groups) AND (to_number = ANY (numbers)) AND array_to_string(numbers, ',') ~ '^[1-9][0-9]{6,14}(,[1-9][0-9]{6,14})+$'),
    CONSTRAINT contacts_reason_known CHECK (reason IN ('answered', 'human', 'machine', 'busy', 'unanswered', 'timeout', 'failed', 'rejected', 'cancelled', 'unexplained', 'refused', 'suppressed', 'stopped', 'unresolved', 'message', 'expired', 'cancelled_by_request')),
    CONSTRAINT contacts_state_known CHECK (state IN ('pending', 'active', 'waiting', 'done'))
);
CREATE INDEX contacts_by_number ON contacts (to_number);
CREATE INDEX contacts_by_numbers ON contacts USING gin (numbers) WHERE numbers IS NOT NULL;
CREATE INDEX contacts_by_result ON contacts (campaign_id, result, key COLLATE "C") WHERE result IS NOT NULL;
CREATE INDEX contacts_due ON contacts (zone_group_id, urgency, due_at, id) WHERE state IN ('pending', 'waiting');
CREATE INDEX contacts_following ON contacts (call_with) WHERE call_with IS NOT NULL;
CREATE INDEX contacts_listed ON contacts (campaign_id, listed_as(state, reason, heard_at, result, phone_opted_out), key COLLATE "C");
CREATE INDEX contacts_of_campaign ON contacts USING brin (campaign_id) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX contacts_of_campaign_by_number ON contacts (campaign_id, to_number COLLATE "C", id);
CREATE INDEX contacts_to_expire ON contacts (not_later_than) WHERE not_later_than IS NOT NULL AND (state IN ('pending', 'waiting'));
CREATE TRIGGER contacts_follow AFTER UPDATE ON contacts FOR EACH ROW WHEN (new.leads) EXECUTE FUNCTION follow_contact();
CREATE TRIGGER count_added AFTER INSERT ON contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER count_changed AFTER UPDATE ON contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER count_removed AFTER DELETE ON contacts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION count_contacts();
CREATE TRIGGER tell_changed AFTER UPDATE ON contacts FOR EACH ROW WHEN (new.state = 'done' AND old.state <> 'done' OR new.result IS DISTINCT FROM old.result) EXECUTE FUNCTION tell_of_contact();

-- No index and no key: a row lives for seconds, and all are read at once. The table is vacuumed by the number of its dead rows, however small it is.
CREATE TABLE counter_deltas (
    campaign_id bigint NOT NULL, -- the campaign
    hour timestamptz, -- in which an attempt was dialed
    subject text NOT NULL, -- contacts, attempts or rejected_rows
    state text NOT NULL, -- the state that is counted
    outcome text NOT NULL, -- a contact's reason, an attempt's disposition, '' for none
    n bigint NOT NULL, -- how many more; negative: fewer
    priced bigint NOT NULL DEFAULT 0, -- how many more have a price
    seconds bigint NOT NULL DEFAULT 0, -- billed seconds that came
    price numeric NOT NULL DEFAULT 0 -- money that came
);

-- How many of what a campaign has, so that a report need not count. A row that every commit of a campaign updated would make commits wait for each other. So each statement that changes something adds a row of deltas, and deltas are added to the counters now and then. Counters and deltas together are exact in every snapshot. Manual calls are of no campaign and are not counted.
CREATE TABLE counters (
    campaign_id bigint NOT NULL, -- the campaign
    subject text NOT NULL, -- contacts, attempts, rejected_rows; ladder: how far people came; listed: how those who have ended are listed
    state text NOT NULL, -- the state that is counted
    outcome text NOT NULL, -- a contact's reason, an attempt's disposition, a result, or what listed_as says; '' for none
    n bigint NOT NULL, -- how many
    priced bigint NOT NULL, -- how many have a price
    seconds bigint NOT NULL, -- their billed seconds
    price numeric NOT NULL, -- the sum of their prices
    CONSTRAINT counters_pkey PRIMARY KEY (campaign_id, subject, state, outcome),
    CONSTRAINT counters_subject_known CHECK (subject IN ('contacts', 'attempts', 'rejected_rows', 'ladder', 'recordings', 'listed'))
);

-- The attempts of each campaign by country, and what is known of their price.
CREATE TABLE country_counters (
    campaign_id bigint NOT NULL, -- the campaign
    country text NOT NULL, -- '': of none, or not kept
    billing text NOT NULL, -- confirmed: Vonage told the price; estimated: it can be from the length; missing; open: the call is not over
    n bigint NOT NULL, -- how many calls
    seconds bigint NOT NULL, -- their billed seconds
    price numeric NOT NULL, -- the sum of their prices
    CONSTRAINT country_counters_pkey PRIMARY KEY (campaign_id, country, billing),
    CONSTRAINT country_counters_billing_known CHECK (billing IN ('confirmed', 'estimated', 'missing', 'open'))
);

-- What is to be added to country_counters.
CREATE TABLE country_deltas (
    campaign_id bigint NOT NULL, -- the campaign
    country text NOT NULL, -- ISO code; '': of none, or not kept
    billing text NOT NULL, -- as in country_counters
    n bigint NOT NULL, -- how many calls more; negative: fewer
    seconds bigint NOT NULL, -- billed seconds that came
    price numeric NOT NULL -- money that came
);

-- Which database this is, where it lived when it last dialed and how far it got. So a copy, a restored backup and a failover can be told from the database itself. While it is locked, the rule lets no call through.
CREATE TABLE database_identity (
    one boolean NOT NULL DEFAULT true, -- always true: the table has one row
    id uuid NOT NULL DEFAULT gen_random_uuid(), -- name of the database, also in Redis and in the queue's name
    system_id text, -- where it lived; what the server does not tell is null
    database_oid bigint, -- the database's number on that server
    timeline bigint, -- the server's timeline, which a failover changes
    checkpoint_at timestamptz, -- how far it got, by its own clock; a copy is kept in Redis
    needs_schema bigint NOT NULL DEFAULT 0, -- The least schema that a program must know to work here. A migration that older programs cannot work with raises it; every other one leaves it.
    locked_for text, -- The dial lock.
    locked_at timestamptz, -- when it was locked
    known_until timestamptz, -- the checkpoint when it was locked: later calls may be forgotten
    locked_system text, -- where it was when it was locked, or released
    locked_database bigint, -- the database's number there
    locked_timeline bigint, -- the timeline there
    released_at timestamptz, -- a person said that this copy dials
    released_by text, -- the person who released it
    scans integer NOT NULL DEFAULT 0, -- scans since then that count
    scanned_at timestamptz, -- when the last scan that counts ended
    misses integer NOT NULL DEFAULT 0, -- scans in a row that lacked calls, and count for nothing
    missed_at timestamptz, -- when the last scan lacked calls
    missing integer NOT NULL DEFAULT 0, -- how many the last one lacked
    accepted_at timestamptz, -- a person said that scans count which lack no more than that
    application_id text, -- null: nothing has called yet
    api_host text, -- the API host that it calls by
    other_application_id text, -- null: no other one asked
    other_api_host text, -- the API host of the other account that asked
    other_asked_at timestamptz, -- when it asked; null: none did
    locked boolean NOT NULL GENERATED AS (((locked_for IS NOT NULL) OR (other_asked_at IS NOT NULL))), -- it calls nobody
    version_secret text NOT NULL DEFAULT ((gen_random_uuid()) || (gen_random_uuid())), -- part of each contact's and campaign's version, so that nobody can compare it with guesses
    CONSTRAINT database_identity_pkey PRIMARY KEY (one),
    CONSTRAINT database_identity_accepted_what_lacks CHECK (accepted_at IS NULL OR misses > 0 OR scans > 0),
    CONSTRAINT database_identity_account_whole CHECK ((application_id IS NULL) = (api_host IS NULL)),
    CONSTRAINT database_identity_checkpoint_where_it_lives CHECK ((database_oid IS NULL) = (checkpoint_at IS NULL)),
    CONSTRAINT database_identity_lock_known CHECK (locked_for IN ('idle', 'no_external_mark', 'failover', 'restored', 'copy')),
    CONSTRAINT database_identity_locked_whole CHECK ((locked_for IS NULL) = (locked_at IS NULL) AND (locked_for IS NULL) = (known_until IS NULL)),
    CONSTRAINT database_identity_misses_positive CHECK (misses >= 0),
    CONSTRAINT database_identity_one CHECK (one),
    CONSTRAINT database_identity_other_is_another CHECK (other_asked_at IS NULL OR application_id IS DISTINCT FROM other_application_id OR api_host IS DISTINCT FROM other_api_host),
    CONSTRAINT database_identity_other_whole CHECK ((other_application_id IS NULL) = (other_asked_at IS NULL) AND (other_api_host IS NULL) = (other_asked_at IS NULL)),
    CONSTRAINT database_identity_released_by_somebody CHECK ((released_at IS NULL) = (released_by IS NULL))
);

-- Every webhook that was received and signed, as it came. One partition a day, by received_at.
CREATE TABLE events (
    id bigint NOT NULL DEFAULT nextval('events_id_seq'::regclass), -- order in which they were stored
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it came, by the database's clock
    attempt_id uuid, -- null: of no attempt that is known here
    call_uuid text, -- the call that it is about, as the event spells it
    conversation_uuid text, -- the call's conversation
    kind text NOT NULL, -- the status, or input, transfer, notify, record, error, unknown
    status text, -- null for an event without a status
    provider_at timestamptz, -- Vonage's own time of it
    body json NOT NULL, -- json and not jsonb, because json keeps the text
    leg boolean NOT NULL DEFAULT false, -- it came to the address of a leg that connect opened
    CONSTRAINT events_pkey PRIMARY KEY (received_at, id)
);
CREATE INDEX events_of_attempt ON ONLY events (attempt_id, received_at);
CREATE INDEX events_of_legs ON ONLY events (call_uuid) WHERE leg;
CREATE TRIGGER guard_event BEFORE DELETE OR UPDATE ON events FOR EACH ROW WHEN (current_setting('dialer.erasing', true) IS DISTINCT FROM 'on') EXECUTE FUNCTION guard_event();
CREATE TRIGGER guard_events_whole BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION guard_event();

-- Calls that should not be up and are to be ended: the second call of one attempt, or a call of an attempt that was thought over. Written in the transaction that raises the alarm.
CREATE TABLE hangups (
    call_uuid text NOT NULL, -- the call to end
    attempt_id uuid NOT NULL, -- the attempt that the call belongs to
    why text NOT NULL, -- the kind of the alarm
    kept_call_uuid text, -- the attempt's other call, which stays up
    state text NOT NULL DEFAULT 'pending', -- pending, then one of the others
    ordered_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the order was written
    tries integer NOT NULL DEFAULT 0, -- how often Vonage was asked
    next_try timestamptz NOT NULL DEFAULT clock_timestamp(), -- until then no other process tries
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the state last changed
    answer text NOT NULL DEFAULT '', -- what Vonage said
    CONSTRAINT hangups_pkey PRIMARY KEY (call_uuid),
    CONSTRAINT hangups_attempt FOREIGN KEY (attempt_id) REFERENCES attempts(id),
    CONSTRAINT hangups_keep_another CHECK (kept_call_uuid <> call_uuid),
    CONSTRAINT hangups_state_known CHECK (state IN ('pending', 'done', 'already_ended', 'failed'))
);
CREATE INDEX hangups_of_attempt ON hangups (attempt_id);
CREATE INDEX hangups_pending ON hangups (next_try) WHERE state = 'pending';

-- What they are still to be told, or could not be. A row is written in the transaction of the change and deleted once it is delivered.
CREATE TABLE hook_messages (
    seq bigint NOT NULL IDENTITY, -- order in which a hook is told
    id uuid NOT NULL DEFAULT gen_random_uuid(), -- webhook-id, the same at each try
    hook_id bigint NOT NULL, -- the hook that is told
    topic text NOT NULL, -- messages of one topic are delivered in their order
    type text NOT NULL, -- what happened, such as contact.finished
    at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it happened
    data jsonb NOT NULL, -- what is told
    tries integer NOT NULL DEFAULT 0, -- how often it was sent
    due_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- of the next try; while one goes on, when another may begin
    failure text, -- of the last try: no address, no number
    dead_at timestamptz, -- it is tried no more
    CONSTRAINT hook_messages_pkey PRIMARY KEY (seq),
    CONSTRAINT hook_messages_id_once UNIQUE (id),
    CONSTRAINT hook_messages_hook FOREIGN KEY (hook_id) REFERENCES hooks(id)
);
CREATE INDEX hook_messages_due ON hook_messages (hook_id, due_at) WHERE dead_at IS NULL;
CREATE INDEX hook_messages_in_order ON hook_messages (hook_id, topic, seq) WHERE dead_at IS NULL;

-- Where programs are told of what happens.
CREATE TABLE hooks (
    id bigint NOT NULL IDENTITY, -- number of the hook
    url text NOT NULL, -- where messages are sent
    secret text NOT NULL, -- whsec_...: what its messages are signed with
    old_secret text, -- signs too, until old_secret_until
    old_secret_until timestamptz, -- until when messages are signed with the old secret too
    allow_private boolean NOT NULL, -- it may be at an address that is not on the internet
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was made
    removed_at timestamptz, -- when it was removed; null: it is told
    CONSTRAINT hooks_pkey PRIMARY KEY (id)
);

-- The attempts by the hour in which they were dialed.
CREATE TABLE hourly_counters (
    campaign_id bigint NOT NULL, -- the campaign
    hour timestamptz NOT NULL, -- the hour in which the attempts were dialed
    state text NOT NULL, -- the attempts' state
    outcome text NOT NULL, -- their disposition, '' for none
    n bigint NOT NULL, -- how many
    priced bigint NOT NULL, -- how many have a price
    seconds bigint NOT NULL, -- their billed seconds
    price numeric NOT NULL, -- the sum of their prices
    CONSTRAINT hourly_counters_pkey PRIMARY KEY (campaign_id, hour, state, outcome)
);

-- The contacts that were there already when an import came to their row. It shows a key that the file has twice, and whose rows are gone. The rows live while the import does.
CREATE TABLE import_rows (
    import_id bigint NOT NULL, -- the import
    contact_id bigint NOT NULL, -- the contact that the row is about
    line_no integer NOT NULL, -- the row's first line in the file
    CONSTRAINT import_rows_pkey PRIMARY KEY (import_id, contact_id),
    CONSTRAINT import_rows_import FOREIGN KEY (import_id) REFERENCES imports(id) ON DELETE CASCADE
);

-- One reading of a file into a campaign.
CREATE TABLE imports (
    id bigint NOT NULL IDENTITY, -- number of the import
    campaign_id bigint NOT NULL, -- the campaign
    source text NOT NULL, -- the file's fingerprint
    columns text[] NOT NULL, -- the file's columns, in their order: what an export begins with
    reading jsonb NOT NULL, -- campaign.Reading: a person who is changed later is read the same way
    started_by text NOT NULL, -- the person or program who began it
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it began
    finished_at timestamptz, -- null: it goes on, or was broken off
    result jsonb, -- What became of an import's rows: app.ImportResult. Null while it goes on, and for the contacts that come one by one.
    CONSTRAINT imports_pkey PRIMARY KEY (id),
    CONSTRAINT imports_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id)
);

-- Calls of people who rang back and heard their latest message again. Such a call is no attempt: nobody was called.
CREATE TABLE inbound_calls (
    id uuid NOT NULL, -- rides in the addresses of its inputs
    call_uuid text NOT NULL, -- the call
    conversation_uuid text, -- the call's conversation
    from_number text NOT NULL, -- the person's, E.164 digits
    to_number text, -- ours
    contact_id bigint NOT NULL, -- who rang back, as far as the number tells
    attempt_id uuid NOT NULL, -- whose message is heard
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the call came
    heard_at timestamptz, -- when the message was played to its end
    keys text[] NOT NULL DEFAULT '{}', -- that were pressed, by turn
    result text, -- the word of the last key that has one
    ended_at timestamptz, -- null: nobody told
    CONSTRAINT inbound_calls_pkey PRIMARY KEY (id),
    CONSTRAINT inbound_calls_once UNIQUE (call_uuid),
    CONSTRAINT inbound_calls_attempt FOREIGN KEY (attempt_id) REFERENCES attempts(id),
    CONSTRAINT inbound_calls_contact FOREIGN KEY (contact_id) REFERENCES contacts(id)
);
CREATE INDEX inbound_calls_of_contact ON inbound_calls (contact_id);
CREATE INDEX inbound_calls_up ON inbound_calls (received_at) WHERE ended_at IS NULL;

-- Which process does a periodic piece of work, until when. A write of a process that was too slow fails on its generation.
CREATE TABLE leases (
    name text NOT NULL, -- the work
    owner text NOT NULL, -- the process
    expires_at timestamptz NOT NULL, -- until when the process may do the work
    generation bigint NOT NULL DEFAULT 1, -- grows with each new owner
    finished_at timestamptz, -- when the work was last done
    CONSTRAINT leases_pkey PRIMARY KEY (name)
);

-- Each complete reading of a window of Vonage's list, and what it proves.
CREATE TABLE list_scans (
    id bigint NOT NULL IDENTITY, -- number of the scan
    from_time timestamptz NOT NULL, -- the window: every call that started in it was shown
    to_time timestamptz NOT NULL, -- end of the window
    started_at timestamptz NOT NULL, -- when the reading began, by the database's clock
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the reading ended
    database_id uuid NOT NULL, -- the database that it was made for: of a copy it proves nothing
    records integer NOT NULL, -- how many records were read
    known_shown integer NOT NULL, -- calls that are known by uuid, had to be in it, and were
    known_missing integer NOT NULL, -- ... and were not: the list is not whole, and proves nothing
    unreadable integer NOT NULL DEFAULT 0, -- records without a uuid: any of them may be any call, so the scan proves nothing
    CONSTRAINT list_scans_pkey PRIMARY KEY (id),
    CONSTRAINT list_scans_begun_after_its_window CHECK (to_time <= started_at),
    CONSTRAINT list_scans_counts CHECK (records >= 0 AND known_shown >= 0 AND known_missing >= 0),
    CONSTRAINT list_scans_unreadable_count CHECK (unreadable >= 0),
    CONSTRAINT list_scans_window CHECK (from_time < to_time)
);
CREATE INDEX list_scans_by_window ON list_scans (to_time, from_time);

-- The account's two limits on requests, for all processes together. A process reads its budget's row, decides (package internal/pace) and writes the row back if the version is still the same. No lock is held in between, so a process that is paused there delays no other. A row changes some ten times a second; the fillfactor leaves it room for that within its page.
CREATE TABLE pace (
    budget text NOT NULL, -- calls: POST /calls; requests: every other request
    available_at timestamptz[] NOT NULL DEFAULT '{}'::timestamptz[], -- when each slot can be used next; there is one for each request that Vonage takes a second
    next_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- the earliest moment of the next request, so that they are spread
    accepted_at timestamptz[] NOT NULL DEFAULT '{}'::timestamptz[], -- when the latest answers came that were not 429
    refused_at timestamptz[] NOT NULL DEFAULT '{}'::timestamptz[], -- when the latest 429s came, to requests sent after reduced_at
    reduced_to double precision NOT NULL DEFAULT 1, -- the part of the rate that refusals led to
    reduced_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when they did
    reduced_until timestamptz NOT NULL DEFAULT clock_timestamp(), -- until when it holds; then the rate rises to the full one
    version bigint NOT NULL DEFAULT 0, -- counts the changes
    CONSTRAINT pace_pkey PRIMARY KEY (budget),
    CONSTRAINT pace_budget_known CHECK (budget IN ('calls', 'requests')),
    CONSTRAINT pace_reduced_to_range CHECK (reduced_to > 0::double precision AND reduced_to <= 1::double precision)
);

-- The prices that stood for an attempt, one after another. The last one is the attempt's.
CREATE TABLE price_history (
    attempt_id uuid NOT NULL, -- the attempt
    rev integer NOT NULL, -- 1, 2, 3 ...
    price numeric NOT NULL, -- what Vonage charged
    rate numeric, -- the price of a minute
    duration_s integer, -- billed seconds
    source text NOT NULL, -- who told it: response, event or list
    observed_at timestamptz NOT NULL, -- when it was read
    CONSTRAINT price_history_pkey PRIMARY KEY (attempt_id, rev),
    CONSTRAINT price_history_attempt FOREIGN KEY (attempt_id) REFERENCES attempts(id),
    CONSTRAINT price_history_price_money CHECK (price >= 0::numeric AND price < 'Infinity'::numeric),
    CONSTRAINT price_history_rate_money CHECK (rate >= 0::numeric AND rate < 'Infinity'::numeric),
    CONSTRAINT price_history_rev_positive CHECK (rev > 0)
);

-- Every call that Vonage's list or GET /calls/{uuid} ever showed, as the last record of it said.
CREATE TABLE provider_calls (
    call_uuid text NOT NULL, -- the call, as Vonage spelled it first
    conversation_uuid text, -- the call's conversation
    direction text NOT NULL DEFAULT '', -- outbound, inbound, another word, or '' where not said
    to_kind text NOT NULL, -- phone, other (SIP, app, websocket), or unknown where not said
    to_number text, -- digits, where the record says a number that can be read
    from_kind text NOT NULL, -- phone, other or unknown
    from_number text, -- the calling number, digits
    status text NOT NULL, -- Vonage's word, in lower case
    start_time timestamptz, -- when the call began
    end_time timestamptz, -- when the call ended
    duration_s integer, -- billed seconds
    price numeric, -- what Vonage charges
    rate numeric, -- a minute
    network text, -- MCC and MNC of the telephone's network
    first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when a record of it was stored first
    observed_at timestamptz NOT NULL, -- when the record was read that last said something new
    attempt_id uuid, -- Whose call it is; null: of no attempt, as far as is known. No foreign key, which would take half of the time that a first record needs: no attempt is ever deleted, and an invariant compares the two tables.
    matched_by text, -- how that is known
    matched_at timestamptz, -- when its attempt was found; null: none was
    folded boolean NOT NULL DEFAULT false, -- the attempt has what the record says
    leg_of uuid, -- The attempt in whose conversation the call is as a further leg, which connect opened; null: it is an attempt's own call, or no leg that is known.
    CONSTRAINT provider_calls_pkey PRIMARY KEY (call_uuid),
    CONSTRAINT provider_calls_folded_into_some CHECK (NOT folded OR attempt_id IS NOT NULL),
    CONSTRAINT provider_calls_from_known CHECK (from_kind IN ('phone', 'other', 'unknown')),
    CONSTRAINT provider_calls_matched_by_known CHECK (matched_by IN ('uuid', 'numbers', 'person')),
    CONSTRAINT provider_calls_matched_whole CHECK ((attempt_id IS NULL) = (matched_by IS NULL) AND (attempt_id IS NULL) = (matched_at IS NULL)),
    CONSTRAINT provider_calls_price_money CHECK (price >= 0::numeric AND price < 'Infinity'::numeric),
    CONSTRAINT provider_calls_rate_money CHECK (rate >= 0::numeric AND rate < 'Infinity'::numeric),
    CONSTRAINT provider_calls_to_known CHECK (to_kind IN ('phone', 'other', 'unknown'))
);
CREATE INDEX provider_calls_by_start ON provider_calls USING brin (start_time) WITH (pages_per_range='32', autosummarize='on');
CREATE INDEX provider_calls_legs ON provider_calls (leg_of) WHERE leg_of IS NOT NULL;
CREATE INDEX provider_calls_unexplained ON provider_calls (first_seen_at) WHERE attempt_id IS NULL AND leg_of IS NULL;
CREATE INDEX provider_calls_unfolded ON provider_calls (attempt_id) WHERE attempt_id IS NOT NULL AND NOT folded;
CREATE INDEX provider_calls_unmatched ON provider_calls (to_number) WHERE attempt_id IS NULL;
CREATE INDEX provider_calls_unsure ON provider_calls (start_time) WHERE matched_by IS NULL OR matched_by = 'numbers';

-- How far each pass over Vonage's list has read.
CREATE TABLE reconcile_watermarks (
    pass text NOT NULL, -- the pass: first reads calls soon, later ones read them again
    reached timestamptz NOT NULL, -- every call that started before was read
    CONSTRAINT reconcile_watermarks_pkey PRIMARY KEY (pass)
);

-- Recordings that Vonage made of a call, and keeps for 30 days. The address alone opens nothing: it is fetched with the application's key.
CREATE TABLE recordings (
    url text NOT NULL, -- address at Vonage; the application's key opens it
    recording_id text, -- Vonage's
    attempt_id uuid, -- null: of a call that came in
    inbound_id uuid, -- the call of a person who rang back, if it is of one
    started_at timestamptz, -- when the recording began
    ended_at timestamptz, -- when it ended
    duration_s integer, -- its length in seconds
    bytes bigint, -- its size
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when Vonage told of it
    CONSTRAINT recordings_pkey PRIMARY KEY (url),
    CONSTRAINT recordings_attempt FOREIGN KEY (attempt_id) REFERENCES attempts(id),
    CONSTRAINT recordings_inbound FOREIGN KEY (inbound_id) REFERENCES inbound_calls(id),
    CONSTRAINT recordings_of_a_call CHECK (num_nonnulls(attempt_id, inbound_id) = 1)
);
CREATE INDEX recordings_of_attempt ON recordings (attempt_id);
CREATE INDEX recordings_of_inbound ON recordings (inbound_id);
CREATE TRIGGER count_added AFTER INSERT ON recordings REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION count_recordings();
CREATE TRIGGER count_removed AFTER DELETE ON recordings REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION count_recordings();

-- Rows of imported files that no contact was made of.
CREATE TABLE rejected_rows (
    campaign_id bigint NOT NULL, -- the campaign
    source text NOT NULL, -- the fingerprint of the file
    line_no integer NOT NULL, -- the row's first line in the file
    column_name text NOT NULL, -- '': the row as a whole
    reason text NOT NULL, -- why no contact was made of it
    record text NOT NULL, -- what stood in the file, shortened
    CONSTRAINT rejected_rows_pkey PRIMARY KEY (campaign_id, source, line_no),
    CONSTRAINT rejected_rows_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id)
);
CREATE INDEX rejected_rows_by_digits ON rejected_rows USING gin (digit_runs(record));
CREATE TRIGGER count_added AFTER INSERT ON rejected_rows REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION count_rejected_rows();
CREATE TRIGGER count_removed AFTER DELETE ON rejected_rows REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION count_rejected_rows();

-- The tokens of webhooks that were received and are not too old yet. A token that comes again is a repeat, or forged if the request is another one. The sweeper drops those that are refused for their age anyway.
CREATE TABLE seen_tokens (
    token bytea NOT NULL, -- SHA-256 of its jti, or of all that was signed if it has none
    request bytea NOT NULL, -- SHA-256 of the request's address and body
    expires_at timestamptz NOT NULL, -- from then on the token is refused for its age
    CONSTRAINT seen_tokens_pkey PRIMARY KEY (token),
    CONSTRAINT seen_tokens_hashes CHECK (length(token) = 32 AND length(request) = 32)
);
CREATE INDEX seen_tokens_by_expiry ON seen_tokens (expires_at);

-- Who is logged in. A session's cookie is not kept either.
CREATE TABLE sessions (
    sha256 bytea NOT NULL, -- hash of the cookie
    user_id bigint NOT NULL, -- who is logged in
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when the person logged in
    expires_at timestamptz NOT NULL, -- when the session ends
    CONSTRAINT sessions_pkey PRIMARY KEY (sha256),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users(id)
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- Numbers that must not be called, in any campaign.
CREATE TABLE suppressions (
    number text NOT NULL, -- E.164 digits
    source text NOT NULL, -- who says so: a person, a file, a list
    note text NOT NULL DEFAULT '', -- what the person who added it wrote
    created_at timestamptz NOT NULL DEFAULT now(), -- when it was added
    expires_at timestamptz, -- null: never
    id bigint NOT NULL IDENTITY, -- number of the suppression
    ended_at timestamptz, -- when it was lifted or replaced; null: it is in force until it expires
    campaign_id bigint, -- null: of all campaigns
    purpose text, -- of the campaigns that it is of; null: of all, or of campaign_id
    invalid boolean NOT NULL DEFAULT false, -- not a person's word: Vonage said that there is no such number
    added_by text, -- who added it; null: a key that was pressed, the dialer itself, or before this was kept
    not_ended_then bigint[], -- contacts of the number that had not ended when it came; null: it came with others
    CONSTRAINT suppressions_pkey PRIMARY KEY (id),
    CONSTRAINT suppressions_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id),
    CONSTRAINT suppressions_number_e164 CHECK (number ~ '^[1-9][0-9]{6,14}$'),
    CONSTRAINT suppressions_scope CHECK (campaign_id IS NULL OR purpose IS NULL)
);
CREATE INDEX suppressions_of_number ON suppressions (number, id);
CREATE UNIQUE INDEX suppressions_not_ended ON suppressions (number, COALESCE(campaign_id, 0), COALESCE(purpose, '')) WHERE ended_at IS NULL;

-- What a manual call says that tests a campaign's message. It is of no campaign, and stands in no campaign's figures.
CREATE TABLE test_calls (
    attempt_id uuid NOT NULL, -- the manual call
    settings jsonb NOT NULL, -- campaign.Settings of the campaign that is tested
    vars jsonb NOT NULL, -- the row whose message is said
    CONSTRAINT test_calls_pkey PRIMARY KEY (attempt_id),
    CONSTRAINT test_calls_attempt FOREIGN KEY (attempt_id) REFERENCES attempts(id) ON DELETE CASCADE
);

-- People who log in at the pages.
CREATE TABLE users (
    id bigint NOT NULL IDENTITY, -- number of the user
    name text NOT NULL, -- the name to log in with, and in the audit
    role text NOT NULL, -- viewer, operator or admin
    password text, -- argon2id, as $argon2id$v=19$m=...
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- when it was made
    removed_at timestamptz, -- when it was removed; null: the person may log in
    issuer text, -- the OpenID provider that the person logs in with
    subject text, -- the person's id at that provider
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_name_length CHECK (length(name) >= 1 AND length(name) <= 100),
    CONSTRAINT users_one_way_in CHECK ((password IS NULL) = (issuer IS NOT NULL) AND (issuer IS NULL) = (subject IS NULL)),
    CONSTRAINT users_role_known CHECK (role IN ('viewer', 'operator', 'admin'))
);
CREATE UNIQUE INDEX users_identity_once ON users (issuer, subject) WHERE issuer IS NOT NULL;
CREATE UNIQUE INDEX users_name_once ON users (name) WHERE removed_at IS NULL;

-- The distinct sets of time zones that a campaign's contacts are in: a few hundred at most. The claim checks the hours once for each set and not once for each contact.
CREATE TABLE zone_groups (
    id bigint NOT NULL IDENTITY, -- number of the group
    campaign_id bigint NOT NULL, -- the campaign
    zones text[] NOT NULL, -- IANA names; a number that may be in several zones has them all
    zone_missing boolean NOT NULL DEFAULT false, -- this Postgres does not know one of the zones: nobody of the group is called
    basis text NOT NULL DEFAULT '', -- campaign.ZoneBasis; empty: it was not kept
    CONSTRAINT zone_groups_pkey PRIMARY KEY (id),
    CONSTRAINT zone_groups_of_campaign UNIQUE (id, campaign_id),
    CONSTRAINT zone_groups_once UNIQUE (campaign_id, zones, basis),
    CONSTRAINT zone_groups_campaign FOREIGN KEY (campaign_id) REFERENCES campaigns(id),
    CONSTRAINT zone_groups_basis_known CHECK (basis IN ('', 'zone', 'postal_code', 'number', 'campaign')),
    CONSTRAINT zone_groups_zones_some CHECK (cardinality(zones) > 0)
);
