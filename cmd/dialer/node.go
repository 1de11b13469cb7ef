package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/metrics"
	"dialer/internal/pace"
	"dialer/internal/reconcile"
	"dialer/jobs"
	"dialer/storage"
	"dialer/voice"
	"dialer/webhooks"
)

// node is one process of the fleet: it receives webhooks and runs jobs.
type node struct {
	db            *storage.DB
	redisURL      string
	apiURL        string
	applicationID string
	key           func() *rsa.PrivateKey // the one to sign with now
	secrets       [][]byte
	adminToken    string
	publicURL     string
	pace          paceFlags
	queueAhead    time.Duration // 0: the default of package jobs
	workers       int           // likewise
	listener      net.Listener  // closed by run
	log           *slog.Logger
}

const (
	// webhookGrace is how long webhooks in progress may take at the end.
	webhookGrace = 5 * time.Second
	readyTimeout = 2 * time.Second
)

// run receives webhooks and makes calls until ctx ends or the listener fails. It
// starts receiving before the first call and stops after the last, because webhooks
// are about calls in progress.
func (n node) run(ctx context.Context) error {
	counted := metrics.New()
	service, err := n.service(ctx, counted)
	if err != nil {
		return errors.Join(err, n.listener.Close())
	}
	counted.CountProcess(n.processStats(service))
	counted.CountFleet(n.db, n.log)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	server := webhooks.NewServer("", n.routes(counted, service.Reach))
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := server.Serve(n.listener); !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("serve webhooks: %w", err))
		}
	}()
	dialed := service.Run(ctx)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), webhookGrace)
	defer cancel()
	closed := server.Shutdown(grace)
	<-served
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		dialed = errors.Join(cause, dialed)
	}
	return errors.Join(dialed, closed)
}

func (n node) service(ctx context.Context, counted *metrics.Metrics) (*jobs.Service, error) {
	store := meteredDB{n.db, counted}
	databaseID, err := n.db.DatabaseID(ctx)
	if err != nil {
		return nil, err
	}
	pacer := func(budget campaign.Budget, perSecond float64) *pace.Pacer {
		return pace.New(pace.Config{
			Store: n.db, Budget: budget, PerSecond: perSecond, Log: n.log,
			Exchanged: func(took time.Duration) { counted.Leased(budget, took) },
		})
	}
	pacers := jobs.Pacers{
		Calls:    pacer(campaign.CallsBudget, n.pace.CallsPerSecond),
		Requests: pacer(campaign.RequestsBudget, n.pace.RequestsPerSecond),
	}
	client, err := voice.NewClient(voice.Config{
		BaseURL: n.apiURL, ApplicationID: n.applicationID, CurrentKey: n.key,
		Throttle: jobs.Throttle(pacers.Requests, pace.Last), ThrottleFirst: jobs.Throttle(pacers.Requests, pace.First), Observe: counted.Answered,
	})
	if err != nil {
		return nil, err
	}
	return jobs.New(jobs.Config{
		CallsPerSecond: n.pace.CallsPerSecond, PublicURL: n.publicURL, RedisURL: n.redisURL, DatabaseID: databaseID,
		TokenLife: n.pace.TokenLife, Horizon: n.queueAhead, Workers: n.workers, Periodic: n.periodic(client),
	}, store, client, pacers, n.log)
}

// periodic is the work that one process of the fleet does: it cleans up, reads
// Vonage's list, and concludes what follows from it.
func (n node) periodic(client *voice.Client) []jobs.Periodic {
	c := reconcile.Config{Times: n.pace.times(), Every: n.pace.ReconcileEvery, CallsPerSecond: n.pace.CallsPerSecond}
	r := reconcile.New(c, n.db, client, n.log)
	restore := reconcile.NewRestore(c, n.db, client, n.log)
	return append(jobs.Sweeping(n.db, n.pace.RecordsKept),
		jobs.Periodic{Name: "read the list", Every: c.Every, Run: r.ReadList},
		jobs.Periodic{Name: "settle", Every: c.SettleEvery(), Run: r.SettleUnknown},
		jobs.Periodic{Name: "look up overdue calls", Every: c.Every, Run: r.LookUpOverdue},
		jobs.Periodic{Name: "restore", Every: reconcile.RestoreEvery, Run: restore.Run, WhileLocked: true},
	)
}

// routes are all paths of this process. reach returns nil while Redis answers.
func (n node) routes(counted *metrics.Metrics, reach func(context.Context) error) http.Handler {
	verifier := voice.Verifier{Secrets: n.secrets, ApplicationID: n.applicationID}
	hooks := webhooks.NewHandler(webhooks.Config{Verifier: verifier, PublicURL: n.publicURL}, meteredDB{n.db, counted}, n.log)
	mux := http.NewServeMux()
	mux.Handle("/webhooks/", counted.Webhooks(hooks))
	mux.Handle("GET /metrics", guarded(n.adminToken, counted.Handler(n.log)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { n.ready(w, r, reach) })
	return mux
}

// ready says whether webhooks can be stored and calls made. It names what is wrong,
// without addresses.
func (n node) ready(w http.ResponseWriter, r *http.Request, reach func(context.Context) error) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	var redis error
	asked := make(chan struct{})
	go func() { defer close(asked); redis = reach(ctx) }()
	schema := n.db.CheckSchema(ctx)
	<-asked
	var wrong []string
	switch {
	case errors.Is(schema, storage.ErrSchemaBehind):
		wrong = append(wrong, storage.ErrSchemaBehind.Error())
	case schema != nil:
		wrong = append(wrong, "the database does not answer")
	}
	if redis != nil {
		wrong = append(wrong, "Redis does not answer")
	}
	if len(wrong) > 0 {
		http.Error(w, strings.Join(wrong, "\n"), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
