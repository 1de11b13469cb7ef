package pace

import "time"

// aging is by how much a measurement gets worse with time: a millisecond in a
// second. So a newer one that is almost as good takes its place.
const aging = 1000

// clock converts between the database's clock, which all processes share, and
// the process's own. It keeps the reading with the shortest round trip. The
// database's clock was read after the question was sent and before the answer
// was received, and each direction uses the end that errs on the safe side: a
// slot is never used before its moment, and a request is never reported as
// arrived earlier than it did.
type clock struct {
	sent, received time.Time // by the own clock
	database       time.Time
}

// observe takes in a reading. It replaces the one in use if its round trip was
// shorter, or if both cannot be true: one of the clocks was set.
func (c *clock) observe(r clock) {
	old := r.received.Sub(c.received) / aging
	quicker := r.received.Sub(r.sent) <= c.received.Sub(c.sent)+old
	contrary := c.local(r.database).Before(r.sent.Add(-slack-old)) || r.local(c.database).Before(c.sent.Add(-slack-old))
	if c.received.IsZero() || quicker || contrary {
		*c = r
	}
}

// local is the own clock's time, at the latest, when the database's shows t.
func (c *clock) local(t time.Time) time.Time {
	//guard:value(c.sent.Add(t.Sub(c.database))) internal/pace.TestClockErrorBounds: no slot is used before its moment
	return c.received.Add(t.Sub(c.database))
}

// shared is the database's time, at the latest, when the own clock shows t.
func (c *clock) shared(t time.Time) time.Time {
	//guard:value(c.database.Add(t.Sub(c.received))) internal/pace.TestClockErrorBounds: no arrival is reported too early
	return c.database.Add(t.Sub(c.sent))
}

const (
	// maxLate is how much later than usual requests may arrive on average.
	// Answers take longer for reasons that come after the arrival too, and such
	// a provider is no reason to send more slowly. One that is reached less
	// evenly may count a request too many, and answers 429.
	maxLate = 25 * time.Millisecond
	// lateCredit is how much more than on average may be counted for a while,
	// as when a machine is too busy. lateEach is the most for one request.
	lateCredit, lateEach = 100 * maxLate, time.Second
	// few answers do not show what is usual.
	few = 2
	// slowing is by how much the quickest answer is taken to become slower with
	// time, if none is as quick: a millisecond in so many. At one request a
	// second a run of slow answers must not look usual.
	slowing = 5000
)

// latencyEstimator tells from its answer how late a request may have arrived. The
// quickest of the latest answers shows the time for the way there and back.
// What an answer took longer is counted as the request's, up to a limit.
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

// late is how long after its write a request arrived at the latest, beyond the
// usual time. The quickest of few answers may not be as quick as answers can
// be.
func (l *latencyEstimator) late(took time.Duration) time.Duration {
	//guard:value(max(0, took-l.quickest)) internal/pace.TestLatenessAfterFewAnswers: few answers do not show the usual time
	late := max(0, took-l.quickest) + few*maxLate/max(few, time.Duration(l.answers))
	l.counted = max(0, l.counted-maxLate)
	late = min(late, lateEach, lateCredit-l.counted)
	l.counted += late
	return late
}
