package pace

import (
	"slices"
	"time"
)

const (
	// tooMany refusals among the last judged answers reduce the rate.
	tooMany, judged = 3, 8
	// margin is the part of the accepted rate that is used then. The full accepted rate
	// would be refused now and then.
	margin = 0.97
	// leastShare is the lowest part of the rate that refusals lead to.
	leastShare = 1.0 / 8
	// rise is how long the rate takes to come back from its reduced value.
	rise = 1500 * time.Millisecond
	// maxAnswers limits the size of the row.
	maxAnswers = 256
)

// tempo is how long answers are counted, and how long a reduced rate lasts. Below 10 a
// second both are longer, because there are fewer answers and each reduction costs three
// refusals.
func tempo(perSecond float64) (window, hold time.Duration) {
	if perSecond < 10 {
		return 4 * time.Second, 12500 * time.Millisecond
	}
	return 2 * time.Second, 8 * time.Second
}

// share is the part of the rate that is in force.
func (s *state) share(now time.Time) float64 {
	risen := now.Sub(s.ReducedUntil).Seconds() / rise.Seconds()
	if risen >= 1 {
		return 1
	}
	return s.ReducedTo + (1-s.ReducedTo)*max(0, risen)
}

// count takes in the answers. A single 429 changes nothing. Three 429s among the last
// eight answers to requests sent since the last reduction set the rate to the rate that
// Vonage accepted lately. The rule was measured by simulation: see TestRandomRefusals and
// TestEnforcedHalf.
func (s *state) count(now time.Time, perSecond float64, reports []report) {
	for _, r := range reports {
		switch at := r.answered.Truncate(time.Microsecond); {
		case at.IsZero():
		case !r.refused:
			s.AcceptedAt = append(s.AcceptedAt, at)
		case r.sent.After(s.ReducedAt):
			s.RefusedAt = append(s.RefusedAt, at)
		}
	}
	window, hold := tempo(perSecond)
	s.AcceptedAt, s.RefusedAt = newest(s.AcceptedAt, maxAnswers), newest(s.RefusedAt, tooMany)
	recent := since(s.AcceptedAt, now.Add(-window))
	s.AcceptedAt = newest(s.AcceptedAt, max(len(recent), judged))
	//guard:false internal/pace.TestThreeRefusalsOfEight: a single 429 changes nothing
	if len(s.RefusedAt) < tooMany || len(since(s.AcceptedAt, s.RefusedAt[0])) > judged-tooMany {
		return
	}
	from := s.RefusedAt[0]
	if len(recent) > 0 && recent[0].Before(from) {
		from = recent[0]
	}
	accepted := float64(len(recent)) / max(time.Second, now.Sub(from)).Seconds()
	s.ReducedTo = max(leastShare, min(s.share(now), margin*accepted/perSecond))
	s.ReducedAt, s.ReducedUntil, s.RefusedAt = now, now.Add(hold), s.RefusedAt[:0]
}

// newest sorts the times and keeps the last n.
func newest(times []time.Time, n int) []time.Time {
	slices.SortFunc(times, time.Time.Compare)
	return times[max(0, len(times)-n):]
}

// since is the part of sorted times after t.
func since(times []time.Time, t time.Time) []time.Time {
	i := len(times)
	for i > 0 && times[i-1].After(t) {
		i--
	}
	return times[i:]
}
