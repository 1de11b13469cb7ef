package histories

import (
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// database is the content of Postgres. The rules for attempts and contacts are those of
// package campaign. Rules that only a SQL statement decides are repeated here, each with
// the statement's name.
type database struct {
	settings   campaign.Settings
	contacts   []contact
	suppressed bool
	unmatched  []unmatchedCall
	alarms     []string
}

// contact is a contact with the status of its campaign and its attempts.
type contact struct {
	campaign.Contact
	status   campaign.Status
	attempts []campaign.Attempt
	rows     []row // one for each attempt
}

// row has the columns of the table of attempts that campaign.Attempt does not have.
type row struct {
	leaseUntil time.Time
	superseded bool
	firstScan  time.Time // the first complete scan that did not show it
	gateError  string    // why the gate should have refused, or ""
	looks      int
	lookAt     time.Time
}

// unmatchedCall is a call that belongs to no attempt.
type unmatchedCall struct {
	record    campaign.Evidence
	firstSeen time.Time
}

const (
	theirNumber = "447700900001"
	ourNumber   = "447700900000"
)

var utc = []string{"UTC"}

// mostContacts is how many contacts share the number at most.
const mostContacts = 2

func (h *history) resetDatabase() {
	h.settings = campaign.Settings{Retry: pick(h, policies), Hours: campaign.Daily(0, 24*60)}
	if h.chance(0.35) {
		from := h.rng.IntN(20 * 60)
		h.settings.Hours = campaign.Daily(from, from+60+h.rng.IntN(3*60))
	}
	h.suppressed, h.unmatched, h.alarms = false, h.unmatched[:0], h.alarms[:0]
	h.contacts = slices.Grow(h.contacts[:0], mostContacts)[:h.params.contacts]
	for i := range h.contacts {
		k := &h.contacts[i]
		*k = contact{
			Contact: campaign.Contact{ID: int64(i), CampaignID: int64(i), To: theirNumber, Zones: utc, DueAt: h.begin, State: campaign.Pending},
			status:  campaign.Running, attempts: k.attempts[:0], rows: k.rows[:0],
		}
	}
}

// attemptRef is attempt i of contact p.
type attemptRef struct{ p, i int }

func (h *history) at(at attemptRef) (*contact, *campaign.Attempt, *row) {
	p := &h.contacts[at.p]
	return p, &p.attempts[at.i], &p.rows[at.i]
}

func (d *database) all(yield func(attemptRef, *campaign.Attempt) bool) {
	for p := range d.contacts {
		for i := range d.contacts[p].attempts {
			if !yield(attemptRef{p, i}, &d.contacts[p].attempts[i]) {
				return
			}
		}
	}
}

// idOf makes the attempt's id of its reference, and refOf the reference of the
// id.
func idOf(at attemptRef) uuid.UUID {
	return uuid.UUID{6: 0x70, 8: 0x80, 14: byte(at.p), 15: byte(at.i)}
}

func refOf(id uuid.UUID) attemptRef { return attemptRef{int(id[14]), int(id[15])} }

// claim is storage's statement of that name, for one contact.
func (h *history) claim(p int) (attemptRef, bool) {
	k := &h.contacts[p]
	due := (k.State == campaign.Pending || k.State == campaign.Waiting) && !k.DueAt.After(h.now)
	if !due || k.status != campaign.Running || !h.open(h.now) || !h.open(h.now.Add(claimMargin)) ||
		h.numberBusy(attemptRef{-1, 0}, anyOpen) && !h.without(oneOpenNumber) {
		return attemptRef{}, false
	}
	if h.suppressed {
		h.decide(p)
		return attemptRef{}, false
	}
	at := attemptRef{p, len(k.attempts)}
	k.attempts = append(k.attempts, campaign.Attempt{
		ID: idOf(at), ContactID: k.ID, CampaignID: k.CampaignID, No: at.i + 1,
		To: theirNumber, From: ourNumber, State: campaign.Reserved, CreatedAt: h.now,
	})
	k.rows = append(k.rows, row{leaseUntil: h.now.Add(lease)})
	k.State = campaign.Active
	h.logf("contact %d: attempt %d reserved", p, at.i)
	h.checkNumber()
	return at, true
}

func (h *history) open(at time.Time) bool {
	open, _ := h.settings.Hours.Open(at, utc)
	return open
}

func anyOpen(*campaign.Attempt, *row) bool { return true }

func isSuperseded(a *campaign.Attempt, r *row) bool {
	return a.State == campaign.Accepted && r.superseded
}

func inIndex(_ *campaign.Attempt, r *row) bool { return !r.superseded }

// numberBusy reports whether the number has another open attempt that the filter accepts.
func (h *history) numberBusy(except attemptRef, filter func(*campaign.Attempt, *row) bool) bool {
	for at, a := range h.all {
		if at != except && a.State.Open() && filter(a, &h.contacts[at.p].rows[at.i]) {
			return true
		}
	}
	return false
}

// obstacle is storage's rule: why the contact may not be called now, or "".
func (h *history) obstacle(at attemptRef) campaign.Withdrawal {
	k, _, _ := h.at(at)
	switch {
	case k.status == campaign.Stopped && !h.without(statusInGate):
		return campaign.WithdrawnStopped
	case h.suppressed && !h.without(suppressionInGate):
		return campaign.WithdrawnSuppressed
	case k.status != campaign.Running && !h.without(statusInGate):
		return campaign.WithdrawnPaused
	case h.numberBusy(at, isSuperseded) && !h.without(supersededInGate):
		return campaign.WithdrawnBusy
	case (!h.open(h.now) || !h.open(h.now.Add(tokenLife))) && !h.without(hoursInGate):
		return campaign.WithdrawnHours
	}
	return ""
}

// gate is storage's statement of that name, with the steps after a refusal.
func (h *history) gate(at attemptRef) bool {
	_, a, r := h.at(at)
	if a.State != campaign.Reserved && !h.without(oneWinner) {
		return false
	}
	if why := h.obstacle(at); why != "" {
		if a.State == campaign.Reserved {
			h.withdraw(at, why, campaign.Caller)
		}
		return false
	}
	r.gateError = h.gateError(at)
	a.State, a.DialedAt, a.TokenExpiresAt = campaign.Dialing, h.now, h.now.Add(tokenLife)
	h.logf("contact %d: attempt %d passed the gate", at.p, at.i)
	return true
}

func (h *history) withdraw(at attemptRef, why campaign.Withdrawal, by campaign.Writer) {
	_, a, _ := h.at(at)
	after := *a
	after.State, after.Note = campaign.Void, string(why)
	h.store(at, &after, by)
}

// recordAnswer records the answer to a POST.
func (h *history) recordAnswer(e event) { h.record(e.at, &h.answers[e.n]) }

// record is storage's Record.
func (h *history) record(at attemptRef, o *campaign.Outcome) {
	_, a, _ := h.at(at)
	if o.Kind == campaign.OutcomeRefused && campaign.Remedies[o.Refusal].Pause && (a.State == campaign.Dialing || a.State == campaign.Unknown) {
		h.pause(at.p)
	}
	if o.Kind == campaign.OutcomeCreated {
		h.fold(at, &o.Evidence, campaign.Caller)
		return
	}
	after, alarms, err := campaign.FoldOutcome(*a, *o)
	if err != nil {
		h.fail("I4", "%v", err)
	}
	if h.logged {
		h.logf("contact %d: attempt %d recorded as %s %s", at.p, at.i, o.Kind, o.Refusal)
	}
	h.raise(alarms...)
	h.store(at, &after, campaign.Caller)
}

// fold adds evidence to an attempt and stores it.
func (h *history) fold(at attemptRef, e *campaign.Evidence, by campaign.Writer) {
	if other, known := h.known(e.CallUUID); known && other != at {
		h.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
		return
	}
	_, before, _ := h.at(at)
	after, alarms := campaign.Fold(*before, *e)
	h.raise(alarms...)
	if h.logged && (after.State != before.State || len(after.Statuses) != len(before.Statuses) || before.Bill.Before(after.Bill) && e.Source != campaign.FromList) {
		h.logf("contact %d: attempt %d, %s says %q of %s: %s", at.p, at.i, e.Source, e.Status, e.CallUUID, after.State)
	}
	if after.State != before.State && !campaign.MayMove(before.State, by, after.State) {
		by = campaign.Provider
	}
	if after.CallUUID != before.CallUUID {
		h.unmatched = slices.DeleteFunc(h.unmatched, func(f unmatchedCall) bool { return f.record.CallUUID == after.CallUUID })
	}
	h.checkGrowth(before, &after)
	h.store(at, &after, by)
}

func (h *history) known(uuid string) (attemptRef, bool) {
	for at, a := range h.all {
		if a.CallUUID == uuid {
			return at, true
		}
	}
	return attemptRef{}, false
}

func (h *history) raise(alarms ...campaign.Alarm) {
	for _, a := range alarms {
		if h.logged {
			h.logf("alarm: %s, %s", a.Kind, a.Detail)
		}
		h.alarms = append(h.alarms, a.Kind)
	}
}

// store stores an attempt after a change, and the decision that follows.
func (h *history) store(at attemptRef, after *campaign.Attempt, by campaign.Writer) {
	_, a, r := h.at(at)
	before := a.State
	if same(a, after) {
		return
	}
	h.checkMove(a, by, after.State)
	reopened := !before.Open() && after.State.Open()
	if before != after.State {
		r.looks, r.lookAt, r.firstScan, h.idle = 0, h.now, time.Time{}, 0
	}
	*a = *after
	h.decide(at.p)
	if reopened {
		h.voidReserved(at.p)
		r.superseded = r.superseded || h.numberBusy(at, inIndex)
	}
	h.checkNumber()
}

// same reports whether a change has no effect.
func same(a, b *campaign.Attempt) bool {
	return a.State == b.State && a.Note == b.Note && a.MustExist == b.MustExist && a.CallUUID == b.CallUUID &&
		len(a.Statuses) == len(b.Statuses) && a.AnsweredAt.Equal(b.AnsweredAt) && a.FailedAt.Equal(b.FailedAt) && a.EndedAt.Equal(b.EndedAt) &&
		(a.Bill == b.Bill || !a.Bill.Before(b.Bill) && !b.Bill.Before(a.Bill))
}

// notCommitted reports whether a claim is not committed yet when another
// statement looks for its attempt. Then the gate alone must refuse.
func (h *history) notCommitted() bool { return h.chance(0.3) }

// voidReserved voids the reserved attempts of other contacts: a call to their
// number is open again.
func (h *history) voidReserved(except int) {
	for at, a := range h.all {
		if at.p != except && a.State == campaign.Reserved && !h.notCommitted() {
			h.withdraw(at, campaign.WithdrawnBusy, campaign.Provider)
		}
	}
}

// decide stores the decision about a contact.
func (h *history) decide(p int) {
	k := &h.contacts[p]
	asked := k.Contact
	if h.suppressed {
		asked.Reason = campaign.ReasonSuppressed
	}
	d := campaign.Decide(h.settings, k.status, asked, k.attempts, h.now)
	why, by := d.Withdrawal()
	for _, id := range d.Void {
		a := &k.attempts[refOf(id).i]
		h.checkMove(a, by, campaign.Void)
		a.State, a.Note = campaign.Void, string(why)
	}
	if h.logged && (k.State != d.State || k.Reason != d.Reason) {
		h.logf("contact %d: %s %s, %s", p, d.State, d.Reason, d.Because)
	}
	k.State, k.Reason, k.Attempts = d.State, d.Reason, d.Attempts
	if !d.DueAt.IsZero() {
		k.DueAt = d.DueAt
	}
	h.checkContact(p)
}

// pause is storage's pauseCampaign. A person resumes it later.
func (h *history) pause(p int) {
	k := &h.contacts[p]
	if k.status != campaign.Running {
		return
	}
	k.status = campaign.Paused
	h.logf("contact %d: campaign paused", p)
	for i := range k.attempts {
		if k.attempts[i].State == campaign.Reserved && !h.notCommitted() {
			h.withdraw(attemptRef{p, i}, campaign.WithdrawnPaused, campaign.Operator)
		}
	}
	h.after(time.Minute+h.upTo(20*time.Minute), event{do: (*history).resume, at: attemptRef{p: p}})
}

func (h *history) resume(e event) {
	if k := &h.contacts[e.at.p]; k.status == campaign.Paused {
		k.status = campaign.Running
		h.logf("contact %d: campaign resumed", e.at.p)
	}
}

// stop is storage's Stop.
func (h *history) stop(p int) {
	h.contacts[p].status = campaign.Stopped
	h.logf("contact %d: campaign stopped", p)
	h.decideUnlessClaimed(p)
}

// suppress is storage's Suppress.
func (h *history) suppress() {
	h.suppressed = true
	h.logf("the number is suppressed")
	for p := range h.contacts {
		h.decideUnlessClaimed(p)
	}
}

func (h *history) decideUnlessClaimed(p int) {
	if h.contacts[p].State != campaign.Active || !h.notCommitted() {
		h.decide(p)
	}
}
