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
