package webhooks

import (
	"sync"
	"time"
)

// tallyEvery is how often a tally that keeps growing is spoken of.
const tallyEvery = time.Minute

// tally counts what must not fill the log: the first is due at once, the rest
// once a minute with their count. The zero value is ready.
type tally struct {
	mu   sync.Mutex
	n    int
	said time.Time
}

// add counts one, and says whether the count is due to be told. Telling it
// starts it again.
func (t *tally) add(now time.Time) (n int, due bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	if !t.said.IsZero() && now.Sub(t.said) < tallyEvery {
		return 0, false
	}
	n, t.n, t.said = t.n, 0, now
	return n, true
}
