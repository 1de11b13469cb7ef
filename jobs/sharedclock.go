package jobs

import "time"

const (
	// clockAge bounds how long one reading is believed: two clocks drift apart
	// by less than a millisecond meanwhile.
	clockAge = 30 * time.Second
	// clockSlack is how far a newer reading may contradict the best one before
	// one of the clocks must have been set.
	clockSlack = 5 * time.Millisecond
)

// sharedClock maps the database's clock, which the fleet shares, to this
// process's own. A reading is as good as its round trip was quick, so the
// quickest one of the last seconds stands; slower ones only check it. Without
// it the slots of one lease would shift against those of the next by however
// long the two answers took.
type sharedClock struct {
	best reading
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
	if c.best.local.IsZero() || c.best.within >= r.within || r.local.Sub(c.best.local) > clockAge || c.contradicts(r) {
		c.best = r
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

// doubt is how far off that may be. Beyond a few milliseconds the answers take
// a while, and as long as the questions: then it is less than it might be.
func (c *sharedClock) doubt() time.Duration { return min(c.best.within, clockSlack) }

func (c *sharedClock) contradicts(r reading) bool {
	off := c.local(r.database).Sub(r.local).Abs()
	return off > r.within+c.best.within+clockSlack
}
