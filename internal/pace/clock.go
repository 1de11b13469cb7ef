package pace

import "time"

// aging is how much worse a measurement gets with time: a millisecond in a second. So a
// newer one that is almost as good replaces it.
const aging = 1000

// clock converts between the database's clock, which all processes share, and
// the process's own. It keeps the reading with the shortest round trip. The database's
// clock was read between sending the question and receiving the answer. Each direction
// uses the end of that interval that errs on the safe side: a slot is never used before
// its moment, and a request is never reported as arrived earlier than it did.
type clock struct {
	sent, received time.Time // by the own clock
	database       time.Time
}

// observe takes in a reading. It replaces the one in use if its round trip was shorter,
// or if both cannot be true because one of the clocks was set.
func (c *clock) observe(r clock) {
	old := r.received.Sub(c.received) / aging
	quicker := r.received.Sub(r.sent) <= c.received.Sub(c.sent)+old
	contrary := c.local(r.database).Before(r.sent.Add(-slack-old)) || r.local(c.database).Before(c.sent.Add(-slack-old))
	if c.received.IsZero() || quicker || contrary {
		*c = r
	}
}

// local is the latest possible time of the process's clock when the database's shows t.
func (c *clock) local(t time.Time) time.Time {
	//guard:value(c.sent.Add(t.Sub(c.database))) internal/pace.TestClockErrorBounds: no slot is used before its moment
	return c.received.Add(t.Sub(c.database))
}

// shared is the latest possible time of the database's clock when the process's shows t.
func (c *clock) shared(t time.Time) time.Time {
	//guard:value(c.database.Add(t.Sub(c.received))) internal/pace.TestClockErrorBounds: no arrival is reported too early
	return c.database.Add(t.Sub(c.sent))
}

const (
	// maxLate is how much later than usual requests may arrive on average.
	// Answers may also take longer for reasons after the arrival, and that is not a
	// reason to send more slowly. A provider that requests reach less evenly may count
	// one too many, and answers 429.
	maxLate = 25 * time.Millisecond
	// lateCredit is how much more than the average may be counted for a while, for
	// example when a machine is too busy. lateEach is the most for one request.
	lateCredit, lateEach = 100 * maxLate, time.Second
	// few answers do not show the usual time.
	few = 2
	// slowing is the assumed rate at which the quickest answer becomes slower if none is
	// as quick: a millisecond in so many. At one request a second a run of slow answers
	// must not look usual.
	slowing = 5000
)

// latencyEstimator estimates from an answer how late its request may have arrived. The
// quickest of the latest answers shows the time for the way there and back. The extra
// time of an answer is counted as the request's delay, up to a limit.
type latencyEstimator struct {
	quickest time.Duration
	at       time.Time // of the last answer
	answers  int
	counted  time.Duration // beyond the average
}

func (l *latencyEstimator) observe(answered time.Time, took time.Duration) {
	l.quickest += min(answered.Sub(l.at)/slowing, slack)
	if l.answers == 0 || took < l.quickest {
		l.quickest = took
	}
	l.answers, l.at = l.answers+1, answered
}

// late is the longest possible time between a request's write and its arrival, beyond the
// usual time. The quickest of few answers may not be as quick as answers can be.
func (l *latencyEstimator) late(took time.Duration) time.Duration {
	//guard:value(max(0, took-l.quickest)) internal/pace.TestLatenessAfterFewAnswers: few answers do not show the usual time
	late := max(0, took-l.quickest) + few*maxLate/max(few, time.Duration(l.answers))
	l.counted = max(0, l.counted-maxLate)
	late = min(late, lateEach, lateCredit-l.counted)
	l.counted += late
	return late
}
