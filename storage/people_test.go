package storage_test

import (
	"net/url"
	"strings"
	"testing"

	"dialer/internal/testkit"
	"dialer/storage"

	"github.com/google/uuid"
)

func TestMakeDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if made, err := storage.MakeDatabase(t.Context(), db.URL); err != nil || made {
		t.Errorf("a database that is there: %t, %v", made, err)
	}
}

func TestMakeDatabaseThatIsMissing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	name := "made_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	if _, err := storage.Open(t.Context(), u.String()); err == nil || !strings.Contains(err.Error(), "--create-database") || strings.Contains(err.Error(), "\n") {
		t.Errorf("before: %v, want one line with what makes it", err)
	}
	made, err := storage.MakeDatabase(t.Context(), u.String())
	if err != nil || !made {
		t.Fatalf("%t, %v", made, err)
	}
	db.Exec(t, `DROP DATABASE `+name)
}

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
