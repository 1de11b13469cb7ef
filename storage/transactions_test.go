package storage_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"dialer/internal/testkit"
)

// A transaction that lost to another one runs again, five times at most. One with an
// error of its own does not.
func TestTransactionRetries(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, test := range []struct {
		code            string
		failures, tries int
		succeeds        bool
	}{
		{"40001", 2, 3, true}, // serialization failure
		{"40P01", 2, 3, true}, // deadlock
		{"23505", 4, 5, true}, // another transaction had the key first
		{"40P01", 9, 5, false},
		{"23514", 1, 1, false}, // a check
	} {
		tries := 0
		err := db.InTx(t.Context(), func() string {
			tries++
			if tries <= test.failures {
				return `DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '` + test.code + `'; END $$`
			}
			return `INSERT INTO reconcile_watermarks VALUES ('` + test.code + `', now())`
		})
		if tries != test.tries || (err == nil) != test.succeeds {
			t.Errorf("%s, %d times: %d tries and then %v, want %d", test.code, test.failures, tries, err, test.tries)
		}
		if err != nil && !strings.Contains(err.Error(), "planted") {
			t.Errorf("%s: %v", test.code, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func() string {
		cancel()
		return `DO $$ BEGIN RAISE EXCEPTION 'planted' USING ERRCODE = '40P01'; END $$`
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled in the middle: %v, want context.Canceled", err)
	}
}
