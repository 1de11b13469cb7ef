package histories

import (
	"slices"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// books are what Postgres holds. What an attempt or a contact becomes is asked
// of package campaign; what only a statement of SQL decides is restated here,
// each rule with the statement's name.
type books struct {
	settings   campaign.Settings
	people     []person
	suppressed bool
	foreign    []foreignCall
	alarms     []string
	pairs      []campaign.Pairing // of the last match, kept for their room
}

// person is a contact, the status of its campaign, and its attempts.
type person struct {
	campaign.Contact
	status   campaign.Status
	attempts []campaign.Attempt
	rows     []row // beside the attempts
}

// row is what the attempts table keeps and campaign.Attempt does not.
type row struct {
	leaseUntil time.Time
	superseded bool
	scans      int // absent_scans
	lastScan   time.Time
	wrongly    string // a reason for which the gate should not have been passed
	looks      int
	lookAt     time.Time
}

// foreignCall is a call that no attempt explains.
type foreignCall struct {
	uuid             string
	start, firstSeen time.Time
}

const (
	theirNumber = "447700900001"
	ourNumber   = "447700900000"
)

var utc = []string{"UTC"}

// peopleMost is how many people share the number in a history.
const peopleMost = 2

func (w *world) drawBooks() {
	w.settings = campaign.Settings{Retry: pick(w, policies), Hours: campaign.Hours{To: 24 * 60}}
	if w.chance(0.35) {
		from := w.rng.IntN(20 * 60)
		w.settings.Hours = campaign.Hours{From: from, To: from + 60 + w.rng.IntN(3*60)}
	}
	w.suppressed, w.foreign, w.alarms = false, w.foreign[:0], w.alarms[:0]
	w.people = slices.Grow(w.people[:0], peopleMost)[:w.terms.people]
	for i := range w.people {
		k := &w.people[i]
		*k = person{
			Contact: campaign.Contact{ID: int64(i), CampaignID: int64(i), To: theirNumber, Zones: utc, DueAt: w.begin, State: campaign.Pending},
			status:  campaign.Running, attempts: k.attempts[:0], rows: k.rows[:0],
		}
	}
}

// place is where an attempt stands: attempt i of person p.
type place struct{ p, i int }

func (w *world) at(at place) (*person, *campaign.Attempt, *row) {
	p := &w.people[at.p]
	return p, &p.attempts[at.i], &p.rows[at.i]
}

func (b *books) all(yield func(place, *campaign.Attempt) bool) {
	for p := range b.people {
		for i := range b.people[p].attempts {
			if !yield(place{p, i}, &b.people[p].attempts[i]) {
				return
			}
		}
	}
}

// idOf makes an attempt's id of its place, and placeOf the place of the id.
func idOf(at place) uuid.UUID { return uuid.UUID{6: 0x70, 8: 0x80, 14: byte(at.p), 15: byte(at.i)} }

func placeOf(id uuid.UUID) place { return place{int(id[14]), int(id[15])} }

// claim is storage's statement of that name, for one person.
func (w *world) claim(p int) (place, bool) {
	k := &w.people[p]
	due := (k.State == campaign.Pending || k.State == campaign.Waiting) && !k.DueAt.After(w.now)
	if !due || k.status != campaign.Running || !w.open(w.now) || !w.open(w.now.Add(claimMargin)) ||
		w.numberBusy(place{-1, 0}, anyOpen) && !w.lacks(oneOpenNumber) {
		return place{}, false
	}
	if w.suppressed {
		w.decide(p)
		return place{}, false
	}
	at := place{p, len(k.attempts)}
	k.attempts = append(k.attempts, campaign.Attempt{
		ID: idOf(at), ContactID: k.ID, CampaignID: k.CampaignID, No: at.i + 1,
		To: theirNumber, From: ourNumber, State: campaign.Reserved, CreatedAt: w.now,
	})
	k.rows = append(k.rows, row{leaseUntil: w.now.Add(lease)})
	k.State = campaign.Active
	w.tell("person %d: attempt %d reserved", p, at.i)
	w.checkNumber()
	return at, true
}

func (w *world) open(at time.Time) bool {
	open, _ := w.settings.Hours.Open(at, utc)
	return open
}

func anyOpen(*campaign.Attempt, *row) bool { return true }

func isSuperseded(a *campaign.Attempt, r *row) bool {
	return a.State == campaign.Accepted && r.superseded
}

func inTheIndex(_ *campaign.Attempt, r *row) bool { return !r.superseded }

// numberBusy reports whether another attempt at the number, of the sort asked
// for, is open.
func (w *world) numberBusy(except place, sort func(*campaign.Attempt, *row) bool) bool {
	for at, a := range w.all {
		if at != except && a.State.Open() && sort(a, &w.people[at.p].rows[at.i]) {
			return true
		}
	}
	return false
}

// against is storage's callable, turned round: what stands against a call now.
func (w *world) against(at place) campaign.Withdrawal {
	k, _, _ := w.at(at)
	switch {
	case k.status == campaign.Stopped && !w.lacks(statusInGate):
		return campaign.WithdrawnStopped
	case w.suppressed && !w.lacks(suppressionInGate):
		return campaign.WithdrawnSuppressed
	case k.status != campaign.Running && !w.lacks(statusInGate):
		return campaign.WithdrawnPaused
	case w.numberBusy(at, isSuperseded) && !w.lacks(overtakenInGate):
		return campaign.WithdrawnBusy
	case (!w.open(w.now) || !w.open(w.now.Add(tokenLife))) && !w.lacks(hoursInGate):
		return campaign.WithdrawnHours
	}
	return ""
}

// gate is storage's statement of that name, and turnAway.
func (w *world) gate(at place) bool {
	_, a, r := w.at(at)
	if a.State != campaign.Reserved && !w.lacks(oneWinner) {
		return false
	}
	if why := w.against(at); why != "" {
		if a.State == campaign.Reserved {
			w.withdraw(at, why, campaign.Caller)
		}
		return false
	}
	r.wrongly = w.wrong(at)
	a.State, a.DialedAt, a.TokenExpiresAt = campaign.Dialing, w.now, w.now.Add(tokenLife)
	w.tell("person %d: attempt %d passed the gate", at.p, at.i)
	return true
}

func (w *world) withdraw(at place, why campaign.Withdrawal, by campaign.Writer) {
	_, a, _ := w.at(at)
	after := *a
	after.State, after.Note = campaign.Void, string(why)
	w.amend(at, &after, by)
}

// recordSaid records what came back to a POST.
func (w *world) recordSaid(e event) { w.record(e.at, &w.said[e.n]) }

// record is storage's Record.
func (w *world) record(at place, o *campaign.Outcome) {
	_, a, _ := w.at(at)
	if o.Kind == campaign.OutcomeRefused && campaign.Remedies[o.Refusal].Pause && (a.State == campaign.Dialing || a.State == campaign.Unknown) {
		w.pause(at.p)
	}
	if o.Kind == campaign.OutcomeCreated {
		w.fold(at, &o.Evidence, campaign.Caller)
		return
	}
	after, alarms, err := campaign.Conclude(*a, *o)
	if err != nil {
		w.breaks("I4", "%v", err)
	}
	if w.told {
		w.tell("person %d: attempt %d recorded as %s %s", at.p, at.i, o.Kind, o.Refusal)
	}
	w.raise(alarms...)
	w.amend(at, &after, campaign.Caller)
}

// fold is storage's foldInto.
func (w *world) fold(at place, e *campaign.Evidence, by campaign.Writer) {
	if other, known := w.known(e.CallUUID); known && other != at {
		w.raise(campaign.Alarm{Kind: campaign.AlarmAmbiguousMatch})
		return
	}
	_, before, _ := w.at(at)
	after, alarms := campaign.Fold(*before, *e)
	w.raise(alarms...)
	if w.told && (after.State != before.State || len(after.Statuses) != len(before.Statuses) || before.Bill.Before(after.Bill) && e.Source != campaign.FromList) {
		w.tell("person %d: attempt %d, %s says %q of %s: %s", at.p, at.i, e.Source, e.Status, e.CallUUID, after.State)
	}
	if after.State != before.State && !campaign.MayMove(before.State, by, after.State) {
		by = campaign.Provider
	}
	if after.CallUUID != before.CallUUID {
		w.foreign = slices.DeleteFunc(w.foreign, func(f foreignCall) bool { return f.uuid == after.CallUUID })
	}
	w.checkGrowth(before, &after)
	w.amend(at, &after, by)
}

func (w *world) known(uuid string) (place, bool) {
	for at, a := range w.all {
		if a.CallUUID == uuid {
			return at, true
		}
	}
	return place{}, false
}

func (w *world) raise(alarms ...campaign.Alarm) {
	for _, a := range alarms {
		if w.told {
			w.tell("alarm: %s, %s", a.Kind, a.Detail)
		}
		w.alarms = append(w.alarms, a.Kind)
	}
}

// amend is storage's: it stores the attempt as it is after a change, and the
// decision that follows. What is voided is voided first.
func (w *world) amend(at place, after *campaign.Attempt, by campaign.Writer) {
	_, a, r := w.at(at)
	before := a.State
	if same(a, after) {
		return
	}
	w.checkMove(a, by, after.State)
	reopened := !before.Open() && after.State.Open()
	if before != after.State {
		r.looks, r.lookAt, w.rest = 0, w.now, 0
	}
	*a = *after
	w.decide(at.p)
	if reopened {
		w.yield(at.p)
		r.superseded = r.superseded || w.numberBusy(at, inTheIndex)
	}
	w.checkNumber()
}

// same is storage's sameAttempt, as far as it matters here.
func same(a, b *campaign.Attempt) bool {
	return a.State == b.State && a.Note == b.Note && a.MustExist == b.MustExist && a.CallUUID == b.CallUUID &&
		len(a.Statuses) == len(b.Statuses) && a.AnsweredAt.Equal(b.AnsweredAt) && a.FailedAt.Equal(b.FailedAt) && a.EndedAt.Equal(b.EndedAt) &&
		(a.Bill == b.Bill || !a.Bill.Before(b.Bill) && !b.Bill.Before(a.Bill))
}

// unseen reports whether what a claim reserves is not committed yet when
// somebody looks for it. The gate alone must do then.
func (w *world) unseen() bool { return w.chance(0.3) }

// yield is storage's: what others have reserved gives way to a call that is
// open again.
func (w *world) yield(except int) {
	for at, a := range w.all {
		if at.p != except && a.State == campaign.Reserved && !w.unseen() {
			w.withdraw(at, campaign.WithdrawnBusy, campaign.Provider)
		}
	}
}

// decide is the dossier's.
func (w *world) decide(p int) {
	k := &w.people[p]
	asked := k.Contact
	if w.suppressed {
		asked.Reason = campaign.ReasonSuppressed
	}
	d := campaign.Decide(w.settings, k.status, asked, k.attempts, w.now)
	why, by := d.Withdrawal()
	for _, id := range d.Void {
		a := &k.attempts[placeOf(id).i]
		w.checkMove(a, by, campaign.Void)
		a.State, a.Note = campaign.Void, string(why)
	}
	if w.told && (k.State != d.State || k.Reason != d.Reason) {
		w.tell("person %d: %s %s, %s", p, d.State, d.Reason, d.Because)
	}
	k.State, k.Reason, k.Attempts = d.State, d.Reason, d.Attempts
	if !d.DueAt.IsZero() {
		k.DueAt = d.DueAt
	}
	w.checkContact(p)
}

// pause is storage's pauseCampaign. Somebody resumes it later.
func (w *world) pause(p int) {
	k := &w.people[p]
	if k.status != campaign.Running {
		return
	}
	k.status = campaign.Paused
	w.tell("person %d: campaign paused", p)
	for i := range k.attempts {
		if k.attempts[i].State == campaign.Reserved && !w.unseen() {
			w.withdraw(place{p, i}, campaign.WithdrawnPaused, campaign.Operator)
		}
	}
	w.after(time.Minute+w.upTo(20*time.Minute), event{do: (*world).resume, at: place{p: p}})
}

func (w *world) resume(e event) {
	if k := &w.people[e.at.p]; k.status == campaign.Paused {
		k.status = campaign.Running
		w.tell("person %d: campaign resumed", e.at.p)
	}
}

// stop is storage's Stop.
func (w *world) stop(p int) {
	w.people[p].status = campaign.Stopped
	w.tell("person %d: campaign stopped", p)
	w.decideUnlessClaimed(p)
}

// suppress is storage's Suppress.
func (w *world) suppress() {
	w.suppressed = true
	w.tell("the number is suppressed")
	for p := range w.people {
		w.decideUnlessClaimed(p)
	}
}

func (w *world) decideUnlessClaimed(p int) {
	if w.people[p].State != campaign.Active || !w.unseen() {
		w.decide(p)
	}
}
