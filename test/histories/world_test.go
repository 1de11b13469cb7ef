package histories

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"dialer/campaign"
)

// The times of production: jobs/config.go, jobs/sweeper.go, jobs/settler.go,
// storage/claim.go and storage/settle.go.
const (
	tokenLife    = 30 * time.Second
	settleAfter  = 2 * time.Minute
	scanGap      = time.Minute
	claimMargin  = 90 * time.Second
	lease        = 130 * time.Second
	dialingGrace = 5 * time.Second
	silentGrace  = 2 * time.Minute
	holdMost     = 5 * time.Second
	clientMost   = 10 * time.Second
	retention    = 48 * time.Hour
)

// kind is what a history's provider keeps of its promises.
type kind string

const (
	// fair: it refuses expired tokens, tells no lies, lists every call within
	// settleAfter, and nobody else calls from our numbers. It may still fail,
	// lose answers and webhooks, and be late with them.
	fair kind = "fair"
	// shared: as fair, and somebody else calls the same person from the same
	// number. A call may stay unbound; nobody may be rung twice.
	shared kind = "shared"
	// silent: as fair, and its list is away for longer than it keeps records.
	silent kind = "silent"
	// tardy: its list may be later than settleAfter. Absence may be concluded
	// wrongly, but never in silence.
	tardy kind = "tardy"
	// lying: it may refuse a call and place it. As with tardy.
	lying kind = "lying"
)

// terms is what is drawn for a history before it begins.
type terms struct {
	kind      kind
	people    int     // who share one number, each in a campaign of their own
	deaths    float64 // of a process, at each of its steps
	faults    float64 // of Vonage, at each POST
	lost      float64 // share of the webhooks
	late      float64 // share of the webhooks that come up to an hour late
	commands  bool    // somebody pauses, stops or suppresses
	outage    time.Duration
	corrected bool // prices are corrected a day later
}

// world is one history: our books, Vonage, and everything that happens
// between them, in the order of a clock that nobody waits for. It lives one
// after the other, in the room of the one before.
type world struct {
	source  rand.PCG
	rng     *rand.Rand // of source
	without guard
	terms   terms
	begin   time.Time
	latest  time.Time // by when it must have ended
	now     time.Time
	agenda  agenda
	rest    time.Duration // between two rounds of the loops, longer while nothing happens
	steps   int

	books
	provider

	broken string   // the first promise that was broken, and how
	told   bool     // whether the story is kept
	story  []string // what happened, for a person
}

// The bounds of a history. One that exceeds them does not come to its end, and
// that is a broken promise too.
const (
	stepsMost = 20_000
	longest   = 30 * 24 * time.Hour
)

// newWorld makes room for histories. told: their stories are kept.
func newWorld(told bool) *world {
	w := &world{told: told}
	w.rng = rand.New(&w.source)
	return w
}

var firstDay = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// draw draws a history. The same seed draws the same one, whatever was lived
// before.
func (w *world) draw(seed uint64, without guard) {
	w.source.Seed(seed, 1)
	w.without = without
	w.begin = firstDay.Add(w.upTo(24 * time.Hour))
	w.latest = w.begin.Add(longest)
	w.now, w.rest, w.steps = w.begin, 0, 0
	w.broken, w.story = "", w.story[:0]
	w.agenda.clear()
	w.drawTerms()
	w.drawBooks()
	w.drawProvider()
	if w.terms.commands {
		w.after(w.upTo(2*time.Hour), event{do: (*world).command})
	}
	if w.terms.kind == shared {
		w.after(w.upTo(10*time.Minute), event{do: (*world).strangerCalls})
	}
	w.after(w.upTo(time.Minute), event{do: (*world).round})
}

