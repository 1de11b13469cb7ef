package auth

import (
	"net"
	"net/http"
)

// FromThisMachine reports whether a request comes from this machine, and not through a
// detectable proxy on it: one that names itself, or that speaks HTTP/1.0, as nginx does
// by default but no browser.
func FromThisMachine(r *http.Request) bool {
	for _, header := range []string{
		"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Client-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "Via",
	} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	//guard:false internal/auth.TestFromThisMachine: nginx as it comes does not open the pages to everybody
	if !r.ProtoAtLeast(1, 1) {
		return false
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}

// ForThisMachine reports whether the requested address names this machine. A stranger's
// domain that resolves to this machine does not count.
func ForThisMachine(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = r.Host
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
