package storage_test

import (
	"errors"
	"testing"

	"dialer/internal/testkit"
	"dialer/storage"
)

// goose alone would report no error for a database of the versions before the
// baseline, and the program would then miss its tables.
func TestMigrateRefusesOldDatabase(t *testing.T) {
	t.Parallel()
	db, err := storage.Open(t.Context(), testkit.Empty(t))
	check(t, err)
	t.Cleanup(db.Close)
	_, err = db.Migrate(t.Context())
	check(t, err)
	check(t, db.InTx(t.Context(), func() string { return `INSERT INTO goose_db_version (version_id, is_applied) VALUES (20, true)` }))
	if _, err := db.Migrate(t.Context()); !errors.Is(err, storage.ErrOldDatabase) {
		t.Errorf("Migrate = %v, want ErrOldDatabase", err)
	}
}

// A function that somebody changed in the database is restored by the next version of
// the rules, and not before.
func TestMigrateAppliesChangedRules(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.Exec(t, `CREATE OR REPLACE FUNCTION call_obstacles(number text, campaign bigint, contact bigint, at timestamptz)
		RETURNS TABLE (reason text) LANGUAGE sql STABLE AS $$ SELECT 'broken' $$`)
	db.Exec(t, `UPDATE applied_rules SET sha256 = 'an older text'`)
	_, err := db.Migrate(t.Context())
	check(t, err)
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM call_obstacles('447700900001', NULL, NULL, now())`); n != 0 {
		t.Errorf("%d obstacles, want none: the rule is the old one", n)
	}
}
