package campaign

import (
	"maps"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// DueGroup is a group of people with the same zones, sorted by the due time of their
// first call.
type DueGroup struct {
	Zones []string
	Due   []DuePeople // in order
}

// DuePeople counts the people whose first call is due at one time.
type DuePeople struct {
	At     time.Time
	People int
	Before time.Time // they are not called from then on; zero: no limit
}

// Course is the estimated course of a campaign's first calls.
type Course struct {
	Groups      []GroupCourse // in the order given
	First, Last time.Time     // over all groups; zero: there is none
	NotCalled   int           // people who will not be called before their own end, the campaign's end, or within a year
}

// GroupCourse is the course of one group.
type GroupCourse struct {
	First, Last time.Time // its first and its last first call; zero: there is none
	NotCalled   int
}

const (
	// longestCourse limits the estimated time, and courseSteps the work for it.
	longestCourse = 366 * 24 * time.Hour
	courseSteps   = 200_000
)

// Foresee estimates the first calls from now on, at a total rate of perSecond. It uses
// the gate's rules: hours, dates, start and end. Groups whose hours are open share the
// rate in proportion to their waiting people. Retries and other campaigns are not
// included.
func (s Settings) Foresee(groups []DueGroup, perSecond float64, now time.Time) Course {
	f := foresight{s: s, rate: perSecond, groups: make([]groupForesight, len(groups))}
	at := now
	if s.Start.After(at) {
		at = s.Start
	}
	for i, g := range groups {
		f.groups[i] = groupForesight{due: slices.Clone(g.Due)}
		f.groups[i].locations, _ = loadZones(g.Zones) // no locations: never open
	}
	f.run(at)
	return f.course()
}

type foresight struct {
	s      Settings
	rate   float64
	groups []groupForesight
}

type groupForesight struct {
	locations   []*time.Location
	due         []DuePeople // not waiting yet
	waiting     float64
	queue       []waitingPeople // the waiting people, in the order of arrival
	late        float64         // people whose time has passed
	open        bool
	until       time.Time // open or closed until then
	first, last time.Time
}

// waitingPeople wait for their first call, until before.
type waitingPeople struct {
	people float64
	before time.Time
}

func (f *foresight) run(at time.Time) {
	limit := at.Add(longestCourse)
	if !f.s.End.IsZero() && f.s.End.Before(limit) {
		limit = f.s.End
	}
	for range courseSteps {
		next, total := limit, 0.0
		for i := range f.groups {
			g := &f.groups[i]
			g.arrive(at)
			if g.waiting == 0 && len(g.due) == 0 {
				continue
			}
			if !g.until.After(at) {
				g.open, g.until = f.s.Hours.span(at, g.locations)
			}
			if g.waiting > 0 && g.open {
				total += g.waiting
			}
			if g.waiting > 0 && g.until.Before(next) {
				next = g.until
			}
			if len(g.due) > 0 && g.due[0].At.Before(next) {
				next = g.due[0].At
			}
			for _, w := range g.queue {
				if !w.before.IsZero() && w.before.Before(next) {
					next = w.before
				}
			}
		}
		if !at.Before(limit) || total == 0 && !next.Before(limit) {
			return
		}
		if total > 0 {
			if all := at.Add(time.Duration(total / f.rate * float64(time.Second))); all.Before(next) {
				next = all
			}
			f.call(at, next, total)
		}
		if !next.After(at) {
			next = at.Add(time.Millisecond)
		}
		at = next
	}
}

// arrive lets people wait once their time has come, and removes those whose time has
// passed.
func (g *groupForesight) arrive(at time.Time) {
	for len(g.due) > 0 && !g.due[0].At.After(at) {
		g.waiting += float64(g.due[0].People)
		g.queue = append(g.queue, waitingPeople{float64(g.due[0].People), g.due[0].Before})
		g.due = g.due[1:]
	}
	g.queue = slices.DeleteFunc(g.queue, func(w waitingPeople) bool {
		//guard:value(false) campaign.TestForesee: nobody is foreseen after their own last moment
		past := !w.before.IsZero() && !w.before.After(at)
		if past {
			g.late += w.people
			g.waiting -= w.people
		}
		return past
	})
	if len(g.queue) == 0 {
		g.waiting = 0 // clears the rest of a rounding
	}
}

// take calls this many of the waiting people, the first first.
func (g *groupForesight) take(people float64) {
	g.waiting -= people
	for len(g.queue) > 0 && people > 0 {
		first := &g.queue[0]
		if first.people > people {
			first.people -= people
			return
		}
		people -= first.people
		g.queue = g.queue[1:]
	}
}

// call takes as many people as the rate allows from those who wait in open groups.
func (f *foresight) call(from, to time.Time, total float64) {
	part := min(1, to.Sub(from).Seconds()*f.rate/total)
	if total*(1-part) < 0.5 {
		part = 1
	}
	for i := range f.groups {
		g := &f.groups[i]
		if g.waiting == 0 || !g.open {
			continue
		}
		if g.first.IsZero() {
			g.first = from
		}
		g.last = to
		g.take(g.waiting * part)
	}
}

func (f *foresight) course() (c Course) {
	for i := range f.groups {
		g := &f.groups[i]
		left := int(g.waiting + g.late + 0.5)
		for _, due := range g.due {
			left += due.People
		}
		c.Groups = append(c.Groups, GroupCourse{First: g.first, Last: g.last, NotCalled: left})
		c.NotCalled += left
		if !g.first.IsZero() && (c.First.IsZero() || g.first.Before(c.First)) {
			c.First = g.first
		}
		if g.last.After(c.Last) {
			c.Last = g.last
		}
	}
	return c
}

// span reports whether a call can begin at a time, and until when at least this stays
// so.
func (h Hours) span(at time.Time, locations []*time.Location) (open bool, until time.Time) {
	if len(locations) == 0 {
		return false, at.Add(longestCourse)
	}
	open = h.openInAll(at, locations)
	if !open || !h.openInAll(at.Add(CallMargin), locations) {
		if open {
			at = at.Add(CallMargin) // the hours close in between
		}
		next, found := h.nextIn(at, locations)
		if !found {
			return false, at.Add(longestCourse)
		}
		return false, next
	}
	left := dayMinutes
	for _, location := range locations {
		left = min(left, h.leftToday(at.In(location)))
	}
	closing := at.Truncate(time.Minute).Add(time.Duration(left) * time.Minute)
	if h.openInAll(closing, locations) {
		return true, closing // midnight, or a change of clocks
	}
	if last := closing.Add(-h.Margin - CallMargin); last.After(at) {
		return true, last
	}
	return true, at.Add(time.Second)
}

// CallPace is how many calls a second the campaign can begin at most, if each takes
// about this long. It follows from the account's rate, the campaign's own, and its
// limit of calls at once.
func (s Settings) CallPace(account float64, each time.Duration) float64 {
	pace := account
	if own := float64(s.Limits.PerSecond); own > 0 {
		pace = min(pace, own)
	}
	for _, up := range []int{s.Limits.AtOnce, s.Limits.Connected} {
		if up > 0 {
			pace = min(pace, float64(up)/each.Seconds())
		}
	}
	return pace
}

// expectedRinging is the estimated ringing time before somebody answers.
const expectedRinging = 15 * time.Second

// ExpectedCall is about how long an answered call takes without the ringing: the
// expected length of the message, not the longest. With an NCCO, an answer URL or a key
// that connects it is a minute.
func (s Settings) ExpectedCall() time.Duration {
	t, err := s.Message.Compile()
	if err != nil || t.script == nil || s.Message.connects() {
		return time.Minute
	}
	return max(t.script.say.length(), time.Second)
}

// ExpectedUp is how long a call is up, ringing included.
func (s Settings) ExpectedUp() time.Duration { return expectedRinging + s.ExpectedCall() }

// OnceCost is the cost of one call to each of a number of people.
type OnceCost struct {
	Usual, Most decimal.Decimal // if each call takes its expected length, and if it takes the longest
	Rates       []string        // per minute, by country
	Unknown     []string        // countries whose rate is not known: the sums leave out their people
}

// CostOnce is the cost of one call to each person, given the people per country and the
// rates per minute.
func (s Settings) CostOnce(people map[string]int, rates map[string]decimal.Decimal) (c OnceCost) {
	minutes := func(d time.Duration) decimal.Decimal {
		return decimal.NewFromInt(int64((d + time.Minute - 1) / time.Minute))
	}
	usual, most := minutes(s.ExpectedCall()), minutes(time.Duration(s.LengthTimer)*time.Second)
	for _, country := range slices.Sorted(maps.Keys(people)) {
		rate, known := rates[country]
		if !known {
			c.Unknown = append(c.Unknown, country)
			continue
		}
		all := decimal.NewFromInt(int64(people[country])).Mul(rate)
		c.Usual, c.Most = c.Usual.Add(all.Mul(usual)), c.Most.Add(all.Mul(most))
		c.Rates = append(c.Rates, country+" "+rate.String())
	}
	return c
}
