package testkit

import (
	"testing"

	"dialer/internal/embedded"
)

// Redis starts a Redis for the test, which may flush it, and returns its URL.
func Redis(t testing.TB) string {
	t.Helper()
	server, err := embedded.Redis(t.Context(), embedded.Options{Private: true})
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("testkit: %v", err)
		}
	})
	return server.URL
}
