package jobs

import (
	"math"
	"time"

	"dialer/campaign"
)

// lateness is what the time from a request to its answer tells: how late it may
// have arrived. The quickest of the last minute or two is the way there and
// back when nothing is in it.
type lateness struct {
	now, before spell
	since       time.Time // the beginning of now
	debt        time.Duration
}

// spell is what was seen in one minute.
type spell struct {
	least, sum time.Duration
	n          int
}

const (
	spellLength = time.Minute
	// debtMost is how much more lateness than on average may be counted, as when
	// a machine has no time for a while. A request that arrives later than that
	// may be one too many for Vonage.
	debtMost = 100 * campaign.WayMost
)

var noSpell = spell{least: math.MaxInt64}

func (s spell) with(took time.Duration) spell {
	return spell{least: min(s.least, took), sum: s.sum + took, n: s.n + 1}
}

func (l *lateness) observe(now time.Time, took time.Duration) {
	if age := now.Sub(l.since); age > spellLength {
		if l.before = noSpell; age < 2*spellLength {
			l.before = l.now
		}
		l.now, l.since = noSpell, now
	}
	l.now = l.now.with(took)
}

// late is how long after it was written a request arrived at the latest,
// beyond the shortest way. All that its answer was late by is counted, but on
// average no more than the way may cost: a provider whose answers always take
// long and never the same is no reason to call more slowly.
func (l *lateness) late(u *use, now time.Time) time.Duration {
	l.debt = max(0, l.debt-campaign.WayMost)
	answered := u.answered
	if answered.IsZero() {
		answered = now
	}
	late := min(l.excess(answered.Sub(u.written)), campaign.UnheardMost, debtMost-l.debt)
	l.debt += late
	return late
}

// excess is how much longer than the shortest possible an answer took at most.
// The next one may be quicker than any that was seen: of n, the quickest is
// about one n-th of the usual unevenness above that. Of few, or of few that
// differ, nothing can be said.
func (l *lateness) excess(took time.Duration) time.Duration {
	n := time.Duration(l.now.n + l.before.n)
	if n == 0 {
		return campaign.WayMost
	}
	least := min(l.now.least, l.before.least)
	usual := (l.now.sum+l.before.sum)/n - least
	excess := max(0, took-least) + 6*usual/n
	if n < few || n < fewUneven && usual > campaign.WayMost/fewUneven {
		return max(excess, campaign.WayMost)
	}
	return excess
}

// Of so many answers, and of so many that differ, the quickest may be far from
// the shortest way.
const (
	few       = 4
	fewUneven = 16
)
