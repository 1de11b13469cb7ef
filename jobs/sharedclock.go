package jobs

import "time"

const (
	// clockSpan is how long readings are compared, before those of the next span
	// are compared with them. A reading is believed for twice as long at most:
	// two clocks drift apart by less than a millisecond meanwhile.
	clockSpan = 15 * time.Second
	// clockWhile is how long readings must have been compared for the quickest
	// of them to be quick.
	clockWhile = 10 * time.Second
	// clockSlack is how far a newer reading may contradict the best one before
	// one of the clocks must have been set, and how much longer the question of
	// the quickest in a while may have taken than its answer, or the answer than
	// the question.
	clockSlack = 5 * time.Millisecond
)

// sharedClock maps the database's clock, which the fleet shares, to this
// process's own. A reading is as good as its round trip was quick, so the
// quickest one of the last seconds stands; slower ones only check it. Without
// it the slots of one lease would shift against those of the next by however
// long the two answers took.
type sharedClock struct {
	now, before compared
	last        time.Time
}

// compared is the quickest of the readings of a span.
type compared struct {
	reading
	since time.Time // zero: there are none
}

// reading is one look at the database's clock.
type reading struct {
	local    time.Time     // half way between question and answer
	database time.Time     // what the database's clock showed
	within   time.Duration // local is at most this far off
}

// observe takes in what the database's clock showed at some moment between
// sent and received.
func (c *sharedClock) observe(sent, received, database time.Time) {
	half := received.Sub(sent) / 2
	r := reading{local: sent.Add(half), database: database, within: half}
	c.last = received
	if age := received.Sub(c.now.since); age > clockSpan {
		if c.before = c.now; age > 2*clockSpan {
			c.before = compared{}
		}
		c.now = compared{}
	}
	switch {
	case c.contradicts(r):
		c.now, c.before = compared{r, received}, compared{}
	case c.now.since.IsZero():
		c.now = compared{r, received}
	case r.within <= c.now.within:
		c.now.reading = r
	}
}

// best is the quicker of the two spans' readings.
func (c *sharedClock) best() reading {
	if c.now.since.IsZero() || !c.before.since.IsZero() && c.before.within < c.now.within {
		return c.before.reading
	}
	return c.now.reading
}

// local is the moment of this process's clock at which the database's shows t.
func (c *sharedClock) local(t time.Time) time.Time {
	best := c.best()
	return best.local.Add(t.Sub(best.database))
}

// database is what the database's clock shows at the moment t of this process.
func (c *sharedClock) database(t time.Time) time.Time {
	best := c.best()
	return best.database.Add(t.Sub(best.local))
}

// doubt is how far off that may be: by half of the round trip at most. The
// quickest in a while, if it was slow all the same, has a long way to go, and
// about as long there as back.
func (c *sharedClock) doubt() time.Duration {
	since := c.now.since
	if !c.before.since.IsZero() {
		since = c.before.since
	}
	if c.last.Sub(since) < clockWhile {
		return c.best().within
	}
	return min(c.best().within, clockSlack)
}

func (c *sharedClock) contradicts(r reading) bool {
	best := c.best()
	if best.local.IsZero() {
		return false
	}
	off := c.local(r.database).Sub(r.local).Abs()
	return off > r.within+best.within+clockSlack
}
