package voicesim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Transport serves requests in process, without sockets, so that a client and
// the simulator can share a testing/synctest bubble.
func (s *Sim) Transport() http.RoundTripper { return inProcess{s, s.track} }

// track runs f in a goroutine that Close waits for, unless it has begun to.
func (s *Sim) track(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		go f()
		return
	}
	s.handlers.Go(f)
}

// InProcess makes a RoundTripper of any handler: as Config.Client's Transport
// it takes callbacks without sockets.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h, func(f func()) { go f() }} }

type inProcess struct {
	handler http.Handler
	start   func(func()) // runs it in a goroutine
}

// RoundTrip serves the request in a goroutine of its own. As over a socket,
// the handler goes on when the client gives up.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	inner, err := arrived(r)
	if err != nil {
		return nil, err
	}
	answers := make(chan *answer, 1)
	t.start(func() { answers <- serve(t.handler, inner) })
	select {
	case a := <-answers:
		return a.response(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// arrived is the request as the far side gets it, its body read whole.
func arrived(r *http.Request) (*http.Request, error) {
	inner := r.Clone(r.Context())
	inner.RequestURI = r.URL.RequestURI()
	inner.Host = r.URL.Host
	inner.Body = http.NoBody
	if r.Body == nil {
		return inner, nil
	}
	body, err := io.ReadAll(r.Body)
	if err := errors.Join(err, r.Body.Close()); err != nil {
		return nil, err
	}
	inner.Body = io.NopCloser(bytes.NewReader(body))
	return inner, nil
}

// answer is the ResponseWriter of an in-process request. Nothing of it is seen
// before the handler has returned.
type answer struct {
	header http.Header
	status int // 0 until the header is written
	body   bytes.Buffer
	cut    bool // the handler broke off
}

func serve(h http.Handler, r *http.Request) (a *answer) {
	a = &answer{header: http.Header{}}
	defer func() {
		if reason := recover(); reason == http.ErrAbortHandler {
			a.cut = true
		} else if reason != nil {
			panic(reason)
		}
	}()
	h.ServeHTTP(a, r)
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	return a
}

// Header is the response's.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader fixes the status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write adds to the body.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// response is what the client sees: nothing at all when the connection was cut
// before the header, and a body that breaks off when it was cut after.
func (a *answer) response(r *http.Request) (*http.Response, error) {
	if a.cut && a.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	body := io.Reader(&a.body)
	if a.cut {
		body = io.MultiReader(body, brokenOff{})
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
