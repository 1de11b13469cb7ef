package storage_test

import (
	"testing"

	"dialer/internal/testkit"
	"dialer/storage"
)

func TestMakeDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if made, err := storage.MakeDatabase(t.Context(), db.URL); err != nil || made {
		t.Errorf("a database that is there: %t, %v", made, err)
	}
}
