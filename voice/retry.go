package voice

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// retryRule says when a request may be sent again.
type retryRule int

const (
	// retryNever: send the request once, whatever the result.
	retryNever retryRule = iota
	// retryIfRefused: send it again if it certainly had no effect.
	retryIfRefused
	// retryAlways: send it again also if it may have had its effect, because
	// it is idempotent.
	retryAlways
)

const (
	maxTries     = 4
	maxPause     = 30 * time.Second // for a longer Retry-After the caller must wait
	firstBackoff = 250 * time.Millisecond
	// notReady is how long Vonage may refuse to control a call after it was
	// made.
	notReady      = 2 * time.Second
	notReadyTries = 2
)

// do sends r until it succeeds, must not be sent again, or was tried maxTries
// times. Each try has its own permit and its own token.
func (c *Client) do(ctx context.Context, r request) (reply, error) {
	throttle := c.throttle
	if r.first {
		throttle = c.throttleFirst
	}
	mayHaveWorked := false // a try before this one
	for try := 1; ; try++ {
		permit, refused := throttle(ctx)
		if refused != nil {
			e := unsent(r.op, scrubbed(refused))
			if mayHaveWorked {
				e.Verdict = VerdictUnknown
			}
			return reply{}, e
		}
		r.permit = permit
		rep, err := c.try(ctx, r)
		if err == nil {
			return rep, nil
		}
		//guard:false voice.TestRefusalAfterAnUnknownTry: that a try is refused says nothing of the one before
		if mayHaveWorked && err.Verdict == VerdictRefused {
			err.Verdict = VerdictUnknown
		}
		mayHaveWorked = mayHaveWorked || err.Verdict == VerdictUnknown
		pause, again := r.retry.after(try, r.method, err)
		if !again || sleep(ctx, pause) != nil {
			return reply{}, err
		}
	}
}

func (c *Client) try(ctx context.Context, r request) (reply, *Error) {
	signed, err := c.sign(c.freshToken())
	if err != nil {
		r.permit.Done(time.Time{}, 0)
		return reply{}, unsent(r.op, err)
	}
	r.token = signed
	rep, failed := c.exchange(ctx, r)
	switch {
	case failed != nil:
		return reply{}, failed
	case rep.status < 200 || rep.status > 299:
		return reply{}, rep.failure(r.op, c.now())
	case rep.bodyErr != nil && r.method == http.MethodGet: // for other methods the status is enough
		return reply{}, rep.unreadable(r.op, rep.bodyErr)
	}
	return rep, nil
}

// after says whether to try again after the error e of this try, and how long
// to wait first.
func (p retryRule) after(try int, method string, e *Error) (time.Duration, bool) {
	pause := max(backoff(try), e.RetryAfter)
	switch {
	case p == retryNever, try >= maxTries, pause > maxPause, errors.Is(e, context.Canceled):
		return 0, false
	case e.Status == http.StatusTooManyRequests:
		return pause, true
	case e.Status == http.StatusBadRequest:
		// With this status Vonage says that a call cannot be controlled yet.
		// If it names parameters, the request itself is invalid.
		return notReady, method != http.MethodGet && try <= notReadyTries && len(e.InvalidParameters) == 0
	case e.Verdict == VerdictRefused:
		return pause, e.Status == 0 && !errors.Is(e, ErrInvalid)
	}
	return pause, p == retryAlways && (e.Status == 0 || e.Status == http.StatusOK || e.Status >= 500)
}

// backoff doubles with each try. Its jitter keeps processes that failed at the
// same time from trying again at the same time.
func backoff(try int) time.Duration {
	full := firstBackoff << min(try, 6)
	return full/2 + rand.N(full/2)
}

// sleep waits for d, or less when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	over, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-over.Done()
	return ctx.Err()
}
