package storage_test

import (
	"strings"
	"testing"

	"dialer/storage"
)

// An error of the first connection is one line with the setting, the host and what
// to do, and has no part of the password.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for url, says := range map[string]string{
		"postgres://bob:hunter2@127.0.0.1:1/dialer":         "Postgres at 127.0.0.1:1 (DATABASE_URL, --database-url): nothing listens there",
		"postgres://bob:hunter2@nowhere.invalid:1/dialer":   "nowhere.invalid:1",
		"postgres:///dialer?host=/nowhere&password=hunter2": "the socket in /nowhere",
	} {
		_, err := storage.Open(t.Context(), url)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v, want one line with %q", err, says)
		}
	}
}
