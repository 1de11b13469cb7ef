package voice

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const createdReply = "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" + `{"uuid":"u-1"}`

// cutter is a server that counts the requests that arrive completely, and answers
// each or cuts its connection.
type cutter struct {
	net.Listener
	arrived atomic.Int64
	headers chan http.Header
}

// newCutter answers the n-th request (from 1) with the text that answer returns.
// An empty text cuts the connection.
func newCutter(t *testing.T, answer func(n int64) string) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &cutter{Listener: l, headers: make(chan http.Header, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(conn, answer) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return s
}

func (s *cutter) serve(conn net.Conn, answer func(int64) string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, req.Body); err != nil {
			return
		}
		s.headers <- req.Header
		reply := answer(s.arrived.Add(1))
		if reply == "" {
			return
		}
		io.WriteString(conn, reply)
	}
}

func (s *cutter) url() string { return "http://" + s.Addr().String() }

// wantError returns the *Error in err and checks its verdict and status.
func wantError(t *testing.T, err error, verdict Verdict, status int) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, want an *Error", err)
	}
	if e.Verdict != verdict || e.Status != status {
		t.Fatalf("got %s with status %d (%v), want %s with %d", e.Verdict, e.Status, e, verdict, status)
	}
	return e
}

func TestCutConnectionIsNotResent(t *testing.T) {
	t.Parallel()
	for _, keepAlive := range []int64{0, 1, 3} {
		s := newCutter(t, func(n int64) string {
			if n <= keepAlive {
				return createdReply
			}
			return ""
		})
		c := newTestClient(t, s.url())
		for range keepAlive {
			if _, err := c.CreateCall(t.Context(), nil, testToken(), testRequest()); err != nil {
				t.Fatal(err)
			}
		}
		_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
		wantError(t, err, VerdictUnknown, 0)
		if got, want := s.arrived.Load(), keepAlive+1; got != want {
			t.Errorf("after %d on the same connection: %d requests arrived, want %d", keepAlive, got, want)
		}
		for range keepAlive + 1 {
			h := <-s.headers
			if h.Get("Idempotency-Key") != "" || h.Get("X-Idempotency-Key") != "" {
				t.Error("the request has a header that makes net/http resend it")
			}
		}
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var arrived atomic.Int64
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			arrived.Add(1)
			w.Header().Set("Location", "/v1/elsewhere")
			w.WriteHeader(status)
		}))
		_, err := newTestClient(t, srv.URL).CreateCall(t.Context(), nil, testToken(), testRequest())
		wantError(t, err, VerdictUnknown, status)
		srv.Close()
		if got := arrived.Load(); got != 1 {
			t.Errorf("status %d: %d requests arrived, want 1", status, got)
		}
	}
}

// brokenConn fails its n-th write without writing, like a connection that the
// other side has reset.
type brokenConn struct {
	net.Conn
	left int
}

func (b *brokenConn) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, syscall.EPIPE
	}
	return b.Conn.Write(p)
}

// through puts wrap between the counted connection and the wire.
func through(wrap func(net.Conn) net.Conn) func(*Config) {
	return func(cfg *Config) {
		tr := newTransport()
		dial := tr.DialContext
		tr.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			counted := conn.(*countedConn)
			counted.Conn = wrap(counted.Conn)
			return counted, nil
		}
		cfg.Transport = tr
	}
}

func TestNothingWrittenOnReusedConnection(t *testing.T) {
	t.Parallel()
	s := newCutter(t, func(int64) string { return createdReply })
	c := newTestClient(t, s.url(), through(func(conn net.Conn) net.Conn { return &brokenConn{conn, 1} }))
	if _, err := c.CreateCall(t.Context(), nil, testToken(), testRequest()); err != nil {
		t.Fatal(err)
	}
	_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
	e := wantError(t, err, VerdictRefused, 0)
	if !errors.Is(e, syscall.EPIPE) {
		t.Errorf("got %v, want the cause to be comparable", e)
	}
	if got := s.arrived.Load(); got != 1 {
		t.Errorf("%d requests arrived, want 1", got)
	}
}

// partialConn writes only the first bytes and then fails.
type partialConn struct{ net.Conn }

func (s partialConn) Write(p []byte) (int, error) {
	n, _ := s.Conn.Write(p[:10])
	return n, syscall.EPIPE
}

func TestPartlyWrittenIsUnknown(t *testing.T) {
	t.Parallel()
	s := newCutter(t, func(int64) string { return createdReply })
	c := newTestClient(t, s.url(), through(func(conn net.Conn) net.Conn { return partialConn{conn} }))
	_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
	wantError(t, err, VerdictUnknown, 0)
}

