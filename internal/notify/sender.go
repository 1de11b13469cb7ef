package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// Store keeps messages until they are delivered.
type Store interface {
	OpenHooks(ctx context.Context) ([]campaign.HookTarget, error)
	ClaimMessages(ctx context.Context, hook int64, limit int, lease time.Duration) ([]campaign.HookMessage, error)
	Delivered(ctx context.Context, id uuid.UUID) error
	// NotDelivered notes a failed try. A wait of 0 means that the message is not tried
	// any more.
	NotDelivered(ctx context.Context, id uuid.UUID, failure string, wait time.Duration) error
}

const (
	lookEvery = time.Second
	// atOnce is how many messages are sent to one hook at once.
	atOnce = 8
	// lease is longer than a try may take. After it, a message whose process died is
	// tried again.
	lease       = time.Minute
	tryTimeout  = 10 * time.Second
	saveTimeout = 5 * time.Second
)

// waits are the pauses between tries. After the last try, some four days later, a message
// is dead.
var waits = []time.Duration{
	3 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour,
	12 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// waitAfter is the wait after a failed try; 0: there is no further try. From the second
// try on it is up to a tenth longer at random, so that many tries do not come at once.
func waitAfter(tries int) time.Duration {
	switch {
	case tries > len(waits):
		return 0
	case tries <= 1:
		return waits[0]
	}
	wait := waits[tries-1]
	return wait + rand.N(wait/10)
}

// Sender delivers messages. Any number of processes may run one each.
type Sender struct {
	store Store
	log   *slog.Logger

	mu      sync.Mutex
	sending map[int64]bool // by hook
	failing bool           // the store; it is logged once
}

// New makes a Sender.
func New(store Store, log *slog.Logger) *Sender {
	return &Sender{store: store, log: log, sending: map[int64]bool{}}
}

// Run delivers until ctx ends. A try that is under way at that moment is finished or
// broken off, and its result is noted.
func (s *Sender) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		hooks, err := s.store.OpenHooks(ctx)
		s.note(ctx, err)
		for _, h := range hooks {
			if s.begin(h.ID) {
				wg.Go(func() {
					defer s.end(h.ID)
					s.drain(ctx, h)
				})
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// note logs the first of a run of errors of the store.
func (s *Sender) note(ctx context.Context, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !s.failing && ctx.Err() == nil {
		s.log.ErrorContext(ctx, "webhooks out wait for the database", "error", err)
	}
	s.failing = err != nil
}

func (s *Sender) begin(hook int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sending[hook] {
		return false
	}
	s.sending[hook] = true
	return true
}

func (s *Sender) end(hook int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sending, hook)
}

// drain delivers a hook's messages until none is due. A slow hook does not delay the
// others.
func (s *Sender) drain(ctx context.Context, h campaign.HookTarget) {
	client := newClient(h.AllowPrivate)
	defer client.CloseIdleConnections()
	for ctx.Err() == nil {
		list, err := s.store.ClaimMessages(ctx, h.ID, atOnce, lease)
		if s.note(ctx, err); err != nil || len(list) == 0 {
			return
		}
		var wg sync.WaitGroup
		for _, m := range list {
			wg.Go(func() {
				s.deliver(ctx, h, m, func(ctx context.Context, body []byte) error { return post(ctx, client, h, m, body) })
			})
		}
		wg.Wait()
	}
}

// body is the sent form of a message. It is the same at each try.
type body struct {
	Type      string          `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"`
}

// deliver tries once, and notes the result.
func (s *Sender) deliver(ctx context.Context, h campaign.HookTarget, m campaign.HookMessage, send func(context.Context, []byte) error) {
	text, err := json.Marshal(body{m.Type, m.At.UTC(), m.Data})
	if err == nil {
		try, cancel := context.WithTimeout(ctx, tryTimeout)
		err = send(try, text)
		cancel()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err == nil {
		s.note(ctx, s.store.Delivered(ctx, m.ID))
		return
	}
	wait := waitAfter(m.Tries)
	if wait == 0 {
		s.log.WarnContext(ctx, "a webhook out is tried no more: dialer hook failed", "hook", h.ID, "message", m.ID, "failure", failureOf(err))
	}
	s.note(ctx, s.store.NotDelivered(ctx, m.ID, failureOf(err), wait))
}

// failureOf is why a try failed. It shows only the host of an address, because the rest
// may be secret.
func failureOf(err error) string {
	switch {
	case errors.Is(err, errPrivate):
		return errPrivate.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %v", tryTimeout)
	case errors.Is(err, context.Canceled):
		return "this process was stopped"
	}
	return err.Error()
}
