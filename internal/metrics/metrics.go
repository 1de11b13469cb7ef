package metrics

import (
	"context"
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

// Metrics counts what one process does. Its methods may be called at once.
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
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), built())
	m.folded.WithLabelValues()
	for _, result := range gateResults {
		m.gates.WithLabelValues(result.name)
	}
	return m
}

// Handler serves everything in the form that Prometheus reads. What could not
// be read is left out, and logged.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 2, Timeout: scrapeTimeout,
	})
}

// scrapeTimeout is what Prometheus waits for, unless it is told otherwise.
const scrapeTimeout = 10 * time.Second

// Posted counts the outcome of a request to place a call.
func (m *Metrics) Posted(o campaign.Outcome) {
	m.posts.WithLabelValues(string(o.Kind), string(o.Refusal)).Inc()
}

// gateResults are what may become of an attempt at the gate, by the error that
// says so.
var gateResults = []struct {
	name string
	err  error
}{
	{"passed", nil},
	{"stale", campaign.ErrStale},
	{"withdrawn", campaign.ErrWithdrawn},
	{"missing", campaign.ErrNotFound},
	{"failed", nil},
}

// Gated counts what became of an attempt at the gate.
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

// Answered counts one answer of Vonage; status 0: none came.
func (m *Metrics) Answered(operation string, status int, took time.Duration) {
	m.answers.WithLabelValues(operation, class(status)).Inc()
	m.answerSeconds.WithLabelValues(operation).Observe(took.Seconds())
}

// class keeps the labels few, and 429 apart.
func class(status int) string {
	switch {
	case status == http.StatusTooManyRequests:
		return "429"
	case status < 100 || status > 599:
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}

// Leased times one lease of slots.
func (m *Metrics) Leased(budget campaign.Budget, took time.Duration) {
	m.leaseSeconds.WithLabelValues(string(budget)).Observe(took.Seconds())
}

// Folded times one event from its arrival at the store to its commit.
func (m *Metrics) Folded(took time.Duration) { m.folded.WithLabelValues().Observe(took.Seconds()) }

// built tells what was built, as far as the build says.
func built() prometheus.Collector {
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

// Now is what a process has at the moment when it is asked.
type Now struct {
	// Queue is how many tasks wait; an error leaves it out.
	Queue func(context.Context) (int, error)
	// Conns counts the connections to the database by state.
	Conns func() map[string]int
	// Permits are those of each budget.
	Permits func() map[campaign.Budget]PermitCounts
}

// PermitCounts is what became of a budget's permits in this process.
type PermitCounts struct {
	Handed, Lapsed int64
	Waiting        int
}

// Ask has these read with each request.
func (m *Metrics) Ask(now Now) { m.registry.MustRegister(reader{now}) }

type reader struct{ now Now }

var (
	queueDesc   = desc(queueTasks)
	connsDesc   = desc(conns)
	permitsDesc = desc(permits)
	waitersDesc = desc(permitWaiters)
)

// Describe names what Collect sends.
func (r reader) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{queueDesc, connsDesc, permitsDesc, waitersDesc} {
		out <- d
	}
}

// readTimeout bounds a question to Redis.
const readTimeout = time.Second

// Collect asks.
func (r reader) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout) // Prometheus gives a collector no context
	defer cancel()
	if n, err := r.now.Queue(ctx); err == nil {
		out <- gauge(queueDesc, float64(n))
	}
	for state, n := range r.now.Conns() {
		out <- gauge(connsDesc, float64(n), state)
	}
	for budget, p := range r.now.Permits() {
		out <- total(permitsDesc, float64(p.Handed), string(budget), "handed")
		out <- total(permitsDesc, float64(p.Lapsed), string(budget), "lapsed")
		out <- gauge(waitersDesc, float64(p.Waiting), string(budget))
	}
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func total(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}
