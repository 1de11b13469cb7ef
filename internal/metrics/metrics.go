package metrics

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"dialer/campaign"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics counts what one process does. Its methods may be called concurrently.
type Metrics struct {
	registry *prometheus.Registry

	posts, gates, answers, webhooks     *prometheus.CounterVec
	answerSeconds, leaseSeconds, folded *prometheus.HistogramVec
}

// New makes the counters, all at zero.
func New() *Metrics {
	r := prometheus.NewRegistry()
	m := &Metrics{
		registry: r,
		posts:    counter(r, posts), gates: counter(r, gates), answers: counter(r, answers), webhooks: counter(r, webhooks),
		answerSeconds: histogram(r, answerSeconds), leaseSeconds: histogram(r, leaseSeconds), folded: histogram(r, foldSeconds),
	}
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildMetric())
	m.folded.WithLabelValues()
	for _, result := range gateResults {
		m.gates.WithLabelValues(result.name)
	}
	return m
}

// Handler serves all metrics in the text form of Prometheus. Metrics that cannot be read
// are left out, and logged.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 2, Timeout: scrapeTimeout,
	})
}

// scrapeTimeout is the default timeout of Prometheus.
const scrapeTimeout = 10 * time.Second

// Posted counts the outcome of a request for a call.
func (m *Metrics) Posted(o campaign.Outcome) {
	m.posts.WithLabelValues(string(o.Kind), string(o.Refusal)).Inc()
}

// gateResults are the results of an attempt at the gate, with the error that
// stands for each.
var gateResults = []struct {
	name string
	err  error
}{
	{"passed", nil},
	{"stale", campaign.ErrStale},
	{"withdrawn", campaign.ErrWithdrawn},
	{"missing", campaign.ErrNotFound},
	{"dial_locked", campaign.ErrDialLocked},
	{"no_room", campaign.ErrNoRoom},
	{"failed", nil},
}

// Gated counts the result of an attempt at the gate.
func (m *Metrics) Gated(err error) {
	result := "failed"
	if err == nil {
		result = "passed"
	}
	for _, r := range gateResults {
		if r.err != nil && errors.Is(err, r.err) {
			result = r.name
		}
	}
	m.gates.WithLabelValues(result).Inc()
}

// Answered counts one answer of Vonage. Status 0 means that none came.
func (m *Metrics) Answered(operation string, status int, took time.Duration) {
	m.answers.WithLabelValues(operation, class(status)).Inc()
	m.answerSeconds.WithLabelValues(operation).Observe(took.Seconds())
}

// class makes few labels of the status codes. 429 has its own.
func class(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "429"
	case status < 100 || status > 599:
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Leased measures one lease of slots.
func (m *Metrics) Leased(budget campaign.Budget, took time.Duration) {
	m.leaseSeconds.WithLabelValues(string(budget)).Observe(took.Seconds())
}

// Folded measures one event from its arrival at the store to its commit.
func (m *Metrics) Folded(took time.Duration) { m.folded.WithLabelValues().Observe(took.Seconds()) }

// buildMetric has the version and revision, as far as the build knows them.
func buildMetric() prometheus.Collector {
	version, revision := "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: buildInfo, Help: named(buildInfo).Help}, named(buildInfo).Labels)
	g.WithLabelValues(version, revision).Set(1)
	return g
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func counterValue(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
