package campaign

import (
	"fmt"
	"regexp"

	"github.com/google/uuid"
)

// Outcome is what is known after a POST was tried.
type Outcome struct {
	Kind     OutcomeKind
	Evidence Evidence // with OutcomeCreated: uuid and conversation uuid
	Refusal  Refusal  // with OutcomeRefused
	// Said is Vonage's answer if it made no call, or the reason why no answer came: one
	// line without numbers and secrets.
	Said string
	// MustExist, with OutcomeUnknown: Vonage reported that it made the call.
	MustExist bool
}

// OutcomeKind is one of three. There is no fourth result of a POST.
type OutcomeKind string

const (
	OutcomeCreated OutcomeKind = "created"
	OutcomeRefused OutcomeKind = "refused"
	OutcomeUnknown OutcomeKind = "unknown"
)

// Refusal says why it is certain that no call was made.
type Refusal string

const (
	RefusedInvalid     Refusal = "invalid"      // 400, 413, 422: because of this call; it would be refused again
	RefusedAlike       Refusal = "alike"        // as RefusedInvalid, but contacts before it were refused too: because of the campaign
	RefusedAuth        Refusal = "unauthorized" // 401: because of the key
	RefusedAccount     Refusal = "account"      // 402, 403, 404, 405: because of the account, the application or the address
	RefusedRate        Refusal = "rate"         // 429: the call was neither made nor queued
	RefusedClock       Refusal = "clock_skew"   // clocks differ: nothing was sent, or its token was refused
	RefusedUnreachable Refusal = "unreachable"  // no byte was written to Vonage
	RefusedStale       Refusal = "stale"        // too long between the gate and the send; nothing was sent
)

// Remedy is the consequence of a refusal.
type Remedy struct {
	Final bool // the contact ends as refused; otherwise it is due again
	Pause bool // the campaign is paused until a person looks
	// Counts: so many in a row end the contact as in WithoutCallMost. A refusal before
	// anything was sent, or because of the account, says nothing about the contact.
	Counts bool
}

// WithoutCallMost is how many attempts of a contact in a row may make no call before
// the contact ends, with an alarm: about a day of attempts. It is not part of a
// campaign's policy, whose limit counts only calls that reached Vonage.
const WithoutCallMost = 30

// Remedies is the only place that says what follows from each refusal.
var Remedies = map[Refusal]Remedy{
	//guard:value({}) storage.TestRecordOutcomes: a call is not repeated where it would be refused again
	RefusedInvalid: {Final: true},
	//guard:value({Final: true}) storage.TestAlikeRefusalsPauseTheCampaign: contacts are not used up by what concerns the whole campaign
	RefusedAlike: {Pause: true},
	//guard:value({}) storage.TestRecordPausesTheCampaign: an unauthorized POST pauses the campaign
	RefusedAuth:    {Pause: true},
	RefusedAccount: {Pause: true},
	//guard:value({Final: true}) chaos.Refused: a 429 does not end a contact
	RefusedRate:        {Counts: true},
	RefusedClock:       {},
	RefusedUnreachable: {},
	RefusedStale:       {},
}

const (
	// alikeContacts is how many contacts in a row must be refused alike, with no call in
	// between, before the campaign is blamed and not the contacts. refusedContacts is the
	// number if the answers differ.
	alikeContacts, refusedContacts = 3, 10
	// alikeMost is how often one contact is called again after such a refusal, so that bad
	// numbers do not pause their campaign for ever.
	alikeMost = 3
)

// RefusedPost is an attempt that was refused as RefusedInvalid or RefusedAlike.
type RefusedPost struct {
	AttemptID uuid.UUID
	ContactID int64
	Refusal   Refusal
	Said      string
	Alikes    int  // how often its contact was refused as RefusedAlike
	MadeSince bool // a later POST of the campaign made a call
}

