package voicesim

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Sim is one simulated provider with one application. It is an http.Handler for
// the Voice API under /v1, and for its own ledger under /ledger.
type Sim struct {
	cfg      Config
	likely   map[fault]float64
	weights  []chance // of outcomes
	total    float64  // of weights
	routes   *http.ServeMux
	schedule *schedule
	post     *postman
	stats    *stats

	done     chan struct{}  // closed by Close
	handlers sync.WaitGroup // requests served in process, and the schedule's loop

	mu      sync.Mutex // guards what follows, and every call
	closed  bool
	calls   []*call // in the order in which they were placed
	byUUID  map[uuid.UUID]*call
	tried   map[string]int // POSTs to each number
	rooms   map[string]*room
	texts   map[string]string // see shared
	reads   int               // GETs so far
	kept    int               // calls before this one are past retention
	creates *limit
	others  *limit
}

// New starts a simulator. Close ends it.
func New(cfg Config) (*Sim, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("voicesim: %w", err)
	}
	cfg = cfg.withDefaults()
	s := &Sim{
		cfg:      cfg,
		likely:   cfg.Faults.others(),
		schedule: newSchedule(),
		stats:    newStats(),
		done:     make(chan struct{}),
		byUUID:   map[uuid.UUID]*call{},
		tried:    map[string]int{},
		rooms:    map[string]*room{},
		texts:    map[string]string{},
		creates:  newLimit(cfg.CallsPerSecond),
		others:   newLimit(cfg.RequestsPerSecond),
	}
	for _, name := range outcomes {
		weight := cfg.Outcomes.Weights[name]
		s.weights = append(s.weights, chance{name, weight})
		s.total += weight
	}
	s.post = newPostman(s)
	s.routes = s.newRoutes()
	s.handlers.Go(func() { s.schedule.loop(s.done) })
	return s, nil
}

func (s *Sim) newRoutes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/calls", s.create)
	mux.HandleFunc("GET /v1/calls", s.provider(s.list))
	mux.HandleFunc("GET /v1/calls/{uuid}", s.provider(s.get))
	mux.HandleFunc("PUT /v1/calls/{uuid}", s.provider(s.onCall(s.update)))
	mux.HandleFunc("PUT /v1/calls/{uuid}/stream", s.provider(s.onCall(s.startStream)))
	mux.HandleFunc("DELETE /v1/calls/{uuid}/stream", s.provider(s.onCall(s.stopStream)))
	mux.HandleFunc("PUT /v1/calls/{uuid}/talk", s.provider(s.onCall(s.startTalk)))
	mux.HandleFunc("DELETE /v1/calls/{uuid}/talk", s.provider(s.onCall(s.stopTalk)))
	mux.HandleFunc("PUT /v1/calls/{uuid}/dtmf", s.provider(s.onCall(s.sendDTMF)))
	if !s.cfg.ContractShapes { // which has no such operation
		mux.HandleFunc("PUT /v1/calls/{uuid}/input/dtmf", s.provider(s.onCall(s.subscribe)))
		mux.HandleFunc("DELETE /v1/calls/{uuid}/input/dtmf", s.provider(s.onCall(s.unsubscribe)))
	}
	mux.HandleFunc("/", s.provider(s.nothing))
	mux.HandleFunc("GET /ledger", s.serveLedger)
	mux.HandleFunc("GET /ledger/summary", s.serveSummary)
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

// provider wraps what serves every request but createCall: the token first,
// then the limit.
func (s *Sim) provider(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		now := s.now()
		s.stats.count(func(m *Summary) { m.Requests++ })
		if _, ok := s.authorised(w, r, now); !ok {
			return
		}
		s.mu.Lock()
		room := s.others.allow(now)
		s.mu.Unlock()
		if !room {
			s.stats.refused(http.StatusTooManyRequests)
			tooManyRequests(w)
			return
		}
		serve(w, r)
	}
}

// nothing answers for what the API does not have.
func (s *Sim) nothing(w http.ResponseWriter, _ *http.Request) {
	s.stats.refused(http.StatusNotFound)
	gatewayError(w, http.StatusNotFound)
}

// Close stops all calls where they are and waits for the callbacks and the
// in-process requests that are under way. When ctx ends first, they are
// interrupted, and its error is returned.
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
		s.post.wait()
		close(stopped)
	}()
	select {
	case <-stopped:
		s.post.interrupt()
		return nil
	case <-ctx.Done():
		s.post.interrupt()
		<-stopped
		return fmt.Errorf("close the simulator: %w", context.Cause(ctx))
	}
}

func (s *Sim) now() time.Time { return s.cfg.Now().UTC() }

// pause waits, and reports false when the simulator is closed meanwhile or
// abandoned is.
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
