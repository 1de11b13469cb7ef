package voice

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// repeat says when a request may be sent again.
type repeat int

const (
	// repeatNever: it is sent once, whatever comes of it.
	repeatNever repeat = iota
	// repeatRefused: where it is certain that the request had no effect.
	repeatRefused
	// repeatFreely: also where it may have had its effect, because a second
	// time changes nothing.
	repeatFreely
)

const (
	maxTries     = 4
	maxPause     = 30 * time.Second // a longer Retry-After is the caller's to wait for
	firstBackoff = 250 * time.Millisecond
	// notReady is how long Vonage may refuse control of a call that was
	// just made.
	notReady      = 2 * time.Second
	notReadyTries = 2
)

// do sends r until it succeeds, may not be repeated, or has been tried often
// enough. Each try has a turn and a token of its own.
func (c *Client) do(ctx context.Context, r request) (reply, error) {
	throttle := c.throttle
	if r.first {
		throttle = c.throttleFirst
	}
	for try := 1; ; try++ {
		turn, refused := throttle(ctx)
		if refused != nil {
			return reply{}, unsent(r.op, quiet(refused))
		}
		r.turn = turn
		rep, err := c.try(ctx, r)
		if err == nil {
			return rep, nil
		}
		pause, again := r.repeat.after(try, r.method, err)
		if !again || sleep(ctx, pause) != nil {
			return reply{}, err
		}
	}
}

func (c *Client) try(ctx context.Context, r request) (reply, *Error) {
	signed, err := c.sign(c.freshToken())
	if err != nil {
		r.turn.Done(time.Time{}, 0)
		return reply{}, unsent(r.op, err)
	}
	r.token = signed
	rep, failed := c.exchange(ctx, r)
	switch {
	case failed != nil:
		return reply{}, failed
	case rep.status < 200 || rep.status > 299:
		return reply{}, rep.failure(r.op, c.now())
	case rep.bodyErr != nil && r.method == http.MethodGet: // of the others the status says enough
		return reply{}, rep.unreadable(r.op, rep.bodyErr)
	}
	return rep, nil
}

// after says whether to try again after e, the try'th failure, and when.
func (p repeat) after(try int, method string, e *Error) (time.Duration, bool) {
	pause := max(backoff(try), e.RetryAfter)
	switch {
	case p == repeatNever, try >= maxTries, pause > maxPause, errors.Is(e, context.Canceled):
		return 0, false
	case e.Status == http.StatusTooManyRequests:
		return pause, true
	case e.Status == http.StatusBadRequest:
		// Vonage's way to say that a call cannot be controlled yet. With
		// parameters named it means what it says.
		return notReady, method != http.MethodGet && try <= notReadyTries && len(e.InvalidParameters) == 0
	case e.Verdict == VerdictRefused:
		return pause, e.Status == 0 && !errors.Is(e, ErrInvalid)
	}
	return pause, p == repeatFreely && (e.Status == 0 || e.Status == http.StatusOK || e.Status >= 500)
}

// backoff doubles with each try, with jitter so that processes that failed
// together do not come back together.
func backoff(try int) time.Duration {
	full := firstBackoff << min(try, 6)
	return full/2 + rand.N(full/2)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
