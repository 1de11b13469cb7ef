package storage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"
)

// A program that does not know the schema that the database needs refuses it, and names
// the version. It runs on any later schema that does not require this.
func TestOlderProgramRefusesASchemaThatNeedsALater(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	newest := testkit.Value[int64](t, db, `SELECT max(version_id) FROM goose_db_version`)
	db.Exec(t, `UPDATE database_identity SET needs_schema = $1`, newest)
	restarted(t, db)
	db.Exec(t, `UPDATE database_identity SET needs_schema = $1`, newest+1)
	other, err := storage.Open(t.Context(), db.URL)
	if err == nil {
		other.Close()
	}
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("knows its schema %d", newest+1)) {
		t.Errorf("Open = %v, want a refusal that names schema %d", err, newest+1)
	}
}

// putBack restores a backup while the program runs: every connection is a new one.
func putBack(t *testing.T, db *testkit.DB, backup string) {
	t.Helper()
	db.Exec(t, backup)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '1 hour'`)
	if err := db.TryExec(t, `
		SELECT pg_terminate_backend(pid, CASE WHEN own THEN 0 ELSE 5000 END)
		FROM (SELECT pid, pid = pg_backend_pid() AS own FROM pg_stat_activity WHERE datname = current_database() ORDER BY own OFFSET 0) AS all_others_first`); err == nil {
		t.Fatal("a connection is left")
	}
}

// A backup from before an upgrade cannot show whether it is locked. A process that
// knows a later state does not use it.
func TestBackupOfEarlierSchemaCallsNobody(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	checkpoint(t, db.DB, unasked)
	putBack(t, db, `ALTER TABLE database_identity DROP COLUMN locked_system`)
	for range 20 { // connections that were cut are detected one by one
		if queued, err := db.Claim(t.Context(), 10); len(queued) > 0 || err == nil {
			t.Fatalf("claimed %d from a database whose lock cannot be read", len(queued))
		} else if strings.Contains(err.Error(), "an earlier one") {
			return
		}
	}
	t.Error("nobody said that the database is an earlier one")
}

// A backup from before the database was recovered has an earlier name, and so the marks
// of that name.
func TestBackupFromBeforeReleaseCallsNobody(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 3))
	checkpoint(t, db.DB, unasked)
	db.Exec(t, `CREATE TABLE backup AS SELECT * FROM database_identity; ALTER TABLE backup DROP COLUMN locked`) // locked is a generated column
	columns := testkit.Value[string](t, db, `SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = 'backup'::regclass AND attnum > 0 AND NOT attisdropped`)
	forgetful(t, db)
	release(t, db)
	checkpoint(t, db.DB, unasked)
	putBack(t, db, `DELETE FROM database_identity; INSERT INTO database_identity (`+columns+`) SELECT `+columns+` FROM backup`)
	for range 20 {
		if queued, err := db.Claim(t.Context(), 10); len(queued) > 0 || err == nil {
			t.Fatalf("claimed %d from a database of another name", len(queued))
		} else if errors.Is(err, campaign.ErrRenamed) {
			return
		}
	}
	t.Error("nobody said that the database has another name")
}
