package storage

import (
	"net"
	"strings"
)

// MayBePlain reports whether a connection by this URL may leave the machine without
// TLS: Postgres's default sslmode, prefer, does not require it.
func MayBePlain(url string) bool {
	cfg, err := poolConfig(url)
	if err != nil {
		return false
	}
	main := cfg.ConnConfig
	if main.TLSConfig == nil && !isLocal(main.Host) {
		return true
	}
	for _, f := range main.Fallbacks {
		if f.TLSConfig == nil && !isLocal(f.Host) {
			return true
		}
	}
	return false
}

// isLocal reports whether a host is this machine: a socket or a loopback address.
func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || strings.HasPrefix(host, "/") || host == "localhost" || ip != nil && ip.IsLoopback()
}
