package webhooks

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialer/campaign"
)

// alarmEvery is how often an alarm is raised while its cause continues.
const alarmEvery = time.Minute

// requestAlarm is an alarm about requests that anybody can send in any number. It
// must not fill the log: it is raised for the first request at once, and then once
// a minute with the count of the others.
type requestAlarm struct {
	kind   string
	detail string // must contain nothing from the request

	mu     sync.Mutex
	count  int
	raised time.Time
}

// add counts a request, and returns the count if it is time to raise the alarm.
func (a *requestAlarm) add(now time.Time) (count int, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count++
	if !a.raised.IsZero() && now.Sub(a.raised) < alarmEvery {
		return 0, false
	}
	count, a.count, a.raised = a.count, 0, now
	return count, true
}

// raise counts a request, and logs and stores the alarm if it is time to.
func (h *handler) raise(ctx context.Context, a *requestAlarm, now time.Time, cause error) {
	count, due := a.add(now)
	if !due {
		return
	}
	h.log.LogAttrs(ctx, slog.LevelWarn, a.detail, slog.Int("count", count), slog.Any("error", cause))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.deadline)
	defer cancel()
	if err := h.store.RaiseSeldom(ctx, campaign.Alarm{Kind: a.kind, Detail: a.detail}); err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "alarm not stored", slog.String("kind", a.kind), slog.Any("error", err))
	}
}