// JudgeInvalid decides whether the contact or the campaign is the cause when a call was
// refused as invalid. It is the campaign if contacts before it were refused as well.
// before are the campaign's latest refusals, the last one first. too are those of them
// that turn out to be caused by the campaign as well.
func JudgeInvalid(a RefusedPost, before []RefusedPost, paused bool) (of Refusal, too []RefusedPost) {
	//guard:false campaign.TestJudgeInvalid: numbers that are bad do not pause their campaign for ever
	if a.Alikes >= alikeMost {
		return RefusedInvalid, nil
	}
	var all, alike []RefusedPost
	for _, b := range before {
		if b.Refusal == RefusedAlike && paused {
			return RefusedAlike, alike // a was in progress when the campaign was paused
		}
		//guard:value(b.Refusal == RefusedAlike) campaign.TestJudgeInvalid: refusals are the campaign's fault only if it made no call between
		if b.Refusal == RefusedAlike || b.MadeSince {
			break
		}
		if b.Alikes >= alikeMost {
			continue
		}
		all = append(all, b)
		if wording(a.Said) == wording(b.Said) {
			alike = append(alike, b)
		}
	}
	switch {
	case contactsOf(a, alike) >= alikeContacts:
		return RefusedAlike, alike
	case contactsOf(a, all) >= refusedContacts:
		return RefusedAlike, all
	}
	return RefusedInvalid, nil
}

func contactsOf(a RefusedPost, others []RefusedPost) int {
	contacts := map[int64]bool{a.ContactID: true}
	for _, b := range others {
		contacts[b.ContactID] = true
	}
	return len(contacts)
}

var quotedOrDigit = regexp.MustCompile(`"[^"]*"|'[^']*'|\p{Nd}+`)

// wording is a text without the parts that may differ from call to call.
func wording(said string) string { return quotedOrDigit.ReplaceAllString(said, "#") }

// Withdrawal says why an attempt was voided before it was dialed.
type Withdrawal string

const (
	WithdrawnPaused     Withdrawal = "paused"
	WithdrawnStopped    Withdrawal = "stopped"
	WithdrawnSuppressed Withdrawal = "suppressed"
	WithdrawnHours      Withdrawal = "outside_hours"
	WithdrawnDate       Withdrawal = "date_left_out"
	WithdrawnInvalid    Withdrawal = "number_invalid"
	WithdrawnMessage    Withdrawal = "message"         // the message could not be rendered for this contact
	WithdrawnBusy       Withdrawal = "number_busy"     // late evidence: another call to the number is open
	WithdrawnAnswered   Withdrawal = "answered_before" // late evidence: an earlier attempt reached the contact
	WithdrawnLocked     Withdrawal = "dial_lock"       // only for manual calls: the others wait until the database is released
	WithdrawnExpired    Withdrawal = "expired"         // its call_before has passed
	WithdrawnEnded      Withdrawal = "ended"           // the campaign's end has passed
	WithdrawnUsed       Withdrawal = "attempts_used"   // an edit reduced the calls to one person
	WithdrawnCountry    Withdrawal = "country"         // the campaign may not call in this country
	WithdrawnCapped     Withdrawal = "number_capped"   // the number had as many calls as the campaign allows, over all campaigns
	WithdrawnAtOnce     Withdrawal = "at_once"         // as many of its calls are up as allowed
	WithdrawnConnected  Withdrawal = "connected"       // as many of its calls are up as can be connected
	WithdrawnPerSecond  Withdrawal = "per_second"      // as many of its calls have just begun as allowed
	WithdrawnBudget     Withdrawal = "budget"          // the campaign's budget is too small for the possible cost of the call
	WithdrawnDayBudget  Withdrawal = "day_budget"      // the account's budget for the day is too small for it
	WithdrawnCancelled  Withdrawal = "cancelled"       // a person took the contact out of the campaign
	WithdrawnChanged    Withdrawal = "changed"         // a person changed the contact: a new attempt calls it with the new values
	WithdrawnAbandoned  Withdrawal = "abandoned"       // the command of a manual call ended before the gate
)

// Passes reports whether the obstacle passes by itself, as other calls end. The attempt
// then waits in the queue.
func (w Withdrawal) Passes() bool {
	switch w {
	case WithdrawnAtOnce, WithdrawnConnected, WithdrawnPerSecond, WithdrawnBudget, WithdrawnDayBudget:
		return true
	}
	return false
}