func TestNoConnectionIsRefused(t *testing.T) {
	t.Parallel()
	_, err := newTestClient(t, "http://"+deafAddress(t)).CreateCall(t.Context(), nil, testToken(), testRequest())
	if e := wantError(t, err, VerdictRefused, 0); !errors.Is(e, syscall.ECONNREFUSED) {
		t.Errorf("got %v, want a refused connection", e)
	}
}

// deafAddress is a reserved port on which no program listens.
func deafAddress(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*syscall.SockaddrInet4).Port)
}

func TestTLSHandshakeFailureIsRefused(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived.Add(1) }))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	_, err := newTestClient(t, srv.URL).CreateCall(t.Context(), nil, testToken(), testRequest())
	wantError(t, err, VerdictRefused, 0)
	if got := arrived.Load(); got != 0 {
		t.Errorf("%d requests arrived, want none", got)
	}
}

func TestEndedContextIsRefused(t *testing.T) {
	t.Parallel()
	reached := func(http.ResponseWriter, *http.Request) { t.Error("a request left after its context had ended") }
	c := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport = ctxIgnorer{http.HandlerFunc(reached)} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.CreateCall(ctx, nil, testToken(), testRequest())
	if e := wantError(t, err, VerdictRefused, 0); !errors.Is(e, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", e)
	}
}

// ctxIgnorer is a transport that ignores the context.
type ctxIgnorer struct{ http.Handler }

func (h ctxIgnorer) RoundTrip(r *http.Request) (*http.Response, error) {
	return inProcess{h}.RoundTrip(r.WithContext(context.WithoutCancel(r.Context())))
}

// TestContextEndingWhileDialing cancels before there is a connection: nothing was
// written.
func TestContextEndingWhileDialing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	tr := newTransport()
	tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport = tr })
	_, err := c.CreateCall(ctx, nil, testToken(), testRequest())
	wantError(t, err, VerdictRefused, 0)
}

func TestContextEndingAfterSendingIsUnknown(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	s := newCutter(t, func(int64) string { cancel(); <-release; return "" })
	_, err := newTestClient(t, s.url()).CreateCall(ctx, nil, testToken(), testRequest())
	close(release)
	if e := wantError(t, err, VerdictUnknown, 0); !errors.Is(e, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", e)
	}
}

// silence is a transport that sends and never gets a response.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestTimeoutIsUnknown(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{0: 10 * time.Second, 3 * time.Second: 3 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport, cfg.Timeout = silence{}, timeout })
			begun := time.Now()
			_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
			if e := wantError(t, err, VerdictUnknown, 0); !errors.Is(e, context.DeadlineExceeded) {
				t.Errorf("got %v, want a timeout", e)
			}
			if waited := time.Since(begun); waited != want {
				t.Errorf("waited %s, want %s", waited, want)
			}
		})
	}
}

// TestLeavingConnectionIsSealed blocks a write until the request was given up. After
// the verdict nothing may be written, and a write in progress counts as written.
func TestLeavingConnectionIsSealed(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	defer there.Close()
	conn := &countedConn{Conn: here}
	under := make(chan error, 1)
	go func() { _, err := conn.Write([]byte("held")); under <- err }()
	for begun := false; !begun; {
		conn.mu.Lock()
		begun = conn.writing == 1
		conn.mu.Unlock()
	}
	if !conn.seal(0) {
		t.Error("a write in progress was not counted")
	}
	if err := here.SetWriteDeadline(time.Now().Add(time.Second)); err != nil { // in case the connection accepts it
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("late")); !errors.Is(err, errSealed) {
		t.Errorf("got %v, want a sealed connection to refuse", err)
	}
	here.Close()
	<-under
}

// unknownTransport is a transport about which nothing is known.
type unknownTransport struct{ err error }

func (u unknownTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, u.err }

func TestUnknownTransportProvesNothing(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport = unknownTransport{syscall.ECONNREFUSED} })
	_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
	wantError(t, err, VerdictUnknown, 0)
}

// TestLostResponseAfterCreate cuts the response after its status.
func TestLostResponseAfterCreate(t *testing.T) {
	t.Parallel()
	replies := map[string]string{
		"cut body":        strings.Replace(createdReply, "14", "99", 1),
		"no body":         "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
		"no uuid":         "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
		"uuid not a text": "HTTP/1.1 201 Created\r\nContent-Length: 10\r\n\r\n" + `{"uuid":7}`,
		"not JSON":        "HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\n<ok>",
	}
	for name, reply := range replies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				io.Copy(io.Discard, req.Body)
				io.WriteString(conn, reply)
			}()
			_, err = newTestClient(t, "http://"+l.Addr().String()).CreateCall(t.Context(), nil, testToken(), testRequest())
			wantError(t, err, VerdictPlaced, http.StatusCreated)
		})
	}
}
