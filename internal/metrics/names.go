package metrics

import "github.com/prometheus/client_golang/prometheus"

// Name is one metric. Names is the only place that lists them.
type Name struct {
	Name   string
	Kind   Kind
	Labels []string
	Help   string
}

// Kind is the kind of a metric.
type Kind string

const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Names are all metrics except those of the Go runtime and the process. The
// first group is read from the database, so every process of the fleet reports
// the same. The second group is each process's own.
var Names = []Name{
	{alarmsOpen, Gauge, []string{"kind"}, "Alarms that are not resolved."},
	{alarmsRaised, Counter, []string{"kind"}, "How often alarms were raised, including resolved ones."},
	{attempts, Gauge, []string{"state"}, "Attempts by their state."},
	{contacts, Gauge, []string{"state"}, "Contacts by their state."},
	{hangUps, Gauge, []string{"state"}, "Orders to hang up calls that should not be up."},
	{watermarkAge, Gauge, []string{"pass"}, "How far behind now a pass of reconciliation has read Vonage's list, in seconds."},
	{paceFactor, Gauge, []string{"budget"}, "The part of the account's rate that is in force: below 1 for some seconds after several 429s."},
	{statsAge, Gauge, nil, "How old the metrics above are, in seconds."},
	{statsFailures, Counter, nil, "How often the metrics above could not be read."},

	{redisWritable, Gauge, nil, "1 if this process could write to Redis within the last seconds, otherwise 0."},
	{queueTasks, Gauge, nil, "Tasks in the queue that no worker has taken yet. Missing while Redis does not answer."},
	{posts, Counter, []string{"outcome", "refusal"}, "Outcomes of requests for a call."},
	{gates, Counter, []string{"result"}, "Results of attempts at the gate."},
	{answers, Counter, []string{"operation", "status"}, "Vonage's answers by operation. 429 has a status of its own; none means that no answer came."},
	{answerSeconds, Histogram, []string{"operation"}, "How long Vonage took to answer."},
	{permits, Counter, []string{"budget", "result"}, "Permits to send a request: given to a caller, or not used."},
	{permitWaiters, Gauge, []string{"budget"}, "Requests that wait for a permit."},
	{leaseSeconds, Histogram, []string{"budget"}, "How long it took to report to the database and lease slots from it."},
	{webhooks, Counter, []string{"kind", "result"}, "Requests to the webhooks."},
	{foldSeconds, Histogram, nil, "How long it took to store an event and add it to its attempt."},
	{conns, Gauge, []string{"pool", "state"}, "Connections to the database: of the calls, and of the pages, the API and the webhooks out."},
	{buildInfo, Gauge, []string{"version", "revision"}, "Always 1; the labels say what was built."},
}

const (
	alarmsOpen    = "dialer_alarms_open"
	alarmsRaised  = "dialer_alarms_raised_total"
	attempts      = "dialer_attempts"
	contacts      = "dialer_contacts"
	hangUps       = "dialer_hangups"
	watermarkAge  = "dialer_reconcile_watermark_age_seconds"
	paceFactor    = "dialer_pace_factor"
	statsAge      = "dialer_fleet_stats_age_seconds"
	statsFailures = "dialer_fleet_stats_failures_total"
	redisWritable = "dialer_redis_writable"
	queueTasks    = "dialer_queue_tasks"
	posts         = "dialer_posts_total"
	gates         = "dialer_gates_total"
	answers       = "dialer_provider_answers_total"
	answerSeconds = "dialer_provider_answer_seconds"
	permits       = "dialer_permits_total"
	permitWaiters = "dialer_permit_waiters"
	leaseSeconds  = "dialer_lease_seconds"
	webhooks      = "dialer_webhooks_total"
	foldSeconds   = "dialer_event_fold_seconds"
	conns         = "dialer_database_connections"
	buildInfo     = "dialer_build_info"
)

// named finds a metric in the list. It panics if the metric is missing, which a
// test finds.
func named(name string) Name {
	for _, n := range Names {
		if n.Name == name {
			return n
		}
	}
	panic("metrics: " + name + " is not in Names")
}

func desc(name string) *prometheus.Desc {
	n := named(name)
	return prometheus.NewDesc(n.Name, n.Help, n.Labels, nil)
}

func counter(r prometheus.Registerer, name string) *prometheus.CounterVec {
	n := named(name)
	v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: n.Name, Help: n.Help}, n.Labels)
	r.MustRegister(v)
	return v
}

// seconds are the buckets of all histograms: from one round trip on the same
// machine to more than any request may take.
var seconds = []float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20}

func histogram(r prometheus.Registerer, name string) *prometheus.HistogramVec {
	n := named(name)
	v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: n.Name, Help: n.Help, Buckets: seconds}, n.Labels)
	r.MustRegister(v)
	return v
}