func (w *world) drawTerms() {
	w.terms = terms{
		kind:   pick(w, kinds),
		people: 1,
		deaths: pick(w, []float64{0, 0.02, 0.1}),
		faults: pick(w, []float64{0.05, 0.25, 0.6}),
		lost:   pick(w, []float64{0, 0.1, 0.5, 1}),
		late:   pick(w, []float64{0, 0.2, 0.6}),
	}
	if k, known := missedBy[w.without]; known {
		w.terms.kind = k
	}
	if w.chance(0.35) {
		w.terms.people = 2
	}
	if w.terms.kind == lying {
		w.terms.faults = 0.6
	}
	w.terms.commands = w.chance(0.2)
	w.terms.corrected = w.chance(0.1)
	if w.terms.kind == silent {
		w.terms.outage = retention + 2*time.Hour
	}
}

// kinds are drawn by how often they stand here.
var kinds = []kind{fair, fair, fair, fair, fair, fair, fair, fair, fair, shared, shared, silent, tardy, tardy, lying, lying}

// run lives the seed's history to its end and returns the promise that it
// broke, or "". What is read last may show that it has not come to its end
// after all.
func (w *world) run(seed uint64, without guard) string {
	w.draw(seed, without)
	for w.broken == "" && !w.over() {
		w.live()
		w.lastPrices()
	}
	if w.broken == "" {
		w.judge()
	}
	return w.broken
}

// live takes what is on the agenda until everybody has ended.
func (w *world) live() {
	for w.broken == "" && !w.over() {
		if w.steps++; w.steps > stepsMost || w.now.After(w.latest) {
			w.breaks("I4", "the history does not come to its end")
			return
		}
		e := w.agenda.next()
		w.until(e.when)
		e.do(w, e)
	}
}

// over is when everybody has ended and nothing is on its way any more.
func (w *world) over() bool {
	return w.steps > 0 && w.agenda.len() == 1 && w.settled() // the loops' next round is always ahead
}

// breaks notes a broken promise by its number in docs/internals/reliability.md.
func (w *world) breaks(invariant, format string, args ...any) {
	if w.broken == "" {
		w.broken = invariant + ": " + fmt.Sprintf(format, args...)
		w.tell("BROKEN %s", w.broken)
	}
}

func (w *world) tell(format string, args ...any) {
	if w.told {
		w.story = append(w.story, fmt.Sprintf("%12s  ", w.now.Sub(w.begin).Round(time.Millisecond))+fmt.Sprintf(format, args...))
	}
}

// tells lives the seed's history and tells it.
func (w *world) tells(seed uint64, without guard) string {
	w.run(seed, without)
	head := fmt.Sprintf("seed %d: %+v, %s, %d POSTs at most, hours %v", seed, w.terms,
		w.settings.Retry, w.settings.Retry.Attempts, w.settings.Hours)
	return head + "\n" + strings.Join(w.story, "\n")
}

func (w *world) after(d time.Duration, e event) {
	e.when = w.now.Add(d)
	w.agenda.add(e)
}

// chance draws as rand.Float64 does, and asks the source itself: it is what a
// history does most.
func (w *world) chance(p float64) bool {
	return p > 0 && float64(w.source.Uint64()<<11>>11)/(1<<53) < p
}

// upTo draws a time, and often a short one.
func (w *world) upTo(most time.Duration) time.Duration {
	if w.source.Uint64()&1 == 0 {
		most /= 16
	}
	return time.Duration(w.rng.Int64N(int64(most) + 1)).Truncate(time.Millisecond)
}

func pick[T any](w *world, list []T) T { return list[w.rng.IntN(len(list))] }

var policies = []campaign.Policy{
	campaign.DefaultPolicy(),
	{Attempts: 1},
	{Attempts: 2, Again: map[campaign.Disposition]time.Duration{campaign.Busy: time.Second, campaign.Machine: time.Minute, campaign.Failed: time.Second}},
	{Attempts: 4, Again: map[campaign.Disposition]time.Duration{
		campaign.Busy: time.Second, campaign.Unanswered: 10 * time.Second, campaign.Timeout: time.Minute,
		campaign.Failed: time.Second, campaign.Rejected: time.Second, campaign.Cancelled: time.Minute,
	}},
}
