package main

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// onceAWhile is a log handler that writes a record with an error once. While the same
// record repeats, it writes it once in repeatAfter with the count. So an outage of
// Postgres is one line, and not one for each webhook.
type onceAWhile struct {
	slog.Handler
	seen *seenRecords
}

const (
	repeatAfter = 30 * time.Second
	// mostErrors bounds the memory.
	mostErrors = 1000
	errorStart = 80
)

type seenRecords struct {
	mu   sync.Mutex
	last map[string]*seenRecord // by the message and the error
}

type seenRecord struct {
	at    time.Time
	times int // since then
}

func newOnceAWhile(h slog.Handler) slog.Handler {
	return onceAWhile{h, &seenRecords{last: map[string]*seenRecord{}}}
}

func (o onceAWhile) Handle(ctx context.Context, r slog.Record) error {
	if r.Level < slog.LevelWarn {
		return o.Handler.Handle(ctx, r)
	}
	key := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "error" && a.Key != "err" {
			return true
		}
		text := a.Value.String()
		key = r.Message + ": " + text[:min(len(text), errorStart)]
		return false
	})
	if key == "" {
		return o.Handler.Handle(ctx, r)
	}
	repeated, write := o.seen.add(key, r.Time)
	if !write {
		return nil
	}
	if repeated > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("repeated", repeated))
	}
	return o.Handler.Handle(ctx, r)
}

// add reports whether to write the record, and how many equal ones were not written since
// the last.
func (s *seenRecords) add(key string, at time.Time) (repeated int, write bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := s.last[key]
	if last == nil {
		if len(s.last) < mostErrors {
			s.last[key] = &seenRecord{at: at}
		}
		return 0, true
	}
	if at.Sub(last.at) < repeatAfter {
		last.times++
		return 0, false
	}
	repeated = last.times
	last.at, last.times = at, 0
	return repeated, true
}

func (o onceAWhile) WithAttrs(attrs []slog.Attr) slog.Handler {
	return onceAWhile{o.Handler.WithAttrs(attrs), o.seen}
}

func (o onceAWhile) WithGroup(name string) slog.Handler {
	return onceAWhile{o.Handler.WithGroup(name), o.seen}
}
