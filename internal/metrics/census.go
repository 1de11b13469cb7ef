package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"

	"github.com/prometheus/client_golang/prometheus"
)

// Books counts what the fleet has.
type Books interface {
	Census(ctx context.Context) (campaign.Census, error)
}

const (
	// censusKept is how long a reading is told again.
	censusKept = 10 * time.Second
	// censusShare bounds what reading costs the database: what took long is
	// not read again for this many times as long.
	censusShare   = 20
	censusTimeout = 5 * time.Second
)

// Count has the books read, at most every ten seconds however many ask.
func (m *Metrics) Count(books Books, log *slog.Logger) {
	m.registry.MustRegister(&census{books: books, log: log})
}

// census keeps the last reading.
type census struct {
	books Books
	log   *slog.Logger

	mu       sync.Mutex
	last     campaign.Census
	read     time.Time // zero: never
	next     time.Time
	failures int
}

var (
	alarmsOpenDesc     = desc(alarmsOpen)
	alarmsRaisedDesc   = desc(alarmsRaised)
	attemptsDesc       = desc(attempts)
	contactsDesc       = desc(contacts)
	hangUpsDesc        = desc(hangUps)
	watermarkAgeDesc   = desc(watermarkAge)
	paceFactorDesc     = desc(paceFactor)
	censusAgeDesc      = desc(censusAge)
	censusFailuresDesc = desc(censusFailures)
)

// Describe names what Collect sends.
func (c *census) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		alarmsOpenDesc, alarmsRaisedDesc, attemptsDesc, contactsDesc, hangUpsDesc,
		watermarkAgeDesc, paceFactorDesc, censusAgeDesc, censusFailuresDesc,
	} {
		out <- d
	}
}

// Collect tells the last reading, and takes a new one first where it is due.
func (c *census) Collect(out chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); !now.Before(c.next) {
		c.take(now)
	}
	out <- total(censusFailuresDesc, float64(c.failures))
	if c.read.IsZero() {
		return
	}
	out <- gauge(censusAgeDesc, time.Since(c.read).Seconds())
	c.tell(out)
}

func (c *census) take(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), censusTimeout) // Prometheus gives a collector no context
	defer cancel()
	got, err := c.books.Census(ctx)
	took := time.Since(now)
	c.next = now.Add(max(censusKept, censusShare*took))
	if err != nil {
		c.failures++
		c.log.ErrorContext(ctx, "the books could not be counted for the metrics", "error", err)
		return
	}
	c.last, c.read = got, now
}

// tell sends a zero, too, for what there is none of, so that a rule that waits
// for one finds the series.
func (c *census) tell(out chan<- prometheus.Metric) {
	for _, k := range campaign.AlarmKinds {
		out <- gauge(alarmsOpenDesc, float64(c.last.AlarmsOpen[k.Kind]), k.Kind)
		out <- total(alarmsRaisedDesc, float64(c.last.AlarmsRaised[k.Kind]), k.Kind)
	}
	for _, s := range campaign.States {
		out <- gauge(attemptsDesc, float64(c.last.Attempts[s]), string(s))
	}
	for _, s := range campaign.ContactStates {
		out <- gauge(contactsDesc, float64(c.last.Contacts[s]), string(s))
	}
	for _, s := range campaign.HangUpStates {
		out <- gauge(hangUpsDesc, float64(c.last.HangUps[s]), string(s))
	}
	for pass, behind := range c.last.Behind {
		out <- gauge(watermarkAgeDesc, behind.Seconds(), pass)
	}
	for budget, factor := range c.last.Factor {
		out <- gauge(paceFactorDesc, factor, string(budget))
	}
}
