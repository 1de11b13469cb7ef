package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// fakeStats returns the stats that it has.
type fakeStats struct {
	stats app.FleetStats
	took  time.Duration
	err   error
	asked int
}

func (s *fakeStats) FleetStats(context.Context) (app.FleetStats, error) {
	s.asked++
	time.Sleep(s.took)
	return s.stats, s.err
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, m *Metrics) []string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler(quiet()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Errorf("status %d: %s", w.Code, w.Body)
	}
	return strings.Split(w.Body.String(), "\n")
}

func wantLines(t *testing.T, got []string, want ...string) {
	t.Helper()
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("no line %q", line)
		}
	}
}

// full is a process that has done each thing once.
func full(t *testing.T) *Metrics {
	t.Helper()
	m := New()
	m.CountFleet(&fakeStats{stats: app.FleetStats{
		AlarmsOpen: map[string]int{campaign.AlarmLost: 2}, AlarmsRaised: map[string]int{campaign.AlarmLost: 5},
		Attempts: map[campaign.State]int{campaign.Ended: 7}, Contacts: map[campaign.ContactState]int{campaign.Done: 6},
		HangUps: map[campaign.HangUpState]int{campaign.HangUpPending: 1},
		Behind:  map[string]time.Duration{"first": 90 * time.Second}, Factor: map[campaign.Budget]float64{campaign.CallsBudget: 0.5},
	}}, quiet())
	m.CountProcess(ProcessStats{
		Queue: func(context.Context) (int, error) { return 12, nil }, RedisWritable: func() bool { return true },
		Conns: func() map[string]map[string]int { return map[string]map[string]int{"calls": {"used": 3}} },
		Permits: func() map[campaign.Budget]PermitCounts {
			return map[campaign.Budget]PermitCounts{campaign.CallsBudget: {Given: 9, Unused: 1, Waiting: 4}}
		},
	})
	m.Posted(campaign.Outcome{Kind: campaign.OutcomeRefused, Refusal: campaign.RefusedRate})
	m.Gated(nil)
	m.Gated(fmt.Errorf("gate: %w", campaign.ErrWithdrawn))
	m.Gated(fmt.Errorf("gate: %w", campaign.ErrDialLocked))
	m.Gated(fmt.Errorf("gate: %w", campaign.ErrNoRoom))
	m.Gated(errors.New("connection refused"))
	for _, status := range []int{201, 429, 404, 503, 0} {
		m.Answered("create call", status, time.Second)
	}
	m.Leased(campaign.CallsBudget, time.Millisecond)
	m.Folded(time.Millisecond)
	return m
}

func TestMetricValues(t *testing.T) {
	t.Parallel()
	m := full(t)
	got := scrape(t, m)
	wantLines(t, got,
		`dialer_alarms_open{kind="attempt_lost"} 2`, `dialer_alarms_open{kind="clock_skew"} 0`,
		`dialer_alarms_raised_total{kind="attempt_lost"} 5`,
		`dialer_attempts{state="ended"} 7`, `dialer_attempts{state="unknown"} 0`, `dialer_contacts{state="done"} 6`,
		`dialer_hangups{state="pending"} 1`, `dialer_reconcile_watermark_age_seconds{pass="first"} 90`,
		`dialer_pace_factor{budget="calls"} 0.5`, `dialer_redis_writable 1`, `dialer_fleet_stats_failures_total 0`, `dialer_queue_tasks 12`,
		`dialer_database_connections{pool="calls",state="used"} 3`, `dialer_permit_waiters{budget="calls"} 4`,
		`dialer_permits_total{budget="calls",result="given"} 9`, `dialer_permits_total{budget="calls",result="unused"} 1`,
		`dialer_posts_total{outcome="refused",refusal="rate"} 1`,
		`dialer_gates_total{result="passed"} 1`, `dialer_gates_total{result="withdrawn"} 1`, `dialer_gates_total{result="failed"} 1`, `dialer_gates_total{result="no_room"} 1`, `dialer_gates_total{result="dial_locked"} 1`, `dialer_gates_total{result="stale"} 0`,
		`dialer_provider_answers_total{operation="create call",status="2xx"} 1`, `dialer_provider_answers_total{operation="create call",status="429"} 1`,
		`dialer_provider_answers_total{operation="create call",status="4xx"} 1`, `dialer_provider_answers_total{operation="create call",status="5xx"} 1`,
		`dialer_provider_answers_total{operation="create call",status="none"} 1`,
		`dialer_provider_answer_seconds_count{operation="create call"} 5`, `dialer_lease_seconds_count{budget="calls"} 1`, `dialer_event_fold_seconds_count 1`,
	)
}

// The metrics are exactly those of Names, and docs/operations.md lists them in
// the same words.
func TestNamesMatchMetricsAndDocs(t *testing.T) {
	t.Parallel()
	m := full(t)
	m.Webhook("event", "stored")
	var served, want, listed, rows []string
	for _, line := range scrape(t, m) {
		if rest, ok := strings.CutPrefix(line, "# TYPE dialer_"); ok {
			served = append(served, "dialer_"+rest)
		}
	}
	for _, n := range Names {
		want = append(want, n.Name+" "+string(n.Kind))
		labels := ""
		if len(n.Labels) > 0 {
			labels = "`" + strings.Join(n.Labels, "`, `") + "`"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s | %s |", n.Name, n.Kind, labels, n.Help))
	}
	slices.Sort(want)
	slices.Sort(served)
	if diff := cmp.Diff(want, served); diff != "" {
		t.Errorf("metrics (-Names +served):\n%s", diff)
	}
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	for _, line := range strings.Split(string(page), "\n") {
		if strings.HasPrefix(line, "| `dialer_") {
			listed = append(listed, line)
		}
	}
	if diff := cmp.Diff(rows, listed); diff != "" {
		t.Errorf("docs/operations.md (-Names +page):\n%s", diff)
	}
}

// However often the metrics are asked for, reading takes at most a twentieth of
// the database's time.
func TestFleetStatsAreReadSeldom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stats := &fakeStats{took: time.Second}
		c := &fleetStats{stats: stats, log: quiet()}
		m := New()
		m.registry.MustRegister(c)
		for begun := time.Now(); time.Since(begun) < 100*time.Second; {
			scrape(t, m)
			time.Sleep(time.Second)
		}
		if stats.asked != 5 {
			t.Errorf("read %d times in 100 seconds at a second each, want 5", stats.asked)
		}
	})
}

func TestFleetStatsAgeAfterFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		stats := &fakeStats{stats: app.FleetStats{Attempts: map[campaign.State]int{campaign.Ended: 7}}}
		m := New()
		m.CountFleet(stats, quiet())
		scrape(t, m)
		stats.err = errors.New("connection refused")
		time.Sleep(time.Minute)
		wantLines(t, scrape(t, m), `dialer_attempts{state="ended"} 7`, `dialer_fleet_stats_age_seconds 60`, `dialer_fleet_stats_failures_total 1`)
	})
}
