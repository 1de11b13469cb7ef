package histories

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"dialer/campaign"
)

// times are those of production.
var times = campaign.DefaultTimes

// The durations of production: campaign/times.go, jobs/config.go, jobs/sweeper.go
// and storage/claim.go.
const (
	tokenLife     = campaign.DefaultTokenLife
	settleAfter   = campaign.DefaultSettleAfter
	claimMargin   = 90 * time.Second
	lease         = 130 * time.Second
	dialingGrace  = campaign.DialingGrace
	silentGrace   = 2 * time.Minute
	mostHold      = 5 * time.Second
	clientTimeout = 10 * time.Second
	retention     = campaign.DefaultRecordsKept
)

// kind is how a history's provider behaves.
type kind string

const (
	// reliable: it refuses expired tokens, tells the truth, lists every call
	// within settleAfter, and nobody else calls from our numbers. It may still
	// fail, lose answers and webhooks, and be late with them.
	reliable kind = "reliable"
	// shared: as reliable, but somebody else calls the same contact from the same
	// number. A call may stay unmatched; no contact may be called twice.
	shared kind = "shared"
	// listDown: as reliable, but its list is down for longer than it keeps
	// records.
	listDown kind = "listDown"
	// listLate: its list may be later than settleAfter. Absence may be concluded
	// wrongly, but never without an alarm.
	listLate kind = "listLate"
	// lying: it may refuse a call and make it. Otherwise as listLate.
	lying kind = "lying"
)

// params are drawn before a history begins.
type params struct {
	kind      kind
	contacts  int     // that share one number, each in a campaign of its own
	deaths    float64 // of a process, at each of its steps
	faults    float64 // of Vonage, at each POST
	lost      float64 // share of the webhooks
	late      float64 // share of the webhooks that arrive up to an hour late
	commands  bool    // a person pauses, stops or suppresses
	outage    time.Duration
	corrected bool // prices are corrected within a day
}

// history is one simulation: our database, Vonage, and everything between them,
// in the order of a simulated clock. A history value runs one history after the
// other and reuses its memory.
type history struct {
	source rand.PCG
	rng    *rand.Rand // of source
	absent guard      // that this history runs without
	params params
	begin  time.Time
	latest time.Time // when it must have ended
	now    time.Time
	queue  eventQueue
	idle   time.Duration // between two rounds of the loops; longer while nothing happens
	steps  int

	database
	provider

	broken string   // the first broken promise
	logged bool     // whether log is kept
	log    []string // what happened
}

// The bounds of a history. A history that exceeds them does not end, which is a broken
// promise too.
const (
	mostSteps      = 20_000
	longestHistory = 30 * 24 * time.Hour
)

func newHistory(logged bool) *history {
	h := &history{logged: logged}
	h.rng = rand.New(&h.source)
	return h
}

var firstDay = time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)

// reset draws a history. The same seed draws the same one, whatever ran before.
func (h *history) reset(seed uint64, absent guard) {
	h.source.Seed(seed, 1)
	h.absent = absent
	h.begin = firstDay.Add(h.upTo(24 * time.Hour))
	h.latest = h.begin.Add(longestHistory)
	h.now, h.idle, h.steps = h.begin, 0, 0
	h.broken, h.log = "", h.log[:0]
	h.queue.clear()
	h.drawParams()
	h.resetDatabase()
	h.resetProvider()
	if h.params.commands {
		h.after(h.upTo(2*time.Hour), event{do: (*history).command})
	}
	if h.params.kind == shared {
		h.after(h.upTo(10*time.Minute), event{do: (*history).otherCall})
	}
	h.after(h.upTo(time.Minute), event{do: (*history).round})
}

