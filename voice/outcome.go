package voice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Verdict says what is known of a request that did not plainly succeed.
type Verdict string

const (
	// VerdictRefused: it is certain that the request had no effect; no call
	// was made.
	VerdictRefused Verdict = "refused"
	// VerdictUnknown: it may have had its effect; a call may have been made.
	VerdictUnknown Verdict = "unknown"
	// VerdictPlaced: Vonage said 201, so the call was made, but its uuid
	// could not be read.
	VerdictPlaced Verdict = "placed"
)

var (
	// ErrInvalid: the request breaks a limit of the API; nothing was sent, and
	// it would be refused again.
	ErrInvalid = errors.New("invalid request")
	// ErrTokenExpired: the time of a token that was verified had passed.
	ErrTokenExpired = errors.New("token has expired")
	// ErrNotFound: Vonage has no such call, or not any more, or not in
	// this region.
	ErrNotFound = errors.New("Vonage has no such call")
)

// Error is a request that did not succeed. Its text holds no token, key, URL
// or phone number.
type Error struct {
	Op                string
	Verdict           Verdict
	Status            int // of the response; 0 when none came
	Title             string
	Detail            string
	InvalidParameters []InvalidParameter
	RetryAfter        time.Duration // as the response asked; 0 when it did not
	Err               error         // the cause, when no usable response came
}

// InvalidParameter is one that Vonage would not take.
type InvalidParameter struct{ Name, Reason string }

func (e *Error) Error() string {
	parts := []string{e.Op, string(e.Verdict)}
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	}
	if e.Title != "" && e.Title != http.StatusText(e.Status) {
		parts = append(parts, e.Title)
	}
	if e.Detail != "" {
		parts = append(parts, e.Detail)
	}
	for _, p := range e.InvalidParameters {
		parts = append(parts, p.Name+" "+p.Reason)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes a 404 an ErrNotFound.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound
}

// classify is the one place that says what a status proves. Whatever is not
// known to prove that nothing happened proves nothing.
func classify(status int) Verdict {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		return VerdictRefused
	}
	if status >= 300 && status < 400 { // redirects are not followed
		return VerdictRefused
	}
	return VerdictUnknown
}

// unsent is the error of a request that never left.
func unsent(op string, err error) *Error {
	return &Error{Op: op, Verdict: VerdictRefused, Err: err}
}

// failure is the error that a response with an unwelcome status is.
func (r reply) failure(op string, now time.Time) *Error {
	e := &Error{Op: op, Verdict: classify(r.status), Status: r.status, RetryAfter: retryAfter(r.header, now)}
	e.readBody(r.body)
	return e
}

// unreadable is the error of a response that should have had a usable body.
func (r reply) unreadable(op string, err error) *Error {
	return &Error{Op: op, Verdict: VerdictUnknown, Status: r.status, Err: err}
}

// quietError shows a cause without what must not be shown. It can be compared
// with errors.Is and errors.As but not unwrapped, which would show it all.
type quietError struct{ cause error }

// quiet hides addresses, tokens and numbers in the text of err.
func quiet(err error) error { return quietError{err} }

func (q quietError) Error() string {
	switch {
	case errors.Is(q.cause, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(q.cause, context.Canceled):
		return "cancelled"
	}
	return scrub(q.cause.Error())
}

func (q quietError) Is(target error) bool { return errors.Is(q.cause, target) }
