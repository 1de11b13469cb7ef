package main

import (
	"context"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/auth"
	"dialer/internal/metrics"
	"dialer/jobs"
	"dialer/storage"

	"github.com/google/uuid"
)

// meteredDB is the database with counters and timers.
type meteredDB struct {
	*storage.DB
	metrics *metrics.Metrics
}

// Gate counts the results.
func (m meteredDB) Gate(ctx context.Context, id uuid.UUID, tokenLife time.Duration) (campaign.Attempt, error) {
	a, err := m.DB.Gate(ctx, id, tokenLife)
	m.metrics.Gated(err)
	return a, err
}

// Record counts the outcome after it is stored.
func (m meteredDB) Record(ctx context.Context, id uuid.UUID, o campaign.Outcome) error {
	err := m.DB.Record(ctx, id, o)
	if err == nil {
		m.metrics.Posted(o)
	}
	return err
}

// Receive times the storing of events.
func (m meteredDB) Receive(ctx context.Context, r campaign.Received) error {
	begun := time.Now()
	err := m.DB.Receive(ctx, r)
	if err == nil {
		m.metrics.Folded(time.Since(begun))
	}
	return err
}

// processStats reads the process's present state.
func (n node) processStats(service *jobs.Service) metrics.ProcessStats {
	return metrics.ProcessStats{
		Queue: service.Queued, RedisWritable: service.RedisWritable,
		Conns: func() map[string]map[string]int {
			pools := map[string]map[string]int{"calls": n.db.Conns()}
			if n.pagesDB != n.db {
				pools["pages"] = n.pagesDB.Conns()
			}
			return pools
		},
		Permits: func() map[campaign.Budget]metrics.PermitCounts {
			counts := map[campaign.Budget]metrics.PermitCounts{}
			for budget, c := range service.Permits() {
				counts[budget] = metrics.PermitCounts(c)
			}
			return counts
		},
	}
}

// guarded serves requests that carry the admin's token. If no token is set, it
// serves this machine only, and nothing that came through a proxy here. Refused
// requests are logged.
func (n node) guarded(next http.Handler) http.Handler {
	refuse := func(w http.ResponseWriter, r *http.Request, status int, says string) {
		n.log.WarnContext(r.Context(), "a request to the admin listener was refused", "path", r.URL.Path, "from", r.RemoteAddr, "status", status)
		http.Error(w, says, status)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case n.adminToken == "" && !auth.FromThisMachine(r):
			refuse(w, r, http.StatusForbidden, "without DIALER_ADMIN_TOKEN this is for requests from the same machine")
		//guard:false cmd/dialer.TestMetricsNeedToken: metrics need the token
		case n.adminToken != "" && !auth.Same(auth.Bearer(r), n.adminToken):
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, r, http.StatusUnauthorized, "send Authorization: Bearer with DIALER_ADMIN_TOKEN")
		default:
			next.ServeHTTP(w, r)
		}
	})
}
