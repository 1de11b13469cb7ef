package campaign

import "github.com/google/uuid"

// Alarm is something a person should look at. It is stored, never only logged.
type Alarm struct {
	Kind      string
	AttemptID uuid.UUID // uuid.Nil: the alarm is about no attempt
	Detail    string    // names and ids only: no phone number, no secret
}

// Alarm kinds: each is a row that a person should look at.
const (
	AlarmSecondCall        = "second_call_for_attempt"
	AlarmEvidenceForVoid   = "evidence_for_void"
	AlarmLateEvidence      = "late_evidence"
	AlarmHangUpFailed      = "hangup_failed"
	AlarmUnknownStatus     = "unknown_status"
	AlarmNumberMismatch    = "number_mismatch"
	AlarmUnknownAttempt    = "unknown_attempt"
	AlarmAmbiguousMatch    = "ambiguous_match"
	AlarmUnmatchedCall     = "unmatched_call"
	AlarmPaused            = "campaign_paused"
	AlarmMessage           = "message_refused"
	AlarmLost              = "attempt_lost"
	AlarmCallWithoutEnd    = "call_without_end"
	AlarmKnownCallsMissing = "known_calls_missing"
	AlarmPriceChanged      = "price_changed"
	AlarmClockSkew         = "clock_skew"
	AlarmUnsigned          = "webhook_unsigned"
	AlarmUnreadable        = "webhook_unreadable"
	AlarmWebhooksDelayed   = "webhooks_delayed"
	AlarmAnswer            = "answer_not_made"
	AlarmRedis             = "redis_may_evict"
	AlarmRedisUnusable     = "redis_unusable"
	AlarmFailing           = "work_failing"
	AlarmDialLocked        = "dial_locked"
	AlarmCallRecovered     = "call_recovered"
	AlarmCallOfSeveral     = "call_of_several_contacts"
	AlarmAbsenceBlocked    = "absence_blocked"
	AlarmGivenUp           = "contact_given_up"
	AlarmUnreadableRecord  = "record_unreadable"
	AlarmUnknownZone       = "unknown_zone"
	AlarmBudget            = "budget_used"
	AlarmDayBudget         = "day_budget_used"
	AlarmSettingsDiffer    = "settings_differ"
	AlarmHookFailed        = "hook_failed"
)

// AlarmKind tells a person what an alarm means and what to do about it.
type AlarmKind struct {
	Kind    string
	Meaning string
	Remedy  string
}

