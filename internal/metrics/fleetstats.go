package metrics

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/prometheus/client_golang/prometheus"
)

// Stats reads counts over all processes.
type Stats interface {
	FleetStats(ctx context.Context) (app.FleetStats, error)
}

const (
	// statsEvery is how often the database is asked, at most.
	statsEvery = 10 * time.Second
	// statsShare bounds the load on the database: after a slow reading the next
	// one waits this many times as long as it took.
	statsShare   = 20
	statsTimeout = 5 * time.Second
)

// CountFleet adds the fleet's counts to the metrics. They are read at most every ten
// seconds, however often they are requested.
func (m *Metrics) CountFleet(stats Stats, log *slog.Logger) {
	m.registry.MustRegister(&fleetStats{stats: stats, log: log})
}

// fleetStats keeps the last reading.
type fleetStats struct {
	stats Stats
	log   *slog.Logger

	mu       sync.Mutex
	last     app.FleetStats
	readAt   time.Time // zero: never
	nextAt   time.Time
	failures int
}

var (
	alarmsOpenDesc    = desc(alarmsOpen)
	alarmsRaisedDesc  = desc(alarmsRaised)
	attemptsDesc      = desc(attempts)
	contactsDesc      = desc(contacts)
	hangUpsDesc       = desc(hangUps)
	watermarkAgeDesc  = desc(watermarkAge)
	paceFactorDesc    = desc(paceFactor)
	statsAgeDesc      = desc(statsAge)
	statsFailuresDesc = desc(statsFailures)
)

// Describe lists what Collect sends.
func (s *fleetStats) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		alarmsOpenDesc, alarmsRaisedDesc, attemptsDesc, contactsDesc, hangUpsDesc,
		watermarkAgeDesc, paceFactorDesc, statsAgeDesc, statsFailuresDesc,
	} {
		out <- d
	}
}

// Collect sends the last reading. It reads again first if that is due.
func (s *fleetStats) Collect(out chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); !now.Before(s.nextAt) {
		s.read(now)
	}
	out <- counterValue(statsFailuresDesc, float64(s.failures))
	if s.readAt.IsZero() {
		return
	}
	out <- gauge(statsAgeDesc, time.Since(s.readAt).Seconds())
	s.send(out)
}

func (s *fleetStats) read(now time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), statsTimeout) // Prometheus gives a collector no context
	defer cancel()
	got, err := s.stats.FleetStats(ctx)
	took := time.Since(now)
	s.nextAt = now.Add(max(statsEvery, statsShare*took))
	if err != nil {
		s.failures++
		s.log.ErrorContext(ctx, "the fleet's counts could not be read for the metrics", "error", err)
		return
	}
	s.last, s.readAt = got, now
}

// send also sends zeros, so that an alerting rule finds every series.
func (s *fleetStats) send(out chan<- prometheus.Metric) {
	for _, k := range campaign.AlarmKinds {
		out <- gauge(alarmsOpenDesc, float64(s.last.AlarmsOpen[k.Kind]), k.Kind)
		out <- counterValue(alarmsRaisedDesc, float64(s.last.AlarmsRaised[k.Kind]), k.Kind)
	}
	for _, state := range campaign.States {
		out <- gauge(attemptsDesc, float64(s.last.Attempts[state]), string(state))
	}
	for _, state := range campaign.ContactStates {
		out <- gauge(contactsDesc, float64(s.last.Contacts[state]), string(state))
	}
	for _, state := range campaign.HangUpStates {
		out <- gauge(hangUpsDesc, float64(s.last.HangUps[state]), string(state))
	}
	for pass, behind := range s.last.Behind {
		out <- gauge(watermarkAgeDesc, behind.Seconds(), pass)
	}
	for budget, factor := range s.last.Factor {
		out <- gauge(paceFactorDesc, factor, string(budget))
	}
}
