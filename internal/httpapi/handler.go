package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
)

// request is a permitted request. Its context names the actor for the operation, and its
// body is body.
type request struct {
	*http.Request
	by   app.Actor
	body []byte
}

type actorKey struct{}

func newRequest(ctx context.Context, r *http.Request, by app.Actor, body []byte) request {
	r = r.WithContext(context.WithValue(ctx, actorKey{}, by))
	r.Body = io.NopCloser(bytes.NewReader(body))
	return request{r, by, body}
}

// actorOf is the actor in an operation's context.
func actorOf(ctx context.Context) app.Actor { return ctx.Value(actorKey{}).(app.Actor) }

// handler serves a route.
func (a *api) handler(of route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timeout := readTimeout
		if of.slow {
			timeout = slowTimeout
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(timeout)) // a test's writer has none
			_ = control.SetWriteDeadline(time.Now().Add(timeout))
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		by, err := a.actor(ctx, r)
		if err == nil {
			err = a.limit(w, by)
		}
		//guard:false internal/httpapi.TestRoles: who has too little of a role is refused
		if err == nil && !by.May(of.least) {
			err = fmt.Errorf("%w: it takes the role %s", app.ErrForbidden, of.least)
		}
		if err != nil {
			a.fail(w, r, of, by, err)
			return
		}
		//guard:drop cmd/dialer.TestAdminListenerKeepsWhatItServes: a request to the API that is being served keeps its connection
		defer a.Serving(r.Context())()
		release, err := a.place(w, of)
		if err != nil {
			a.fail(w, r, of, by, err)
			return
		}
		defer release()
		body, err := bodyOf(w, r, of)
		if err != nil {
			a.fail(w, r, of, by, err)
			return
		}
		a.serve(w, newRequest(ctx, r, by, body), of)
	})
}

// place takes one of the few places for imports before the body is read, so that slow
// uploads take bounded memory. For a report it takes one of the places for reports, so
// that the database has time for calls. It does not wait for a free place.
func (a *api) place(w http.ResponseWriter, of route) (release func(), err error) {
	var places chan struct{}
	switch {
	//guard:false internal/httpapi.TestSlowUploadsAreBounded: no more bodies are read at once than there are places
	case of.rows:
		places = a.importing
	//guard:false internal/httpapi.TestReportsAreBounded: no more reports are counted at once than there are places
	case of.counts:
		places = a.counting
	default:
		return func() {}, nil
	}
	select {
	case places <- struct{}{}:
		if of.rows {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTimeout)) // a test's writer has none
		}
		return func() { <-places }, nil
	default:
		return nil, tooMany(5)
	}
}

// bodyOf reads the body. A route that only reads has none.
func bodyOf(w http.ResponseWriter, r *http.Request, of route) ([]byte, error) {
	if of.reads() {
		return nil, nil
	}
	limit := int64(maxBody)
	if of.rows {
		limit = maxRows
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
}

var errNoToken = errors.New("send Authorization: Bearer with a token, as `dialer token add` prints it")

// actor finds who sends the request.
func (a *api) actor(ctx context.Context, r *http.Request) (app.Actor, error) {
	token := auth.Bearer(r)
	if token == "" {
		return app.Actor{}, errNoToken
	}
	if a.AdminToken != "" && auth.Same(token, a.AdminToken) {
		return app.Actor{Name: app.AdminTokenName, Role: app.Admin, Through: app.ThroughAPI}, nil
	}
	found, err := a.Store.TokenOf(ctx, auth.HashSecret(token))
	if errors.Is(err, campaign.ErrNotFound) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if ok, after := a.strangers.Allow(host, time.Now()); !ok {
			return app.Actor{}, tooMany(after)
		}
		return app.Actor{}, errNoToken
	}
	return found.Actor(), err
}

// tooMany is the error for too many requests. Its value is the number of seconds until
// the next one may come.
type tooMany int

func (t tooMany) Error() string { return fmt.Sprintf("too many requests: wait %d s", int(t)) }

// limit bounds the number of requests of each token.
func (a *api) limit(w http.ResponseWriter, by app.Actor) error {
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"token";q=%d;w=%d`, requestBurst, requestBurst/requestsPerSecond))
	if ok, after := a.limiter.Allow(by.Name, time.Now()); !ok {
		return tooMany(after)
	}
	return nil
}
