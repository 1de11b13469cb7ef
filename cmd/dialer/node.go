package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/dashboard"
	"dialer/internal/metrics"
	"dialer/internal/notify"
	"dialer/internal/pace"
	"dialer/internal/reconcile"
	"dialer/jobs"
	"dialer/storage"
	"dialer/voice"
	"dialer/webhooks"
)

// node is one process of the fleet: it receives webhooks and runs jobs.
type node struct {
	db             *storage.DB
	pagesDB        *storage.DB // a pool of its own for pages, API and webhooks out, so that they take no connection from calls; nil: db
	redisURL       string
	apiURL         string
	applicationID  string
	key            func() *rsa.PrivateKey // the one to sign with now
	secrets        [][]byte
	adminToken     string
	defaultCountry string   // for numbers without a country code in the API and on the pages
	countries      []string // for campaigns of the API and the pages whose documents do not say it
	publicURL      string
	pace           paceFlags
	queueAhead     time.Duration // 0: the default of package jobs
	workers        int           // likewise
	listener       net.Listener  // for Vonage; closed by run
	admin          net.Listener  // for people and our own programs; nil: none; closed by run
	log            *slog.Logger

	login *dashboard.OIDC // nil: people log in with passwords only

	inboundText, inboundLanguage string // what callers hear; "": the default
}

// webhookGrace is how long webhooks in progress may take during shutdown.
const webhookGrace = 5 * time.Second

// run receives webhooks and makes calls until ctx ends or the listener fails. It
// starts receiving before the first call and stops after the last, because webhooks
// are about calls in progress.
func (n node) run(ctx context.Context) error {
	counted := metrics.New()
	if n.pagesDB == nil {
		n.pagesDB = n.db
	}
	line, err := n.provider(counted)
	if err != nil {
		return errors.Join(err, n.closeListeners())
	}
	service, err := n.service(ctx, counted, line)
	if err != nil {
		return errors.Join(err, n.closeListeners())
	}
	people, live := n.people(line.client, service.Caller)
	counted.CountProcess(n.processStats(service))
	counted.CountFleet(n.db, n.log)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	telling, stopTelling := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { notify.New(n.pagesDB, n.log).Run(telling) })
	wg.Go(func() { live(telling) })
	defer wg.Wait()
	defer stopTelling()
	end := n.serve(stop, counted, people)
	dialed := service.Run(ctx)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), webhookGrace)
	defer cancel()
	closed := end(grace)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		dialed = errors.Join(cause, dialed)
	}
	return errors.Join(dialed, closed)
}

// serve serves both listeners, and stops the process if one of them fails. end
// finishes the requests in progress.
func (n node) serve(stop context.CancelCauseFunc, counted *metrics.Metrics, people http.Handler) (end func(context.Context) error) {
	var serving sync.WaitGroup
	var servers []*http.Server
	for _, s := range []struct {
		name     string
		listener net.Listener
		handler  http.Handler
	}{
		{"webhooks", n.listener, n.hooks(counted)},
		{"the admin listener", n.admin, n.adminPages(counted, people)},
	} {
		if s.listener == nil {
			continue
		}
		server := webhooks.NewServer("", s.handler)
		servers = append(servers, server)
		serving.Go(func() {
			if err := server.Serve(webhooks.Bound(s.listener)); !errors.Is(err, http.ErrServerClosed) {
				stop(fmt.Errorf("serve %s: %w", s.name, err))
			}
		})
	}
	return func(ctx context.Context) (err error) {
		for _, server := range servers {
			err = errors.Join(err, server.Shutdown(ctx))
		}
		serving.Wait()
		return err
	}
}

// vonageLine is the way to Vonage, at the fleet's pace.
type vonageLine struct {
	client *voice.Client
	pacers jobs.Pacers
}

func (n node) provider(counted *metrics.Metrics) (vonageLine, error) {
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
	return vonageLine{client, pacers}, err
}

func (n node) service(ctx context.Context, counted *metrics.Metrics, line vonageLine) (*jobs.Service, error) {
	store := meteredDB{n.db, counted}
	if err := n.db.UseAccount(ctx, account(n.apiURL, n.applicationID)); err != nil {
		return nil, err
	}
	databaseID, err := n.db.DatabaseID(ctx)
	if err != nil {
		return nil, err
	}
	return jobs.New(jobs.Config{
		CallsPerSecond: n.pace.CallsPerSecond, PublicURL: n.publicURL, RedisURL: n.redisURL, DatabaseID: databaseID,
		TokenLife: n.pace.TokenLife, Horizon: n.queueAhead, Workers: n.workers, Periodic: n.periodic(line.client),
	}, store, line.client, line.pacers, n.log)
}

// periodic is the work that one process of the fleet does: it cleans up, reads Vonage's
// list, and draws conclusions from it.
func (n node) periodic(client *voice.Client) []jobs.Periodic {
	c := reconcile.Config{Times: n.pace.times(), Every: n.pace.ReconcileEvery, CallsPerSecond: n.pace.CallsPerSecond}
	r := reconcile.New(c, n.db, client, n.log)
	restore := reconcile.NewRestore(c, n.db, client, n.log)
	return append(jobs.Sweeping(n.db, c.Times),
		jobs.Periodic{Name: "read the list", Every: c.Every, Run: r.ReadList},
		jobs.Periodic{Name: "settle", Every: c.SettleEvery(), Run: r.SettleUnknown},
		jobs.Periodic{Name: "look up overdue calls", Every: c.Every, Run: r.LookUpOverdue},
		jobs.Periodic{Name: "erase what came late", Every: 10 * time.Minute, Run: n.db.EraseLate},
		jobs.Periodic{Name: "restore", Every: reconcile.RestoreEvery, Run: restore.Run, WhileLocked: true},
	)
}

func (n node) closeListeners() error {
	err := n.listener.Close()
	if n.admin != nil {
		err = errors.Join(err, n.admin.Close())
	}
	return err
}

// hooks are all paths that strangers reach.
func (n node) hooks(counted *metrics.Metrics) http.Handler {
	verifier := voice.Verifier{Secrets: n.secrets, ApplicationID: n.applicationID}
	return webhooks.NewHandler(webhooks.Config{Verifier: verifier, PublicURL: n.publicURL, Count: counted.Webhook, InboundText: n.inboundText, InboundLanguage: n.inboundLanguage}, meteredDB{n.db, counted}, n.log)
}

// adminPages are the pages that no proxy in front of the webhooks may show.
func (n node) adminPages(counted *metrics.Metrics, people http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", n.guarded(counted.Handler(n.log)))
	mux.Handle("GET /readyz", newReadiness(n.db.CheckSchema))
	mux.Handle("/", people)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		mux.ServeHTTP(w, r)
	})
}