// Ends reports whether it ends a contact that is due, and does not only delay it.
func (w Withdrawal) Ends() bool {
	switch w {
	case WithdrawnStopped, WithdrawnCancelled, WithdrawnSuppressed, WithdrawnInvalid, WithdrawnCountry, WithdrawnExpired, WithdrawnEnded, WithdrawnUsed:
		return true
	}
	return false
}

// Meaning explains to people what prevents a call: every reason of call_obstacles, and
// those of withdrawals.
func (w Withdrawal) Meaning() string {
	switch w {
	case WithdrawnLocked:
		return "the database is locked and calls nobody (dialer lock show)"
	case WithdrawnSuppressed:
		return "the number is suppressed (dialer suppress list)"
	case WithdrawnBusy:
		return "a call to it is open, or whether there was one is not known yet"
	case WithdrawnAbandoned:
		return "the command took too long"
	case WithdrawnPaused:
		return "the campaign is paused"
	case WithdrawnStopped:
		return "the campaign is stopped"
	case WithdrawnMessage:
		return "the message could not be made for this contact (dialer alarms)"
	case WithdrawnHours:
		return "it is outside the calling hours"
	case WithdrawnInvalid:
		return "Vonage said that there is no such number; it is called again once that is lifted (dialer suppress remove) or over (DIALER_INVALID_FOR)"
	case WithdrawnDate:
		return "the campaign calls nobody on this date (when.except)"
	case WithdrawnExpired:
		return "the time until which it may be called has passed"
	case WithdrawnEnded:
		return "the campaign's end has passed"
	case WithdrawnUsed:
		return "all calls that the campaign makes to one person are used"
	case WithdrawnCountry:
		return "the campaign may not call in the number's country"
	case WithdrawnCapped:
		return "the number was called as often as the campaign allows, over all campaigns (limits.per_number)"
	case WithdrawnAtOnce:
		return "as many calls of the campaign are up as it allows (limits.at_once)"
	case WithdrawnConnected:
		return "as many calls of the campaign are up as can be connected (limits.connected)"
	case WithdrawnPerSecond:
		return "as many calls of the campaign have just begun as it allows (limits.per_second)"
	case WithdrawnBudget:
		return "what the call may cost is not left of the campaign's budget, until prices of other calls are known"
	case WithdrawnDayBudget:
		return "what the call may cost is not left of the account's budget for today, which begins anew at 00:00 UTC (DIALER_DAILY_BUDGET)"
	case WithdrawnCancelled:
		return "it was cancelled by request"
	case WithdrawnChanged:
		return "the contact or the campaign was changed"
	case "importing":
		return "the campaign's import is not finished"
	case "draft":
		return "the campaign is a draft (dialer campaign resume starts it)"
	case "finished":
		return "the campaign is finished"
	case "unknown_zone":
		return "Postgres does not know its time zone (dialer alarms)"
	case "not_started":
		return "the campaign has not started"
	}
	return string(w)
}

// FoldOutcome adds the outcome of a POST that made no call, or may have made one. If
// evidence or reconciliation has already moved the attempt on, FoldOutcome changes
// nothing.
func FoldOutcome(a Attempt, o Outcome) (Attempt, []Alarm, error) {
	after := a
	switch o.Kind {
	case OutcomeRefused:
		after.State, after.Note, after.PostError = Refused, string(o.Refusal), o.Said
	case OutcomeUnknown:
		after.State, after.MustExist, after.PostError = Unknown, a.MustExist || o.MustExist, o.Said
	default:
		return a, nil, fmt.Errorf("outcome %q is neither refused nor unknown", o.Kind)
	}
	//guard:true test/histories.TestHistories: an outcome that comes too late changes nothing
	if MayMove(a.State, Caller, after.State) || a.State == Unknown {
		return after, nil, nil
	}
	if o.MustExist && (a.State == Absent || a.State == Lost) {
		return a, []Alarm{{
			Kind: AlarmLateEvidence, AttemptID: a.ID,
			Detail: fmt.Sprintf("attempt %s, and Vonage had said that it made the call", a.State),
		}}, nil
	}
	return a, nil, nil
}
