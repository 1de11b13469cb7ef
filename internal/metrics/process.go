package metrics

import (
	"context"
	"time"

	"dialer/campaign"

	"github.com/prometheus/client_golang/prometheus"
)

// ProcessStats reads what this process has at the moment.
type ProcessStats struct {
	// Queue is how many tasks wait. An error leaves the metric out.
	Queue func(context.Context) (int, error)
	// RedisWritable reports whether the last write to Redis succeeded.
	RedisWritable func() bool
	// Conns counts the connections to the database, by the pool's name and by state.
	Conns func() map[string]map[string]int
	// Permits counts the permits of each budget.
	Permits func() map[campaign.Budget]PermitCounts
}

// PermitCounts counts a budget's permits in this process.
type PermitCounts struct {
	Given, Unused int64
	Waiting       int
}

// CountProcess adds the process's own stats, which are read for each scrape.
func (m *Metrics) CountProcess(stats ProcessStats) { m.registry.MustRegister(processCollector{stats}) }

type processCollector struct{ stats ProcessStats }

var (
	redisDesc   = desc(redisWritable)
	queueDesc   = desc(queueTasks)
	connsDesc   = desc(conns)
	permitsDesc = desc(permits)
	waitersDesc = desc(permitWaiters)
)

// Describe lists what Collect sends.
func (c processCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{redisDesc, queueDesc, connsDesc, permitsDesc, waitersDesc} {
		out <- d
	}
}

// readTimeout bounds the question to Redis.
const readTimeout = time.Second

// Collect reads and sends the stats.
func (c processCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout) // Prometheus gives a collector no context
	defer cancel()
	if n, err := c.stats.Queue(ctx); err == nil {
		out <- gauge(queueDesc, float64(n))
	}
	writable := 0.0
	if c.stats.RedisWritable() {
		writable = 1
	}
	out <- gauge(redisDesc, writable)
	for pool, states := range c.stats.Conns() {
		for state, n := range states {
			out <- gauge(connsDesc, float64(n), pool, state)
		}
	}
	for budget, p := range c.stats.Permits() {
		out <- counterValue(permitsDesc, float64(p.Given), string(budget), "given")
		out <- counterValue(permitsDesc, float64(p.Unused), string(budget), "unused")
		out <- gauge(waitersDesc, float64(p.Waiting), string(budget))
	}
}
