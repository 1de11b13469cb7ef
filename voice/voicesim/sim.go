package voicesim

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Sim is a simulated Vonage account with one application. It is an http.Handler
// for the Voice API under /v1 and for its own ledger under /ledger.
type Sim struct {
	cfg         Config
	probability map[fault]float64
	numberForms []chance // of a number on a record
	began       time.Time
	weights     []chance // of outcomes
	total       float64  // of weights
	keys        []chance // what people press
	keysTotal   float64
	habits      []chance
	habitsTotal float64
	routes      *http.ServeMux
	schedule    *schedule
	callbacks   *callbackSender
	stats       *stats

	done     chan struct{}  // closed by Close
	handlers sync.WaitGroup // in-process requests and the schedule's loop

	webhooksMu sync.Mutex
	webhooks   []LedgerWebhook

	mu           sync.Mutex // guards what follows, and every call
	closed       bool
	calls        []*call // in the order in which they were made
	byUUID       map[uuid.UUID]*call
	attempts     map[string]int // POSTs to each number
	rooms        map[string]*room
	texts        map[string]string // see shared
	reads        int               // GETs so far
	firstKept    int               // the calls before this index are past retention
	createLimit  *limit
	requestLimit *limit
}

// New starts a simulator. Close stops it.
func New(cfg Config) (*Sim, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("voicesim: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Sim{
		cfg:          cfg,
		probability:  cfg.Faults.ofOthers(),
		numberForms:  cfg.Faults.ofNumber(),
		began:        cfg.Now(),
		schedule:     newSchedule(),
		stats:        newStats(),
		done:         make(chan struct{}),
		byUUID:       map[uuid.UUID]*call{},
		attempts:     map[string]int{},
		rooms:        map[string]*room{},
		texts:        map[string]string{},
		createLimit:  newLimit(cfg.CallsPerSecond),
		requestLimit: newLimit(cfg.RequestsPerSecond),
	}
	if cfg.Handset != nil {
		cfg.Handset.sim = s
	}
	for _, name := range outcomes {
		weight := cfg.Outcomes.Weights[name]
		s.weights = append(s.weights, chance{name, weight})
		s.total += weight
	}
	for _, keys := range slices.Sorted(maps.Keys(cfg.Outcomes.Keys)) {
		weight := cfg.Outcomes.Keys[keys]
		s.keys = append(s.keys, chance{keys, weight})
		s.keysTotal += weight
	}
	for _, name := range habits {
		weight := cfg.Outcomes.Habits[name]
		s.habits = append(s.habits, chance{name, weight})
		s.habitsTotal += weight
	}
	if s.habitsTotal == 0 {
		s.habits = nil
	}
	s.callbacks = newCallbackSender(s)
	s.routes = s.newRoutes()
	s.handlers.Go(func() { s.schedule.loop(s.done) })
	return s, nil
}

func (s *Sim) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/calls", s.create)
	mux.HandleFunc("GET /v1/calls", s.withLimit(s.list))
	mux.HandleFunc("GET /v1/calls/{uuid}", s.withLimit(s.get))
	mux.HandleFunc("PUT /v1/calls/{uuid}", s.withLimit(s.onCall(s.update)))
	mux.HandleFunc("PUT /v1/calls/{uuid}/stream", s.withLimit(s.onCall(s.startStream)))
	mux.HandleFunc("DELETE /v1/calls/{uuid}/stream", s.withLimit(s.onCall(s.stopStream)))
	mux.HandleFunc("PUT /v1/calls/{uuid}/talk", s.withLimit(s.onCall(s.startTalk)))
	mux.HandleFunc("DELETE /v1/calls/{uuid}/talk", s.withLimit(s.onCall(s.stopTalk)))
	mux.HandleFunc("PUT /v1/calls/{uuid}/dtmf", s.withLimit(s.onCall(s.sendDTMF)))
	if !s.cfg.ContractShapes { // the contract has no such operation
		mux.HandleFunc("PUT /v1/calls/{uuid}/input/dtmf", s.withLimit(s.onCall(s.subscribe)))
		mux.HandleFunc("DELETE /v1/calls/{uuid}/input/dtmf", s.withLimit(s.onCall(s.unsubscribe)))
	}
	mux.HandleFunc("/", s.withLimit(s.notFound))
	mux.HandleFunc("GET /ledger", s.serveLedger)
	mux.HandleFunc("GET /ledger/summary", s.serveSummary)
	mux.HandleFunc("GET /ledger/webhooks", s.serveWebhooks)
	return mux
}

// ServeHTTP serves the API. A trailing slash makes no difference.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if path := strings.TrimRight(r.URL.Path, "/"); path != r.URL.Path && path != "" {
		r = r.Clone(r.Context())
		r.URL.Path = path
	}
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	w.Header().Set("X-Nexmo-Trace-Id", newTrace())
	s.routes.ServeHTTP(w, r)
}

// withLimit wraps the handlers of every request but createCall: it checks the
// token and then the limit.
func (s *Sim) withLimit(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := s.now()
		s.stats.count(func(m *Summary) { m.Requests++ })
		if _, ok := s.authorised(w, r, now); !ok {
			return
		}
		s.mu.Lock()
		allowed := s.requestLimit.allow(s.cfg.Now())
		s.mu.Unlock()
		if !allowed {
			s.stats.refused(http.StatusTooManyRequests)
			tooManyRequests(w)
			return
		}
		serve(w, r)
	}
}

// notFound answers requests for paths that the API does not have.
func (s *Sim) notFound(w http.ResponseWriter, _ *http.Request) {
	s.stats.refused(http.StatusNotFound)
	gatewayError(w, http.StatusNotFound)
}

// Close stops all calls in their current state and waits for the callbacks and
// in-process requests in progress. If ctx ends first, it interrupts them and
// returns the context's error.
func (s *Sim) Close(ctx context.Context) error {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	s.mu.Unlock()
	if first {
		close(s.done)
	}
	stopped := make(chan struct{})
	go func() {
		s.handlers.Wait()
		s.callbacks.wait()
		close(stopped)
	}()
	select {
	case <-stopped:
		s.callbacks.interrupt()
		return nil
	case <-ctx.Done():
		s.callbacks.interrupt()
		<-stopped
		return fmt.Errorf("close the simulator: %w", context.Cause(ctx))
	}
}

// now is the time on Vonage's clock, which need not be right.
func (s *Sim) now() time.Time {
	f, t := s.cfg.Faults, s.cfg.Now().UTC()
	return t.Add(f.ClockAhead + time.Duration(f.ClockDrift*float64(t.Sub(s.began))))
}

// pause waits for d. It returns false as soon as the simulator or abandoned is
// closed.
func (s *Sim) pause(d time.Duration, abandoned <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-abandoned:
		return false
	case <-s.done:
		return false
	}
}

func newTrace() string { return strings.ReplaceAll(uuid.NewString(), "-", "") }
