package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sameErrorAgain is how long an error that has not changed stays unlogged: a
// loop that fails four times a second must not drown the log.
const sameErrorAgain = time.Minute

// errorLog logs the errors of one piece of repeated work, each once until it changes.
type errorLog struct {
	log *slog.Logger

	mu   sync.Mutex
	last string
	at   time.Time
}

func (l *errorLog) logError(ctx context.Context, msg string, err error) {
	if ctx.Err() != nil {
		return // stopping is not an error
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if text := err.Error(); text != l.last || time.Since(l.at) >= sameErrorAgain {
		l.last, l.at = text, time.Now()
		l.log.ErrorContext(ctx, msg, "error", err)
	}
}

// reset notes that the work succeeded, so the next error is logged again.
func (l *errorLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last = ""
}
