package voicesim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// Transport serves requests in process, without sockets, so that a client and the
// simulator can run in one testing/synctest bubble.
func (s *Sim) Transport() http.RoundTripper { return inProcess{s, s.track} }

// track runs f in a goroutine. Close waits for it, unless Close has already started.
func (s *Sim) track(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		go f()
		return
	}
	s.handlers.Go(f)
}

// InProcess makes a RoundTripper from a handler. As the Transport of Config.Client
// it receives callbacks without sockets.
func InProcess(h http.Handler) http.RoundTripper { return inProcess{h, func(f func()) { go f() }} }

type inProcess struct {
	handler http.Handler
	start   func(func()) // runs its argument in a goroutine
}

// RoundTrip serves the request in a new goroutine. As over a socket, the handler
// continues when the client gives up.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	inner, err := serverRequest(r)
	if err != nil {
		return nil, err
	}
	answers := make(chan *recorder, 1)
	t.start(func() { answers <- serve(t.handler, inner) })
	select {
	case a := <-answers:
		return a.response(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// serverRequest is the request as the server gets it, with its whole body.
func serverRequest(r *http.Request) (*http.Request, error) {
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

// recorder is the ResponseWriter of an in-process request. The client gets the
// response when the handler returns.
type recorder struct {
	header  http.Header
	status  int // 0 until the header is written
	body    bytes.Buffer
	aborted bool // the handler aborted
}

func serve(h http.Handler, r *http.Request) (a *recorder) {
	a = &recorder{header: http.Header{}}
	defer func() {
		if reason := recover(); reason == http.ErrAbortHandler {
			a.aborted = true
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

// Header is the response's header.
func (a *recorder) Header() http.Header { return a.header }

// WriteHeader sets the status.
func (a *recorder) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write adds to the body.
func (a *recorder) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// response is what the client gets: an error if the handler aborted before the
// header, and a truncated body if it aborted after it.
func (a *recorder) response(r *http.Request) (*http.Response, error) {
	if a.aborted && a.status == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	body := io.Reader(&a.body)
	if a.aborted {
		body = io.MultiReader(body, truncatedReader{})
	}
	return &http.Response{
		Status: strconv.Itoa(a.status) + " " + http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.header, Body: io.NopCloser(body), ContentLength: -1, Request: r,
	}, nil
}

type truncatedReader struct{}

func (truncatedReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
