package voice

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/net/http2"
)

// resetter is an HTTP/2 server that applies fault to each POST after its whole
// body has arrived. It counts them over all connections.
type resetter struct {
	net.Listener
	arrived atomic.Int64
	fault   func(f *http2.Framer, stream uint32) error
}

func newResetter(t *testing.T, fault func(*http2.Framer, uint32) error) *resetter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &resetter{Listener: l, fault: fault}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.serve(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return s
}

func (s *resetter) serve(conn net.Conn) {
	defer conn.Close()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	f := http2.NewFramer(conn, conn)
	if f.WriteSettings() != nil {
		return
	}
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return
		}
		data, ok := frame.(*http2.DataFrame)
		if !ok || !data.StreamEnded() {
			continue
		}
		if s.arrived.Add(1) >= 6 { // enough to show it
			return
		}
		if s.fault(f, data.StreamID) != nil {
			return
		}
	}
}

// TestHTTP2DoesNotResend gives the client an HTTP/2 transport. With it net/http
// sends a request again after each of these faults if it can read its body a
// second time.
func TestHTTP2DoesNotResend(t *testing.T) {
	t.Parallel()
	faults := map[string]func(*http2.Framer, uint32) error{
		"REFUSED_STREAM": func(f *http2.Framer, stream uint32) error {
			return f.WriteRSTStream(stream, http2.ErrCodeRefusedStream)
		},
		"PROTOCOL_ERROR": func(f *http2.Framer, stream uint32) error {
			return f.WriteRSTStream(stream, http2.ErrCodeProtocol)
		},
		"GOAWAY": func(f *http2.Framer, _ uint32) error {
			return f.WriteGoAway(0, http2.ErrCodeNo, nil)
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newResetter(t, fault)
			tr := &http.Transport{Protocols: new(http.Protocols)}
			tr.Protocols.SetUnencryptedHTTP2(true)
			c := newTestClient(t, "http://"+s.Addr().String(), func(cfg *Config) { cfg.Transport = tr })
			_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
			tr.CloseIdleConnections()
			wantError(t, err, VerdictUnknown, 0)
			if got := s.arrived.Load(); got != 1 {
				t.Errorf("%d requests arrived, want 1", got)
			}
		})
	}
}

// TestOwnTransportSpeaksHTTP1 uses a server that prefers HTTP/2.
func TestOwnTransportSpeaksHTTP1(t *testing.T) {
	t.Parallel()
	var proto atomic.Value
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proto.Store(r.Proto)
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"uuid":"u-1"}`)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	tr := newTransport()
	tr.TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	c := newTestClient(t, srv.URL, func(cfg *Config) { cfg.Transport = tr })
	if _, err := c.CreateCall(t.Context(), nil, testToken(), testRequest()); err != nil {
		t.Fatal(err)
	}
	if got := proto.Load(); got != "HTTP/1.1" {
		t.Errorf("got %v, want HTTP/1.1", got)
	}
}

// severedConn writes nothing after it was cut.
type severedConn struct {
	net.Conn
	cut *atomic.Bool
}

func (s severedConn) Write(p []byte) (int, error) {
	if s.cut.Load() {
		return 0, syscall.EPIPE
	}
	return s.Conn.Write(p)
}

// TestWritesUnderTLSAreCounted breaks a TLS connection before and after a request
// is written to it.
func TestWritesUnderTLSAreCounted(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if r.Header.Get("Authorization") == "" {
			t.Error("no token")
		}
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"uuid":"u-1"}`)
	}))
	defer srv.Close()
	var cut atomic.Bool
	c := newTestClient(t, srv.URL, through(func(conn net.Conn) net.Conn { return severedConn{conn, &cut} }), func(cfg *Config) {
		cfg.Transport.(*http.Transport).TLSClientConfig = &tls.Config{RootCAs: srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	})
	if _, err := c.CreateCall(t.Context(), nil, testToken(), testRequest()); err != nil {
		t.Fatal(err)
	}
	cut.Store(true)
	_, err := c.CreateCall(t.Context(), nil, testToken(), testRequest())
	wantError(t, err, VerdictRefused, 0)

	cut.Store(false)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
			conn.Close()
		}
	})
	_, err = c.CreateCall(t.Context(), nil, testToken(), testRequest())
	wantError(t, err, VerdictUnknown, 0)
}
