package voicesim

import (
	"maps"
	"sync"
)

// Summary counts what the simulator saw and did.
type Summary struct {
	Creates             int            `json:"creates"`               // POSTs to /calls that arrived
	Placed              int            `json:"placed"`                // calls
	Legs                int            `json:"legs"`                  // made by connect actions
	Inbound             int            `json:"inbound"`               // calls of people who rang the application
	Throttled           int            `json:"throttled"`             // connect actions without a leg, because of the limit
	InProgress          int            `json:"in_progress"`           // of both, those that have not ended
	Requests            int            `json:"requests"`              // other requests that arrived
	Refused             map[int]int    `json:"refused"`               // requests without an effect, by status
	Faults              map[string]int `json:"faults"`                // by name, see Faults
	ExpiredTokens       int            `json:"expired_tokens"`        // requests that were refused because of one
	EventsSent          int            `json:"events_sent"`           // and answered 200 to 205
	EventsFailed        int            `json:"events_failed"`         // sent once or twice without success
	EventsPending       int            `json:"events_pending"`        // not sent yet, or being sent
	ForgedSent          int            `json:"forged_sent"`           // webhooks with the token of another one; not counted as events
	ForgedTaken         int            `json:"forged_taken"`          // of these, answered 200 to 205
	MaxCreatesPerSecond int            `json:"max_creates_in_second"` // in any sliding second, of those that arrived
	MaxPlacedPerSecond  int            `json:"max_placed_in_second"`  // in any sliding second, of calls and legs
}

type stats struct {
	mu      sync.Mutex
	summary Summary

	arrivals, placements window // guarded by Sim.mu
}

func newStats() *stats {
	return &stats{summary: Summary{Refused: map[int]int{}, Faults: map[string]int{}}}
}

func (s *stats) count(change func(*Summary)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.summary)
}

func (s *stats) refused(status int) { s.count(func(m *Summary) { m.Refused[status]++ }) }

func (s *stats) fault(f fault) { s.count(func(m *Summary) { m.Faults[string(f)]++ }) }

// Summary is the count so far.
func (s *Sim) Summary() Summary {
	s.mu.Lock()
	arrived, placed := s.stats.arrivals.max, s.stats.placements.max
	s.mu.Unlock()
	var m Summary
	s.stats.count(func(now *Summary) {
		m = *now
		m.Refused, m.Faults = maps.Clone(now.Refused), maps.Clone(now.Faults)
	})
	m.MaxCreatesPerSecond, m.MaxPlacedPerSecond = arrived, placed
	return m
}