func (h *history) drawParams() {
	h.params = params{
		kind:     pick(h, kinds),
		contacts: 1,
		deaths:   pick(h, []float64{0, 0.02, 0.1}),
		faults:   pick(h, []float64{0.05, 0.25, 0.6}),
		lost:     pick(h, []float64{0, 0.1, 0.5, 1}),
		late:     pick(h, []float64{0, 0.2, 0.6}),
	}
	if k, known := kindFor[h.absent]; known {
		h.params.kind = k
	}
	if h.chance(0.35) {
		h.params.contacts = 2
	}
	if h.params.kind == lying {
		h.params.faults = 0.6
	}
	h.params.commands = h.chance(0.2)
	h.params.corrected = h.chance(0.1)
	if h.params.kind == listDown {
		h.params.outage = retention + 2*time.Hour
	}
}

// kinds are drawn as often as they are listed.
var kinds = []kind{
	reliable, reliable, reliable, reliable, reliable, reliable, reliable, reliable, reliable,
	shared, shared, listDown, listLate, listLate, lying, lying,
}

// run runs the seed's history to its end and returns the promise that it broke,
// or "". The last reading may show that the history is not over.
func (h *history) run(seed uint64, absent guard) string {
	h.reset(seed, absent)
	for h.broken == "" && !h.over() {
		h.runEvents()
		h.readRest()
	}
	if h.broken == "" {
		h.checkEnd()
	}
	return h.broken
}

// runEvents takes events from the queue until every contact has ended.
func (h *history) runEvents() {
	for h.broken == "" && !h.over() {
		if h.steps++; h.steps > mostSteps || h.now.After(h.latest) {
			h.fail("I4", "the history does not end")
			return
		}
		e := h.queue.next()
		h.until(e.when)
		e.do(h, e)
	}
}

// over reports whether every contact has ended and the only event left is the loops' next
// round.
func (h *history) over() bool {
	return h.steps > 0 && h.queue.len() == 1 && h.allDone()
}

// fail notes a broken promise by its number in docs/internals/reliability.md.
func (h *history) fail(invariant, format string, args ...any) {
	if h.broken == "" {
		h.broken = invariant + ": " + fmt.Sprintf(format, args...)
		h.logf("BROKEN %s", h.broken)
	}
}

func (h *history) logf(format string, args ...any) {
	if h.logged {
		h.log = append(h.log, fmt.Sprintf("%12s  ", h.now.Sub(h.begin).Round(time.Millisecond))+fmt.Sprintf(format, args...))
	}
}

// transcript runs the seed's history and returns its log.
func (h *history) transcript(seed uint64, absent guard) string {
	h.run(seed, absent)
	head := fmt.Sprintf("seed %d: %+v, %s, %d POSTs at most, hours %v", seed, h.params,
		h.settings.Retry, h.settings.Retry.Attempts, h.settings.Hours)
	return head + "\n" + strings.Join(h.log, "\n")
}

func (h *history) after(d time.Duration, e event) {
	e.when = h.now.Add(d)
	h.queue.add(e)
}

// chance draws like rand.Float64, but directly from the source, because histories call it
// most.
func (h *history) chance(p float64) bool {
	return p > 0 && float64(h.source.Uint64()<<11>>11)/(1<<53) < p
}

// upTo draws a duration, often a short one.
func (h *history) upTo(most time.Duration) time.Duration {
	if h.source.Uint64()&1 == 0 {
		most /= 16
	}
	return time.Duration(h.rng.Int64N(int64(most) + 1)).Truncate(time.Millisecond)
}

func pick[T any](h *history, list []T) T { return list[h.rng.IntN(len(list))] }

var policies = []campaign.Policy{
	campaign.DefaultPolicy(),
	{Attempts: 1},
	{Attempts: 2, Again: map[campaign.Disposition]time.Duration{campaign.Busy: time.Second, campaign.Machine: time.Minute, campaign.Failed: time.Second}},
	{Attempts: 4, Again: map[campaign.Disposition]time.Duration{
		campaign.Busy: time.Second, campaign.Unanswered: 10 * time.Second, campaign.Timeout: time.Minute,
		campaign.Failed: time.Second, campaign.Rejected: time.Second, campaign.Cancelled: time.Minute,
	}},
}
