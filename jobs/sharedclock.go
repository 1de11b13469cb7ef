package jobs

import "time"

const (
	// clockAge is how long a reading stands before the quickest of those since
	// takes its place, which may be as old. Two clocks drift apart by less than a
	// millisecond meanwhile.
	clockAge = 15 * time.Second
	// clockSlack is how far a newer reading may contradict the best one before
	// one of the clocks must have been set.
	clockSlack = 5 * time.Millisecond
	// fewReadings may all have been slow, and more so there than back.
	fewReadings = 8
)

// sharedClock maps the database's clock, which the fleet shares, to this
// process's own. A reading is as good as its round trip was quick, so the
// quickest one of the last seconds stands; slower ones only check it. Without
// it the slots of one lease would shift against those of the next by however
// long the two answers took.
type sharedClock struct {
	best     reading
	since    reading // the quickest that came after the best
	readings int
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
	c.readings++
	switch {
	case c.best.local.IsZero() || c.contradicts(r):
		*c = sharedClock{best: r, readings: 1}
	case r.within <= c.best.within:
		c.best, c.since = r, reading{}
	case c.since.local.IsZero() || r.within <= c.since.within:
		c.since = r
	}
	if r.local.Sub(c.best.local) > clockAge {
		c.best, c.since = c.since, reading{}
	}
}

// local is the moment of this process's clock at which the database's shows t.
func (c *sharedClock) local(t time.Time) time.Time {
	return c.best.local.Add(t.Sub(c.best.database))
}

// database is what the database's clock shows at the moment t of this process.
func (c *sharedClock) database(t time.Time) time.Time {
	return c.best.database.Add(t.Sub(c.best.local))
}

// doubt is how far off that may be. Once there were some readings, more than a
// few milliseconds mean that the answers take a while, and as long as the
// questions: then it is less than it might be.
func (c *sharedClock) doubt() time.Duration {
	if c.readings < fewReadings {
		return c.best.within
	}
	return min(c.best.within, clockSlack)
}

func (c *sharedClock) contradicts(r reading) bool {
	off := c.local(r.database).Sub(r.local).Abs()
	return off > r.within+c.best.within+clockSlack
}
