package storage_test

import (
	"errors"
	"slices"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"

	"github.com/google/go-cmp/cmp"
)

func TestMigrateTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	applied, err := db.Migrate(t.Context())
	if err != nil || applied != 0 {
		t.Errorf("second Migrate = %d, %v; want 0 steps", applied, err)
	}
	list, err := db.MigrationStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 5 {
		t.Errorf("got %d migrations, want at least 5", len(list))
	}
	for _, m := range list {
		if m.AppliedAt.IsZero() {
			t.Errorf("%s is not applied", m.Name)
		}
	}
}

func TestOnlyAMigratedDatabaseIsOpened(t *testing.T) {
	t.Parallel()
	opens := func(url string) error {
		db, err := storage.OpenMigrated(t.Context(), url)
		if err == nil {
			db.Close()
		}
		return err
	}
	if err := opens(testkit.Empty(t)); !errors.Is(err, storage.ErrSchemaBehind) {
		t.Errorf("an empty database: %v, want ErrSchemaBehind", err)
	}
	db := testkit.New(t)
	check(t, opens(db.URL))
	db.Exec(t, `UPDATE applied_rules SET applied_at = applied_at - interval '1 year'`)
	if err := opens(db.URL); !errors.Is(err, storage.ErrSchemaBehind) {
		t.Errorf("while its functions are of the schema before: %v, want ErrSchemaBehind", err)
	}
	_, err := db.Migrate(t.Context()) // to a schema with the same functions
	check(t, err)
	check(t, opens(db.URL))
	db.Exec(t, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`) // a later program's
	check(t, opens(db.URL))
	db.Exec(t, `DELETE FROM goose_db_version WHERE version_id = 103`)
	if err := opens(db.URL); !errors.Is(err, storage.ErrSchemaBehind) {
		t.Errorf("without a migration: %v, want ErrSchemaBehind", err)
	}
}

// A process of the previous version, started again during a rolling deploy, has an
// older text of the rules.
func TestAnOlderProgramLeavesTheNewerRules(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.Exec(t, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`)
	db.Exec(t, `UPDATE applied_rules SET sha256 = 'a later text'`)
	_, err := db.Migrate(t.Context())
	check(t, err)
	if got := testkit.Value[string](t, db, `SELECT sha256 FROM applied_rules`); got != "a later text" {
		t.Error("an older program replaced the rules of a later one")
	}
}

func TestSchemaVersionIsStable(t *testing.T) {
	t.Parallel()
	a, errA := storage.SchemaVersion()
	b, errB := storage.SchemaVersion()
	if a != b || len(a) != 16 || errA != nil || errB != nil {
		t.Errorf("SchemaVersion = %q, %v, then %q, %v", a, errA, b, errB)
	}
}

// Postgres refuses transitions that are not in this table, and Go decides by its own
// copy: they must be the same.
func TestTransitionsEqualTheDomains(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	type row struct{ From, By, To string }
	var want []row
	for _, tr := range campaign.Transitions {
		want = append(want, row{string(tr.From), string(tr.By), string(tr.To)})
	}
	got := testkit.Rows[row](t, db, `SELECT src, writer, dst FROM attempt_transitions`)
	byAll := func(a, b row) int { return slices.Compare([]string{a.From, a.By, a.To}, []string{b.From, b.By, b.To}) }
	slices.SortFunc(want, byAll)
	slices.SortFunc(got, byAll)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("campaign.Transitions and attempt_transitions differ (-Go +SQL):\n%s", diff)
	}
}

func TestReportingColumns(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for view, want := range map[string][]string{
		"attempts": {
			"attempt_id", "campaign_id", "campaign", "contact_id", "attempt_no", "to_number", "from_number",
			"state", "disposition", "call_uuid", "conversation_uuid", "created_at", "answered_at",
			"start_time", "end_time", "duration_s", "rate", "price", "network", "post_error",
			"heard_at", "keys", "result", "voicemail_at", "campaign_version",
		},
		"contacts": {
			"contact_id", "campaign_id", "campaign", "to_number", "state", "reason", "attempts", "next_attempt_at",
			"key", "line", "row", "not_later_than", "result", "heard_at", "answered", "numbers", "called_with",
		},
		"events": {
			"event_id", "received_at", "attempt_id", "campaign_id", "campaign", "contact_id",
			"call_uuid", "conversation_uuid", "kind", "status", "provider_at", "body",
		},
		"campaigns": {
			"campaign_id", "campaign", "status", "created_at", "rows_in", "rejected",
			"pending", "active", "waiting", "done",
			"calls", "calls_answered", "duration_s", "price", "unpriced",
			"done_answered", "done_human", "done_machine", "done_busy", "done_unanswered", "done_timeout",
			"done_failed", "done_rejected", "done_cancelled", "done_unexplained",
			"done_refused", "done_suppressed", "done_stopped", "done_unresolved", "done_message",
			"pause_reason", "import_finished_at", "start", "done_expired", "done_cancelled_by_request",
			"heard", "people_called", "people_answered", "people_with_result", "results", "end", "version",
		},
		"hourly": {
			"hour", "campaign_id", "campaign", "dialed", "calls",
			"answered", "human", "machine", "busy", "unanswered", "timeout", "failed", "rejected",
			"cancelled", "unexplained", "unsettled", "duration_s", "price", "unpriced", "calls_answered",
		},
	} {
		got := testkit.Rows[string](t, db, `
			SELECT column_name::text FROM information_schema.columns
			WHERE table_schema = 'reporting' AND table_name = $1 ORDER BY ordinal_position`, view)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reporting.%s (-want +got):\n%s", view, diff)
		}
	}
}
