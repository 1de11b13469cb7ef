package voice

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// newTransport makes the package's own transport. It speaks HTTP/1.1 only, because
// HTTP/2 sends requests again by itself. Its connections count the bytes written to them.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}
	t := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConns:        64,
		MaxIdleConnsPerHost: 32,
		// Together with the wait for a permit this must stay below the idle time that
		// servers allow. If a server closes a connection during a POST, the outcome is
		// unknown.
		IdleConnTimeout:        15 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              new(http.Protocols),
	}
	t.Protocols.SetHTTP1(true)
	//guard:value(t.Protocols.SetHTTP2(true)) voice.TestOwnTransportSpeaksHTTP1: the transport speaks HTTP/1.1 only
	t.Protocols.SetHTTP2(false)
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn}, nil
	}
	return t
}
