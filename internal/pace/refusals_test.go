package pace

import (
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"dialer/campaign"
)

// simulation runs processes that always have work against a provider, one event
// after the other.
type simulation struct {
	fleet
	random             *rand.Rand
	pending            events
	accepted, rejected []time.Time
}

type event struct {
	at time.Time
	do func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (s *simulation) in(d time.Duration, do func()) { heap.Push(&s.pending, event{s.now.Add(d), do}) }

// upTo is a random duration.
func (s *simulation) upTo(d time.Duration) time.Duration {
	return time.Duration(s.random.Int64N(int64(d)))
}

// provider decides about one request.
type provider func(s *simulation) (refused bool)

// randomly refuses a part of the requests.
func randomly(part float64) provider {
	return func(s *simulation) bool { return s.random.Float64() < part }
}

// enforce refuses requests above a rate in any sliding second. Refused ones do
// not count.
func enforce(perSecond float64) provider {
	n, span, _ := slotsAt(1, perSecond)
	return func(s *simulation) bool {
		return n <= len(s.accepted) && s.now.Sub(s.accepted[len(s.accepted)-n]) < span
	}
}

// during is a provider that refuses nothing before and after.
func during(from, to time.Duration, p provider) provider {
	return func(s *simulation) bool {
		since := s.now.Sub(epoch)
		return since >= from && since < to && p(s)
	}
}

// simulate runs the processes for span. Vonage takes answer to accept a
// request, and refuses in 40 ms.
func simulate(seed uint64, perSecond float64, processes int, span, answers time.Duration, p provider) *simulation {
	s := &simulation{fleet: *newFleet(perSecond), random: rand.New(rand.NewPCG(seed, 0))}
	for range processes {
		s.in(s.upTo(scarceGap), func() { s.process(new(question), answers, p) })
	}
	for s.pending[0].at.Sub(epoch) < span {
		e := heap.Pop(&s.pending).(event)
		s.now = e.at
		e.do()
	}
	return s
}

// process is one exchange of a process, and plans its next one. It reports the content of
// q.
func (s *simulation) process(q *question, answers time.Duration, p provider) {
	q.budget, q.perSecond, q.wanted[Last] = campaign.CallsBudget, s.perSecond, 100
	leased := s.state.lease(s.now, *q)
	*q = question{}
	for _, l := range leased {
		written := latest(s.now, l.at).Add(s.upTo(2 * time.Millisecond))
		s.in(written.Add(20*time.Millisecond).Sub(s.now), func() { // it arrives
			refused, back := p(s), answers-20*time.Millisecond
			if refused {
				back = 20 * time.Millisecond
				s.rejected = append(s.rejected, s.now)
			} else {
				s.accepted = append(s.accepted, s.now)
			}
			s.in(min(back, answerWait), func() { q.reports = append(q.reports, report{slot: l, arrived: written, sent: written}) })
			s.in(back, func() {
				q.reports = append(q.reports, report{sent: written, answered: s.now, refused: refused})
			})
		})
	}
	s.in(scarceGap+s.upTo(jitter), func() { s.process(q, answers, p) })
}

// acceptedIn is the part of the rate that was accepted in a time.
func (s *simulation) acceptedIn(from, to time.Duration, perSecond float64) float64 {
	n := 0
	for _, at := range s.accepted {
		if since := at.Sub(epoch); since >= from && since < to {
			n++
		}
	}
	return float64(n) / (perSecond * (to - from).Seconds())
}

// bars are the results that the rule must reach against each kind of provider.
var bars = []struct {
	perSecond                  float64
	random, enforced, rejected float64
	back                       time.Duration
}{
	{3, 0.8, 0.8, 0.15, 15 * time.Second},
	{30, 0.8, 0.85, 0.05, 10 * time.Second},
}

const seeds = 8

// average is the average result of run for several seeds, with one and four processes.
func average(run func(seed uint64, processes int) float64) float64 {
	sum := 0.0
	for seed := range uint64(seeds) {
		sum += run(seed, 1) + run(seed, 4)
	}
	return sum / (2 * seeds)
}

const simulated = 2 * time.Minute

func TestWholeRateWithoutRefusals(t *testing.T) {
	t.Parallel()
	for _, bar := range bars {
		share := average(func(seed uint64, processes int) float64 {
			s := simulate(seed, bar.perSecond, processes, simulated, 40*time.Millisecond, randomly(0))
			return s.acceptedIn(3*time.Second, simulated, bar.perSecond)
		})
		if share < 0.99 {
			t.Errorf("%v a second: %.3f of the rate was used", bar.perSecond, share)
		}
	}
}

func TestRandomRefusals(t *testing.T) {
	t.Parallel()
	for _, bar := range bars {
		share := average(func(seed uint64, processes int) float64 {
			s := simulate(seed, bar.perSecond, processes, simulated, 40*time.Millisecond, randomly(0.05))
			return s.acceptedIn(0, simulated, bar.perSecond)
		})
		t.Logf("%v a second: %.3f of the rate was accepted", bar.perSecond, share)
		if share < bar.random {
			t.Errorf("%v a second: %.3f of the rate was accepted while 5 %% are refused at random, want %v", bar.perSecond, share, bar.random)
		}
	}
}

// A provider enforces half of what is configured, from the first request on.
func TestEnforcedHalf(t *testing.T) {
	t.Parallel()
	for _, bar := range bars {
		half, rejected := bar.perSecond/2, 0.0
		share := average(func(seed uint64, processes int) float64 {
			s := simulate(seed, bar.perSecond, processes, simulated, 40*time.Millisecond, enforce(half))
			rejected += float64(len(s.rejected)) / float64(len(s.rejected)+len(s.accepted)) / (2 * seeds)
			return s.acceptedIn(0, simulated, half)
		})
		t.Logf("%v a second: %.3f of the half was used, %.3f were refused", bar.perSecond, share, rejected)
		if share < bar.enforced || rejected > bar.rejected {
			t.Errorf("%v a second: %.3f of the half was used and %.3f were refused, want %v and %v", bar.perSecond, share, rejected, bar.enforced, bar.rejected)
		}
	}
}

// It takes Vonage half a second to accept a call, and no time to refuse one.
func TestEnforcedHalfWithSlowAnswers(t *testing.T) {
	t.Parallel()
	share := average(func(seed uint64, processes int) float64 {
		s := simulate(seed, 30, processes, simulated, 500*time.Millisecond, enforce(15))
		return s.acceptedIn(0, simulated, 15)
	})
	if share < 0.75 {
		t.Errorf("%.3f of the half was used, want 0.75", share)
	}
}

func TestFullRateAfterRefusals(t *testing.T) {
	t.Parallel()
	for _, bar := range bars {
		for _, p := range []provider{enforce(bar.perSecond / 2), randomly(0.5), randomly(1)} {
			share := average(func(seed uint64, processes int) float64 {
				const refuses = 30 * time.Second
				back := refuses + bar.back
				s := simulate(seed, bar.perSecond, processes, back+10*time.Second, 40*time.Millisecond, during(10*time.Second, refuses, p))
				return s.acceptedIn(back, back+10*time.Second, bar.perSecond)
			})
			if share < 0.98 {
				t.Errorf("%v a second: %.3f of the rate was used from %v after the last refusal on", bar.perSecond, share, bar.back)
			}
		}
	}
}

// Two refusals among eight answers change nothing, however often; three do.
func TestThreeRefusalsOfEight(t *testing.T) {
	t.Parallel()
	for refusals, want := range map[int]bool{1: false, 2: false, 3: true} {
		s := state{ReducedTo: 1}
		now := epoch
		for i := range 80 {
			now = now.Add(100 * time.Millisecond)
			s.count(now, 10, []report{{sent: now, answered: now, refused: i%8 < refusals}})
		}
		if reduced := s.share(now) < 1; reduced != want {
			t.Errorf("%d of 8 answers are 429: reduced is %t, want %t", refusals, reduced, want)
		}
	}
}

// Refusals of requests that were on their way when the rate was reduced do not
// reduce it again.
func TestRefusalsOfEarlierRequests(t *testing.T) {
	t.Parallel()
	s := state{ReducedTo: 1}
	refuse := func(n int, sent, received time.Time) {
		for range n {
			s.count(received, 30, []report{{sent: sent, answered: received, refused: true}})
		}
	}
	now := epoch.Add(time.Minute)
	refuse(3, now.Add(-time.Second), now)
	reducedAt := s.ReducedAt
	refuse(10, now.Add(-500*time.Millisecond), now.Add(500*time.Millisecond))
	if !reducedAt.Equal(now) || !s.ReducedAt.Equal(reducedAt) {
		t.Errorf("reduced at %v and again at %v by refusals of earlier requests", reducedAt.Sub(now), s.ReducedAt.Sub(now))
	}
	refuse(3, now.Add(time.Second), now.Add(2*time.Second))
	if s.ReducedAt.Equal(reducedAt) {
		t.Error("refusals of later requests did not reduce the rate again")
	}
}

func TestAnswersAreForgotten(t *testing.T) {
	t.Parallel()
	s := state{ReducedTo: 1}
	now := epoch
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		s.count(now, 1000, []report{{sent: now, answered: now, refused: i%10 == 0}})
	}
	if len(s.AcceptedAt) > maxAnswers || len(s.RefusedAt) > tooMany {
		t.Errorf("%d accepted and %d refused answers are kept", len(s.AcceptedAt), len(s.RefusedAt))
	}
}
