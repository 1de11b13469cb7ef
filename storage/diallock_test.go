package storage_test

import (
	"errors"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/storage"
)

var (
	unasked = campaign.ExternalMark{}
	redisIs = func(at time.Time) campaign.ExternalMark {
		return campaign.ExternalMark{Asked: true, Known: true, At: at}
	}
)

func checkpoint(t *testing.T, db *storage.DB, w campaign.ExternalMark) campaign.DatabaseIdentity {
	t.Helper()
	i, err := db.Checkpoint(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// elsewhere opens the database as if its server reported another identity: its
// functions come before pg_catalog's.
func elsewhere(t *testing.T, db *testkit.DB, told string) *storage.DB {
	t.Helper()
	db.Exec(t, `CREATE SCHEMA IF NOT EXISTS elsewhere;`+told)
	other, err := storage.Open(t.Context(), with(t, db.URL, map[string]string{"search_path": "elsewhere,pg_catalog,public"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

const (
	secondTimeline = `CREATE FUNCTION elsewhere.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS $$ SELECT '0000000200000000000000AB' $$`
	tellsNothing   = `
		CREATE FUNCTION elsewhere.pg_control_system(OUT system_identifier bigint) LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'permission denied' USING ERRCODE = 'insufficient_privilege'; END $$;
		CREATE FUNCTION elsewhere.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'not here' USING ERRCODE = 'feature_not_supported'; END $$`
)

// restarted opens the database in a process that has seen nothing of it before.
func restarted(t *testing.T, db *testkit.DB) *storage.DB {
	t.Helper()
	other, err := storage.Open(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

func identity(t *testing.T, db *storage.DB) campaign.DatabaseIdentity {
	t.Helper()
	i, _, err := db.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func lockedFor(t *testing.T, db *storage.DB) campaign.LockReason {
	t.Helper()
	i, _, err := db.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i.Lock.Reason
}

func TestCheckpointMovesForward(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	first := checkpoint(t, db.DB, campaign.ExternalMark{Asked: true})
	second := checkpoint(t, db.DB, redisIs(first.CheckpointAt))
	if !second.CheckpointAt.After(first.CheckpointAt) || second.Lock.Reason != "" {
		t.Errorf("checkpoints %v, %v, locked for %q; want the second later, and no lock", first.CheckpointAt, second.CheckpointAt, second.Lock.Reason)
	}
	_, found, err := db.Identity(t.Context())
	if err != nil || second.Server != found || found.System == "" || found.Timeline == 0 {
		t.Errorf("lives at %+v, is at %+v, %v", second.Server, found, err)
	}
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = clock_timestamp() + interval '1 hour'`) // the new server's clock is behind
	if third := checkpoint(t, db.DB, unasked); !third.CheckpointAt.After(time.Now().Add(50 * time.Minute)) {
		t.Errorf("the checkpoint went back to %v", third.CheckpointAt)
	}
}

func TestLockedDatabaseCallsNobody(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	first := checkpoint(t, db.DB, unasked)
	id := claim(t, db, 1)[0]
	if locked := checkpoint(t, db.DB, redisIs(first.CheckpointAt.Add(time.Minute))); locked.Lock.Reason != campaign.LockedRestored || !locked.Lock.AwaitsPerson() {
		t.Fatalf("locked for %q, want restored", locked.Lock.Reason)
	}
	if _, err := db.Gate(t.Context(), id, tokenLife); !errors.Is(err, campaign.ErrDialLocked) {
		t.Errorf("Gate = %v, want ErrDialLocked", err)
	}
	if _, err := db.Load(t.Context(), id); !errors.Is(err, campaign.ErrDialLocked) {
		t.Errorf("Load = %v, want ErrDialLocked", err)
	}
	if ids := claim(t, db, 2); len(ids) != 0 {
		t.Errorf("%d contacts claimed, want none", len(ids))
	}
	if got := state(t, db, id); got != campaign.Reserved {
		t.Errorf("the attempt is %s, want it to stay reserved", got)
	}
	if got := alarms(t, db); len(got) != 1 || got[0] != campaign.AlarmDialLocked {
		t.Errorf("alarms %v, want that the database is locked", got)
	}
	release(t, db)
	pass(t, db, id)
}

// release releases the database and reads the list back, as far as the lock requires.
func release(t *testing.T, db *testkit.DB, list ...campaign.Evidence) {
	t.Helper()
	if _, err := db.Release(t.Context(), by("ann"), times.RecordsKept, false); err != nil {
		t.Fatal(err)
	}
	readBack(t, db, list...)
}

func readBack(t *testing.T, db *testkit.DB, list ...campaign.Evidence) {
	t.Helper()
	i, _, err := db.Identity(t.Context())
	check(t, err)
	last := i.Lock.Reason.ScansToRelease()
	for n := 1; n <= last; n++ {
		i, _, err := db.Identity(t.Context())
		check(t, err)
		store(t, db, list...)
		scanned(t, db, time.Hour, 0, 0)
		_, err = db.MatchCalls(t.Context(), times)
		check(t, err)
		_, err = db.Recover(t.Context(), i.Lock, times)
		check(t, err)
		released, err := db.CountScan(t.Context(), i.Lock)
		check(t, err)
		if again, err := db.CountScan(t.Context(), i.Lock); again || err != nil {
			t.Errorf("the same scan counted twice: %v, %v", again, err)
		}
		if released != (n == last) {
			t.Errorf("released after %d scans: %v", n, released)
		}
	}
}

// The first connection detects a copy, from any process, before anything else runs
// there.
func TestCopyIsLockedAtFirstConnection(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	was := checkpoint(t, db.DB, unasked)
	replica := db.Copy(t)
	if got := lockedFor(t, replica.DB); got != campaign.LockedCopy {
		t.Fatalf("the copy is locked for %q", got)
	}
	if released, err := replica.CountScan(t.Context(), campaign.DialLock{}); released || err != nil {
		t.Errorf("released without a person: %v, %v", released, err)
	}
	i, err := replica.Release(t.Context(), by("ann"), times.RecordsKept, false)
	check(t, err)
	if i.ID == was.ID {
		t.Error("the recovered copy shares the original's queue and mark")
	}
	if _, err := db.Release(t.Context(), by("ann"), times.RecordsKept, false); !errors.Is(err, campaign.ErrNotLocked) {
		t.Errorf("releasing the original = %v, want ErrNotLocked", err)
	}
	readBack(t, replica)
	checkpoint(t, replica.DB, campaign.ExternalMark{Asked: true})
	if got := lockedFor(t, replica.DB); got != "" {
		t.Errorf("locked again, for %q", got)
	}
}

func TestBackupOlderThanVonagesRecords(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	checkpoint(t, db.DB, unasked)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '50 hours'`)
	checkpoint(t, db.DB, redisIs(time.Now()))
	_, err := db.Release(t.Context(), by("ann"), times.RecordsKept, false)
	if _, ok := errors.AsType[*campaign.GapError](err); !ok {
		t.Errorf("Release = %v, want an error about the gap", err)
	}
	if _, err := db.Release(t.Context(), by("ann"), times.RecordsKept, true); err != nil {
		t.Errorf("despite the gap: %v", err)
	}
}

// A failover needs no person, and no dialer has to look: the first connection
// to the new server locks the database.
func TestFailoverIsReleasedWithoutAPerson(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	first := checkpoint(t, db.DB, unasked)
	promoted := elsewhere(t, db, secondTimeline)
	if got := lockedFor(t, promoted); got != campaign.LockedFailover {
		t.Fatalf("locked for %q, want failover", got)
	}
	if i := checkpoint(t, promoted, redisIs(first.CheckpointAt.Add(10*time.Second))); i.Lock.Reason != campaign.LockedFailover || i.Lock.AwaitsPerson() {
		t.Errorf("locked for %q, waits %v; want a failover that waits for no person", i.Lock.Reason, i.Lock.AwaitsPerson())
	}
	readBack(t, &testkit.DB{DB: promoted})
	if got := lockedFor(t, promoted); got != "" {
		t.Errorf("still locked for %q", got)
	}
	if i := checkpoint(t, promoted, unasked); i.Lock.Reason != "" || i.Server.Timeline != 2 {
		t.Errorf("locked for %q on timeline %d, want none on 2", i.Lock.Reason, i.Server.Timeline)
	}
}

// The same files, started where Redis does not know them, are a copy.
func TestPromotedCopyAwaitsPerson(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	checkpoint(t, db.DB, unasked)
	promoted := elsewhere(t, db, secondTimeline)
	if i := checkpoint(t, promoted, campaign.ExternalMark{Asked: true}); i.Lock.Reason != campaign.LockedCopy || !i.Lock.AwaitsPerson() {
		t.Errorf("locked for %q, want a copy that waits for a person", i.Lock.Reason)
	}
}

func TestServerWithoutIdentity(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	managed := elsewhere(t, db, tellsNothing)
	i := checkpoint(t, managed, unasked)
	if i.Lock.Reason != "" {
		t.Fatalf("locked for %q", i.Lock.Reason)
	}
	_, found, err := managed.Identity(t.Context())
	if err != nil || found.Database == 0 || found.System != "" || found.Timeline != 0 {
		t.Errorf("found %+v, %v; want the database's number alone", found, err)
	}
	if i := checkpoint(t, managed, redisIs(i.CheckpointAt.Add(time.Minute))); i.Lock.Reason != campaign.LockedRestored {
		t.Errorf("locked for %q, want restored: the mark still tells", i.Lock.Reason)
	}
}

// A process that stays connected during a restore detects it by itself.
func TestProcessDetectsOlderDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	checkpoint(t, db.DB, unasked)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '2 minutes'`)
	db.Exec(t, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	db.Reconnect(t)
	if got := testkit.Value[string](t, db, `SELECT coalesce(locked_for, '') FROM database_identity`); got != string(campaign.LockedRestored) {
		t.Errorf("locked for %q, want restored", got)
	}
}

// Behind a pool whose connections others keep open, there is no new connection after a
// failover. Then only the mark detects it.
func TestCheckpointDetectsOlderDatabase(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	checkpoint(t, db.DB, unasked)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '2 minutes'`)
	if i := checkpoint(t, db.DB, unasked); i.Lock.Reason != campaign.LockedRestored {
		t.Errorf("locked for %q, want restored", i.Lock.Reason)
	}
}

// The checkpoint that a process saw before a person released the database belongs to
// the old name, and so does Redis's mark under that name.
func TestReleaseForgetsOldCheckpoint(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	was := checkpoint(t, db.DB, unasked)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '2 minutes'`)
	checkpoint(t, db.DB, unasked)
	if _, err := restarted(t, db).Release(t.Context(), by("ann"), times.RecordsKept, false); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '1 hour'`) // by a server whose clock is behind
	before := identity(t, db.DB)
	if i := checkpoint(t, db.DB, unasked); i.Lock.AwaitsPerson() {
		t.Errorf("locked for %q again, by what was seen before", i.Lock.Reason)
	}
	old := redisIs(time.Now())
	old.Of = was.ID
	i := checkpoint(t, db.DB, old)
	if i.Lock != before.Lock || i.ID != before.ID || i.ID == was.ID {
		t.Errorf("a mark of %s changed %+v to %+v", was.ID, before, i)
	}
	old.Of = i.ID
	if i := checkpoint(t, db.DB, old); !i.Lock.AwaitsPerson() {
		t.Error("not locked, and its own mark is ahead")
	}
}

// A second server that took over may have lost the records that were read back on the
// first one. There is no new connection between the two.
func TestSecondFailoverRestartsScans(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		look func(*testing.T, *storage.DB, campaign.DialLock)
	}{
		{"found by the mark", func(t *testing.T, db *storage.DB, _ campaign.DialLock) { checkpoint(t, db, unasked) }},
		{"found at the end of a scan", func(t *testing.T, db *storage.DB, h campaign.DialLock) {
			if released, err := db.CountScan(t.Context(), h); released || err != nil {
				t.Errorf("released by a scan of two servers: %v, %v", released, err)
			}
		}},
		{"found at the end of one that lacked calls", func(t *testing.T, db *storage.DB, h campaign.DialLock) {
			check(t, db.RejectScan(t.Context(), h, 1))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			checkpoint(t, db.DB, unasked)
			promoted := elsewhere(t, db, secondTimeline)
			first := identity(t, promoted).Lock
			_, err := promoted.CountScan(t.Context(), first)
			check(t, err)
			before := identity(t, promoted).Lock
			db.Exec(t, `CREATE OR REPLACE FUNCTION elsewhere.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS $$ SELECT '0000000300000000000000AB' $$`)
			test.look(t, promoted, before)
			after := identity(t, promoted).Lock
			if before.Scans != 1 || after.Reason != campaign.LockedFailover || after.Scans != 0 || after.Misses != 0 || !after.Since.After(before.Since) {
				t.Errorf("locked %+v, want it locked anew, with no scan", after)
			}
			readBack(t, &testkit.DB{DB: promoted})
			if i := identity(t, promoted); i.Lock.Reason != "" || i.Server.Timeline != 3 {
				t.Errorf("locked for %q on timeline %d, want none on 3", i.Lock.Reason, i.Server.Timeline)
			}
		})
	}
}

// A list that lacks calls which it had to show keeps the database locked. A person may
// decide that it still counts: for this lock, and not for the next.
func TestIncompleteScanAwaitsDecision(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	checkpoint(t, db.DB, unasked)
	if _, err := db.AcceptIncompleteList(t.Context(), by("ann")); !errors.Is(err, campaign.ErrNotLocked) {
		t.Errorf("of a database that dials: %v, want ErrNotLocked", err)
	}
	promoted := elsewhere(t, db, secondTimeline)
	h := identity(t, promoted).Lock
	if _, err := promoted.AcceptIncompleteList(t.Context(), by("ann")); !errors.Is(err, campaign.ErrNothingMissing) {
		t.Errorf("before anything was missing: %v, want ErrNothingMissing", err)
	}
	check(t, promoted.RejectScan(t.Context(), h, 3))
	check(t, promoted.RejectScan(t.Context(), h, 4)) // by another process, of the same scan
	rejected := identity(t, promoted).Lock
	if rejected.Misses != 1 || rejected.Missing != 3 || rejected.Scans != 0 || !rejected.RetryAt().After(rejected.MissedAt) {
		t.Errorf("after a scan that lacked 3 calls: %+v", rejected)
	}
	if released, err := promoted.CountScan(t.Context(), h); released || err != nil || identity(t, promoted).Lock.Scans != 0 {
		t.Errorf("a scan from before counted: %v", err)
	}
	i, err := promoted.AcceptIncompleteList(t.Context(), by("ann"))
	check(t, err)
	if i.Lock.AcceptedAt.IsZero() || !i.Lock.RetryAt().IsZero() {
		t.Errorf("after a person's decision: %+v", i.Lock)
	}
	if got := testkit.Rows[string](t, db, `SELECT concat_ws(' ', actor, action, before->>'locked_for', before->>'missing') FROM audit`); len(got) != 1 || got[0] != "ann lock.accept_incomplete_list failover 3" {
		t.Errorf("kept of it in the audit: %q", got)
	}
	check(t, promoted.RejectScan(t.Context(), i.Lock, 5))
	if h := identity(t, promoted).Lock; !h.AcceptedAt.IsZero() || h.Missing != 5 {
		t.Errorf("the decision covers a scan that lacks more: %+v", h)
	}
	again, err := promoted.AcceptIncompleteList(t.Context(), by("ann"))
	check(t, err)
	if _, err := promoted.CountScan(t.Context(), again.Lock); err != nil {
		t.Fatal(err)
	}
	if h := identity(t, promoted).Lock; h.Scans != 1 || h.AcceptedAt.IsZero() || h.Missing != 5 {
		t.Errorf("one decision must do for every scan that the lock needs: %+v", h)
	}
	db.Exec(t, `CREATE OR REPLACE FUNCTION elsewhere.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS $$ SELECT '0000000300000000000000AB' $$`)
	if i := checkpoint(t, promoted, unasked); !i.Lock.AcceptedAt.IsZero() || i.Lock.Misses != 0 {
		t.Errorf("the decision covers another lock: %+v", i.Lock)
	}
}

// A lock is set once every open gate has committed, so no call begins that the lock
// does not know.
func TestDialLockWaitsForTheGate(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	first := checkpoint(t, db.DB, unasked)
	leave := db.Begin(t, `SELECT pg_advisory_xact_lock_shared(7305142005)`) // a gate
	locked := make(chan campaign.LockReason, 1)
	go func() {
		d, _ := db.Checkpoint(t.Context(), redisIs(first.CheckpointAt.Add(time.Minute)))
		locked <- d.Lock.Reason
	}()
	db.AwaitLockWaits(t, 1)
	select {
	case <-locked:
		t.Error("the lock was set while a gate was open")
	default:
	}
	leave()
	if why := <-locked; why != campaign.LockedRestored {
		t.Errorf("locked for %q once the gate is shut, want restored", why)
	}
}