// AlarmKinds are all kinds, the worst first. docs/operations.md has the same table.
var AlarmKinds = []AlarmKind{
	{AlarmSecondCall, "one attempt made two calls: a person was called twice",
		"The later call is being hung up by itself; find what sends a POST twice between the dialer and Vonage (a proxy that repeats requests), and tell the person."},
	{AlarmEvidenceForVoid, "Vonage reports a call for an attempt that was withdrawn before it was dialed",
		"The call is being hung up by itself; look for a second dialer on a copy of this database."},
	{AlarmLateEvidence, "Vonage reports a call for an attempt that was thought to have none",
		"It is hung up by itself if the person was called again since (`dialer why`); raise DIALER_SETTLE_AFTER if Vonage's list is late."},
	{AlarmHangUpFailed, "a call that should not be up could not be ended",
		"End it with `dialer call hangup`, or at Vonage."},
	{AlarmDialLocked, "nobody is called: the database is a copy, an older one, or another server's, or another application or API host asked to call with it",
		"Look with `dialer lock show`; end every other copy, then `dialer lock release` where it asks for that. After a failover calls resume by themselves."},
	{AlarmCallOfSeveral, "a call that a restored database had forgotten may belong to several contacts; none of them is called again",
		"Ask the people, or look at the original database, and decide about each by its alarm `attempt_lost`."},
	{AlarmPaused, "Vonage refused a call for a reason that concerns the whole campaign, which was paused",
		"Correct the key, the application, the numbers or the message, then `dialer campaign resume`."},
	{AlarmBudget, "a campaign was paused, because its budget lets it make no further call; the detail says what it would need",
		"Raise it with `dialer campaign edit NAME --budget AMOUNT`, then `dialer campaign resume`; or stop the campaign."},
	{AlarmDayBudget, "what all calls of a day may cost is used, so calls wait until 00:00 UTC",
		"Raise DIALER_DAILY_BUDGET and start the dialers again, or wait; then resolve the alarm."},
	{AlarmSettingsDiffer, "running dialers were started with different settings of the account; what was stored last holds for all; it closes by itself",
		"Start all of them with the same DIALER_DAILY_BUDGET, DIALER_RATES and DIALER_INVALID_FOR; `dialer audit` shows when each value was stored."},
	{AlarmMessage, "a call's message cannot be made, or Vonage would refuse it; the campaign was paused, and its contacts stay due",
		"Read the reason in the alarm; stop the campaign and enqueue it again with a message that can be made, or correct what it needs, then `dialer campaign resume`."},
	{AlarmClockSkew, "a dialer calls nobody, because Vonage's clock differs by more than 5 seconds from its own or from the database's; the detail says from which",
		"Set that machine's clock by NTP; calls resume by themselves."},
	{AlarmFailing, "a part of the dialer has not done its work for five minutes",
		"Read that part's errors in the dialer's log; it works again once the cause is gone."},
	{AlarmRedisUnusable, "Redis is away or takes no writes, so calls wait; the detail says how; it closes by itself",
		"Repair Redis, or give it the room or the master that it lacks; REDIS_URL must be one whole master. Calls resume by themselves."},
	{AlarmRedis, "Redis may drop tasks when it is full, or hides whether it may",
		"Set maxmemory-policy to noeviction; if the service that runs Redis hides the setting, check it there and resolve the alarm."},
	{AlarmAbsenceBlocked, "whether an attempt made a call cannot be settled by itself; its contact waits",
		"Find the call with `dialer call list` and ask the person, then decide with `dialer alarms resolve ID --its-call UUID`, `--no-call` or `--called`; without a decision it is lost once Vonage's records end."},
	{AlarmUnknownZone, "Postgres does not know the time zone of some contacts, so none of them is called",
		"Install the zone's data for Postgres (tzdata); they are called again by themselves within a minute."},
	{AlarmGivenUp, "Vonage never had a call of a contact, which ended after 30 attempts in a row",
		"Look with `dialer why` at what Vonage answered; correct it, and enqueue the contact again in another campaign."},
	{AlarmLost, "whether an attempt made a call could not be settled while Vonage kept its records, or since the database was restored",
		"Ask Vonage or the person; the contact is not called again by itself: `dialer alarms resolve ID --no-call` has it called again, `--its-call UUID` gives it the call that was made."},
	{AlarmCallWithoutEnd, "Vonage had a call and never reported its end while it kept its records",
		"Ask Vonage for the call's record; its price is missing here."},
	{AlarmKnownCallsMissing, "Vonage's list lacks calls that we know it has, or a locked database cannot read whom calls went to, so it proves nothing",
		"Wait: unknown attempts are settled once the list is complete; if it lasts, raise DIALER_SETTLE_AFTER and ask Vonage. If the database stays locked, `dialer lock show` says what you can do."},
	{AlarmAmbiguousMatch, "a call may belong to several attempts, or an event names one attempt and the call of another; the call is given to none, or to the attempt that waited for one",
		"Compare the call with `dialer call show` and the attempts with `dialer why`; use an application and numbers that nothing else uses."},
	{AlarmUnreadableRecord, "Vonage's list has a record without a uuid, so it proves nothing of the calls of that time",
		"Ask Vonage; prices and other calls are read all the same, and unknown attempts of that time wait for a person."},
	{AlarmUnmatchedCall, "a call was made from one of the campaigns' numbers and belongs to no attempt",
		"Find what else calls from this number on this account; give the dialer its own numbers."},
	{AlarmNumberMismatch, "Vonage reports an attempt's call with other numbers than the attempt's",
		"Ask Vonage whom it called."},
	{AlarmUnknownAttempt, "a signed event or answer request names no attempt of this database",
		"Check that no other dialer or test uses this application's webhook addresses, and that this is the right database."},
	{AlarmCallRecovered, "a call that a restored database had forgotten was found in Vonage's list, and has an attempt now",
		"Nothing to do: the person is not called again for it."},
	{AlarmPriceChanged, "Vonage changed the price of a call after it was known",
		"Nothing to do: reports have the new price, and the table price_history has all of them; compare it with the invoice."},
	{AlarmUnknownStatus, "Vonage used a status word that this version does not know",
		"Look for a newer version of the dialer; the word is kept with the attempt and changes nothing."},
	{AlarmUnsigned, "requests to the webhooks were refused, because Vonage did not sign them",
		"If Vonage's own events are refused, correct VONAGE_SIGNATURE_SECRET and VONAGE_APPLICATION_ID; otherwise a stranger tries the addresses, which does no harm."},
	{AlarmUnreadable, "a signed event could not be read",
		"Look for a newer version of the dialer; Vonage's list shows the same later."},
	{AlarmWebhooksDelayed, "events came faster than they could be stored, so Vonage was asked to send them again",
		"Give Postgres more resources or start another dialer; Vonage's list shows later what is not sent again."},
	{AlarmHookFailed, "a program that is to be told of what happens took no message for days, and messages to it are given up; the detail names the hook",
		"Look with `dialer hook failed`; mend what it says, then `dialer hook resend --hook ID`, or `dialer hook remove` the hook. Then resolve the alarm."},
	{AlarmAnswer, "an answered call heard an apology: its message could not be made, or its keys were not answered in time",
		"Check the campaign's message and DIALER_PUBLIC_URL with `dialer campaign show`."},
}
