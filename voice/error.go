package voice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Verdict says what is known about a request that did not clearly succeed.
type Verdict string

const (
	// VerdictRefused means that the request certainly had no effect; no call was made.
	VerdictRefused Verdict = "refused"
	// VerdictUnknown means that the request may have had its effect; a call may have been
	// made.
	VerdictUnknown Verdict = "unknown"
	// VerdictPlaced means that Vonage answered 201, so the call was made, but its uuid
	// could not be read.
	VerdictPlaced Verdict = "placed"
)

var (
	// ErrInvalid means that the request breaks a limit of the API. Nothing was sent, and
	// another try would fail too.
	ErrInvalid = errors.New("invalid request")
	// ErrTokenExpired means that VerifyToken got an expired token.
	ErrTokenExpired = errors.New("token has expired")
	// ErrNotFound means that Vonage has no such call, no longer keeps it, or does not
	// have it in this region.
	ErrNotFound = errors.New("Vonage has no such call")
)

// Error is a request that did not succeed. Its text contains no token, key,
// URL or phone number.
type Error struct {
	Op                string
	Verdict           Verdict
	Status            int // of the response; 0 if none came
	Title             string
	Detail            string
	InvalidParameters []InvalidParameter
	RetryAfter        time.Duration // the wait that the response asks for; 0 for none
	Err               error         // the cause, if no usable response came
}

// InvalidParameter is a parameter that Vonage did not accept.
type InvalidParameter struct{ Name, Reason string }

func (e *Error) Error() string {
	parts := []string{e.Op, string(e.Verdict)}
	if said := e.Said(); said != "" {
		parts = append(parts, said)
	}
	return strings.Join(parts, ": ")
}

// Said is Vonage's answer in its own words, or why no answer came, in one line of at most
// maxSaid characters.
func (e *Error) Said() string {
	var parts []string
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
	return cut(strings.Join(parts, ": "), maxSaid)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is reports that a 404 is an ErrNotFound.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Status == http.StatusNotFound
}

// classify is the only code that decides what a status proves. Unless a status is known
// to prove that nothing happened, the result is unknown. We do not follow a redirect, but
// the server that sent it may have passed the request on.
func classify(status int) Verdict {
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
		return VerdictRefused
	}
	//guard:value(VerdictRefused) voice.TestStatusVerdicts: a 3xx or a 5xx is no proof
	return VerdictUnknown
}

// unsent is the error of a request that was not sent.
func unsent(op string, err error) *Error {
	return &Error{Op: op, Verdict: VerdictRefused, Err: err}
}

// failure is the error for a response whose status is not a success.
func (r reply) failure(op string, now time.Time) *Error {
	e := &Error{Op: op, Verdict: classify(r.status), Status: r.status, RetryAfter: retryAfter(r.header, now)}
	e.readBody(r.body)
	return e
}

// unreadable is the error for a response whose body cannot be used.
func (r reply) unreadable(op string, err error) *Error {
	return &Error{Op: op, Verdict: VerdictUnknown, Status: r.status, Err: err}
}

// scrubbedError is a cause whose text is scrubbed. errors.Is works on it, but it
// cannot be unwrapped, because that would show the whole text.
type scrubbedError struct{ cause error }

// scrubbed hides addresses, tokens and numbers in the text of an error.
func scrubbed(err error) error { return scrubbedError{err} }

func (q scrubbedError) Error() string {
	switch {
	case errors.Is(q.cause, context.DeadlineExceeded):
		return "timed out"
	case errors.Is(q.cause, context.Canceled):
		return "cancelled"
	}
	return scrub(q.cause.Error())
}

func (q scrubbedError) Is(target error) bool { return errors.Is(q.cause, target) }
