package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"

	"dialer/campaign"
	"dialer/internal/app"
)

// problem is an error in the form of RFC 9457. It contains no number and no secret.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	after  int    // seconds; 0: waiting does not help
}

const problemType = "application/problem+json"

func (p problem) kept() app.KeptAnswer {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	k := app.KeptAnswer{Status: p.Status, Header: map[string]string{"Content-Type": problemType}, Body: mustJSON(p)}
	if p.Status == http.StatusUnauthorized {
		k.Header["WWW-Authenticate"] = `Bearer realm="dialer"`
	}
	if p.after > 0 {
		k.Header["Retry-After"] = strconv.Itoa(p.after)
	}
	return k
}

func writeProblem(w http.ResponseWriter, p problem) {
	write(w, app.Actor{}, p.kept())
}

// requestError is an error with its own status.
type requestError struct {
	status int
	text   string
}

func (e requestError) Error() string { return e.text }

// invalid is the error of a request that asks for something impossible.
func invalid(format string, args ...any) error {
	return requestError{http.StatusUnprocessableEntity, fmt.Sprintf(format, args...)}
}

// fail answers with the error.
func (a *api) fail(w http.ResponseWriter, r *http.Request, of route, by app.Actor, err error) {
	write(w, by, a.problem(r, of, by, err).kept())
}

// problem decides an error's status. An error of the database or the network is logged
// and not shown. After a change, every other error is a reason of the domain.
func (a *api) problem(r *http.Request, of route, by app.Actor, err error) problem {
	p := problem{Status: http.StatusUnprocessableEntity, Detail: err.Error()}
	if own, ok := errors.AsType[requestError](err); ok {
		p.Status = own.status
		return p
	}
	if wait, ok := errors.AsType[tooMany](err); ok {
		p.Status, p.after = http.StatusTooManyRequests, int(wait)
		return p
	}
	_, tooLarge := errors.AsType[*http.MaxBytesError](err)
	switch {
	case errors.Is(err, errNoToken):
		p.Status = http.StatusUnauthorized
	case errors.Is(err, app.ErrForbidden):
		p.Status = http.StatusForbidden
	case errors.Is(err, campaign.ErrNotFound):
		p.Status = http.StatusNotFound
	case errors.Is(err, app.ErrTaken), errors.Is(err, campaign.ErrExists), errors.Is(err, app.ErrInProgress), errors.Is(err, app.ErrUnderWay), errors.Is(err, campaign.ErrEdited):
		p.Status = http.StatusConflict
	case errors.Is(err, app.ErrChanged), errors.Is(err, campaign.ErrEdited):
		p.Status = http.StatusPreconditionFailed
	case errors.Is(err, app.ErrCursor), errors.Is(err, app.ErrOtherRequest), errors.Is(err, app.ErrFigures):
	case tooLarge:
		p.Status, p.Detail = http.StatusRequestEntityTooLarge, "the body is too large"
	case ours(err) || of.reads():
		a.Log.ErrorContext(r.Context(), "a request to the API failed", "method", r.Method, "route", of.pattern, "actor", by.Name, "error", err)
		p.Status, p.Detail, p.after = http.StatusServiceUnavailable, "the dialer cannot do this now; its log says why", 5
	}
	return p
}

// ours reports whether the database, the network or a timeout caused the error.
func ours(err error) bool {
	var state interface{ SQLState() string }
	var retry interface{ SafeToRetry() bool }
	var network net.Error
	return errors.As(err, &state) || errors.As(err, &retry) || errors.As(err, &network) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
