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
	unasked = campaign.Witness{}
	redisIs = func(at time.Time) campaign.Witness { return campaign.Witness{Asked: true, Known: true, At: at} }
)

func markAs(t *testing.T, db *storage.DB, w campaign.Witness) campaign.Installation {
	t.Helper()
	i, err := db.Mark(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// elsewhere opens the database as if its server told something else of itself:
// functions that come before pg_catalog's.
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

// restarted is the database by a process that saw nothing of it before.
func restarted(t *testing.T, db *testkit.DB) *storage.DB {
	t.Helper()
	other, err := storage.Open(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	return other
}

func standing(t *testing.T, db *storage.DB) campaign.Installation {
	t.Helper()
	i, _, err := db.Standing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func heldFor(t *testing.T, db *storage.DB) campaign.HoldReason {
	t.Helper()
	i, _, err := db.Standing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i.Hold.Reason
}

func TestMarkMovesForwardAndSaysWhereTheDatabaseLives(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	first := markAs(t, db.DB, campaign.Witness{Asked: true})
	second := markAs(t, db.DB, redisIs(first.MarkedAt))
	if !second.MarkedAt.After(first.MarkedAt) || second.Hold.Reason != "" {
		t.Errorf("marks %v, %v, held for %q; want the second later, and no hold", first.MarkedAt, second.MarkedAt, second.Hold.Reason)
	}
	_, found, err := db.Standing(t.Context())
	if err != nil || second.Place != found || found.System == "" || found.Timeline == 0 {
		t.Errorf("lives at %+v, is at %+v, %v", second.Place, found, err)
	}
	db.Exec(t, `UPDATE installation SET marked_at = clock_timestamp() + interval '1 hour'`) // the new server's clock is behind
	if third := markAs(t, db.DB, unasked); !third.MarkedAt.After(time.Now().Add(50 * time.Minute)) {
		t.Errorf("the mark went back to %v", third.MarkedAt)
	}
}

func TestHeldDatabaseClaimsAndDialsNobody(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	first := markAs(t, db.DB, unasked)
	id := claim(t, db, 1)[0]
	if held := markAs(t, db.DB, redisIs(first.MarkedAt.Add(time.Minute))); held.Hold.Reason != campaign.HeldRestored || !held.Hold.Waits() {
		t.Fatalf("held for %q, want restored", held.Hold.Reason)
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
		t.Errorf("alarms %v, want that the database is held", got)
	}
	release(t, db)
	pass(t, db, id)
}

// release adopts the database and reads the list back, as far as it is told.
func release(t *testing.T, db *testkit.DB, list ...campaign.Evidence) {
	t.Helper()
	if _, err := db.Adopt(t.Context(), "ann", 48*time.Hour, false); err != nil {
		t.Fatal(err)
	}
	readBack(t, db, list...)
}

func readBack(t *testing.T, db *testkit.DB, list ...campaign.Evidence) {
	t.Helper()
	for n := 1; n <= campaign.EnoughReadings; n++ {
		i, _, err := db.Standing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		store(t, db, list...)
		scanned(t, db, time.Hour, 0, 0)
		_, err = db.MatchCalls(t.Context(), times)
		check(t, err)
		_, err = db.Recover(t.Context(), i.Hold, times)
		check(t, err)
		released, err := db.FinishReading(t.Context(), i.Hold)
		check(t, err)
		if again, err := db.FinishReading(t.Context(), i.Hold); again || err != nil {
			t.Errorf("the same reading counted twice: %v, %v", again, err)
		}
		if released != (n == campaign.EnoughReadings) {
			t.Errorf("released after %d readings: %v", n, released)
		}
	}
}

// A copy is seen by its first connection, whoever makes it, before anything
// else runs there.
func TestCopyIsHeldFromItsFirstConnectionOn(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	was := markAs(t, db.DB, unasked)
	replica := db.Copy(t)
	if got := heldFor(t, replica.DB); got != campaign.HeldCopy {
		t.Fatalf("the copy is held for %q", got)
	}
	if released, err := replica.FinishReading(t.Context(), campaign.Hold{}); released || err != nil {
		t.Errorf("released without a person: %v, %v", released, err)
	}
	i, err := replica.Adopt(t.Context(), "ann", 48*time.Hour, false)
	check(t, err)
	if i.ID == was.ID {
		t.Error("the recovered copy shares the original's queue and mark")
	}
	if _, err := db.Adopt(t.Context(), "ann", 48*time.Hour, false); !errors.Is(err, campaign.ErrNotHeld) {
		t.Errorf("adopting the original = %v, want ErrNotHeld", err)
	}
	readBack(t, replica)
	markAs(t, replica.DB, campaign.Witness{Asked: true})
	if got := heldFor(t, replica.DB); got != "" {
		t.Errorf("held again, for %q", got)
	}
}

func TestBackupOlderThanTheProvidersRecordsNeedsAWord(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	markAs(t, db.DB, unasked)
	db.Exec(t, `UPDATE installation SET marked_at = marked_at - interval '50 hours'`)
	markAs(t, db.DB, redisIs(time.Now()))
	_, err := db.Adopt(t.Context(), "ann", 48*time.Hour, false)
	if _, ok := errors.AsType[*campaign.GapError](err); !ok {
		t.Errorf("Adopt = %v, want an error about the gap", err)
	}
	if _, err := db.Adopt(t.Context(), "ann", 48*time.Hour, true); err != nil {
		t.Errorf("despite the gap: %v", err)
	}
}

// A failover needs no person, and no dialer has to look: the first connection
// to the new server holds the database.
func TestFailoverIsHeldAndReleasedWithoutAPerson(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	first := markAs(t, db.DB, unasked)
	promoted := elsewhere(t, db, secondTimeline)
	if got := heldFor(t, promoted); got != campaign.HeldFailover {
		t.Fatalf("held for %q, want failover", got)
	}
	if i := markAs(t, promoted, redisIs(first.MarkedAt.Add(10*time.Second))); i.Hold.Reason != campaign.HeldFailover || i.Hold.Waits() {
		t.Errorf("held for %q, waits %v; want a failover that waits for nobody", i.Hold.Reason, i.Hold.Waits())
	}
	readBack(t, &testkit.DB{DB: promoted})
	if got := heldFor(t, promoted); got != "" {
		t.Errorf("still held for %q", got)
	}
	if i := markAs(t, promoted, unasked); i.Hold.Reason != "" || i.Place.Timeline != 2 {
		t.Errorf("held for %q on timeline %d, want none on 2", i.Hold.Reason, i.Place.Timeline)
	}
}

// The same files, started where Redis does not know them, are a copy.
func TestPromotedFilesThatRedisDoesNotKnowNeedAPerson(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	markAs(t, db.DB, unasked)
	promoted := elsewhere(t, db, secondTimeline)
	if i := markAs(t, promoted, campaign.Witness{Asked: true}); i.Hold.Reason != campaign.HeldCopy || !i.Hold.Waits() {
		t.Errorf("held for %q, want a copy that waits for a person", i.Hold.Reason)
	}
}

func TestServerThatTellsNothingOfItself(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	managed := elsewhere(t, db, tellsNothing)
	i := markAs(t, managed, unasked)
	if i.Hold.Reason != "" {
		t.Fatalf("held for %q", i.Hold.Reason)
	}
	_, found, err := managed.Standing(t.Context())
	if err != nil || found.Database == 0 || found.System != "" || found.Timeline != 0 {
		t.Errorf("found %+v, %v; want the database's number alone", found, err)
	}
	if i := markAs(t, managed, redisIs(i.MarkedAt.Add(time.Minute))); i.Hold.Reason != campaign.HeldRestored {
		t.Errorf("held for %q, want restored: the mark still tells", i.Hold.Reason)
	}
}

// A process that stays connected across a restore is a witness of its own.
func TestProcessRemembersHowFarTheDatabaseGot(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	markAs(t, db.DB, unasked)
	db.Exec(t, `UPDATE installation SET marked_at = marked_at - interval '2 minutes'`)
	db.Exec(t, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	db.Reconnect(t)
	if got := testkit.Value[string](t, db, `SELECT coalesce(held_for, '') FROM installation`); got != string(campaign.HeldRestored) {
		t.Errorf("held for %q, want restored", got)
	}
}

// Behind a pool of connections that others keep, none is new after a failover:
// the mark is then all that looks.
func TestMarkRemembersHowFarTheDatabaseGot(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	markAs(t, db.DB, unasked)
	db.Exec(t, `UPDATE installation SET marked_at = marked_at - interval '2 minutes'`)
	if i := markAs(t, db.DB, unasked); i.Hold.Reason != campaign.HeldRestored {
		t.Errorf("held for %q, want restored", i.Hold.Reason)
	}
}

// What a process saw of the mark before a person recovered the database is of
// another installation, and so is what Redis has under its name.
func TestAdoptionEndsWhatWasKnownOfTheOldMark(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	was := markAs(t, db.DB, unasked)
	db.Exec(t, `UPDATE installation SET marked_at = marked_at - interval '2 minutes'`)
	markAs(t, db.DB, unasked)
	if _, err := restarted(t, db).Adopt(t.Context(), "ann", 48*time.Hour, false); err != nil {
		t.Fatal(err)
	}
	db.Exec(t, `UPDATE installation SET marked_at = marked_at - interval '1 hour'`) // by a server whose clock is behind
	before := standing(t, db.DB)
	if i := markAs(t, db.DB, unasked); i.Hold.Waits() {
		t.Errorf("held for %q again, by what was seen before", i.Hold.Reason)
	}
	old := redisIs(time.Now())
	old.Of = was.ID
	i := markAs(t, db.DB, old)
	if i.Hold != before.Hold || i.ID != before.ID || i.ID == was.ID {
		t.Errorf("a mark of %s changed %+v to %+v", was.ID, before, i)
	}
	old.Of = i.ID
	if i := markAs(t, db.DB, old); !i.Hold.Waits() {
		t.Error("not held, and its own mark is ahead")
	}
}

// A server that took over from the one that took over may have lost what was
// read back there. Nothing connects anew between the two.
func TestSecondFailoverBeginsTheReadingsAnew(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		look func(*testing.T, *storage.DB, campaign.Hold)
	}{
		{"found by the mark", func(t *testing.T, db *storage.DB, _ campaign.Hold) { markAs(t, db, unasked) }},
		{"found at the end of a reading", func(t *testing.T, db *storage.DB, h campaign.Hold) {
			if released, err := db.FinishReading(t.Context(), h); released || err != nil {
				t.Errorf("released by a reading of two servers: %v, %v", released, err)
			}
		}},
		{"found at the end of one that lacked calls", func(t *testing.T, db *storage.DB, h campaign.Hold) {
			check(t, db.RejectReading(t.Context(), h, 1))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			markAs(t, db.DB, unasked)
			promoted := elsewhere(t, db, secondTimeline)
			first := standing(t, promoted).Hold
			_, err := promoted.FinishReading(t.Context(), first)
			check(t, err)
			before := standing(t, promoted).Hold
			db.Exec(t, `CREATE OR REPLACE FUNCTION elsewhere.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS $$ SELECT '0000000300000000000000AB' $$`)
			test.look(t, promoted, before)
			after := standing(t, promoted).Hold
			if before.Readings != 1 || after.Reason != campaign.HeldFailover || after.Readings != 0 || after.Misses != 0 || !after.Since.After(before.Since) {
				t.Errorf("held %+v, want it held anew, with no reading", after)
			}
			readBack(t, &testkit.DB{DB: promoted})
			if i := standing(t, promoted); i.Hold.Reason != "" || i.Place.Timeline != 3 {
				t.Errorf("held for %q on timeline %d, want none on 3", i.Hold.Reason, i.Place.Timeline)
			}
		})
	}
}

// A list that lacks what it had to show keeps the database held, and a person
// may decide that it counts all the same: of this hold, and not of the next.
func TestReadingThatLacksCallsWaitsForAWord(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	markAs(t, db.DB, unasked)
	if _, err := db.DespiteMissing(t.Context(), "ann"); !errors.Is(err, campaign.ErrNotHeld) {
		t.Errorf("of a database that dials: %v, want ErrNotHeld", err)
	}
	promoted := elsewhere(t, db, secondTimeline)
	h := standing(t, promoted).Hold
	if _, err := promoted.DespiteMissing(t.Context(), "ann"); !errors.Is(err, campaign.ErrNothingMissing) {
		t.Errorf("before anything was missing: %v, want ErrNothingMissing", err)
	}
	check(t, promoted.RejectReading(t.Context(), h, 3))
	check(t, promoted.RejectReading(t.Context(), h, 4)) // by another process, of the same reading
	rejected := standing(t, promoted).Hold
	if rejected.Misses != 1 || rejected.Missing != 3 || rejected.Readings != 0 || !rejected.RetryAt().After(rejected.MissedAt) {
		t.Errorf("after a reading that lacked 3 calls: %+v", rejected)
	}
	if released, err := promoted.FinishReading(t.Context(), h); released || err != nil || standing(t, promoted).Hold.Readings != 0 {
		t.Errorf("a reading from before counted: %v", err)
	}
	i, err := promoted.DespiteMissing(t.Context(), "ann")
	check(t, err)
	if i.Hold.DespiteMissingAt.IsZero() || !i.Hold.RetryAt().IsZero() {
		t.Errorf("after a person's word: %+v", i.Hold)
	}
	words, err := db.Words(t.Context(), 5)
	if err != nil || len(words) != 1 || words[0].Who != "ann" || words[0].Word != "despite missing" || words[0].HeldFor != campaign.HeldFailover {
		t.Errorf("kept of it: %+v, %v", words, err)
	}
	check(t, promoted.RejectReading(t.Context(), i.Hold, 5))
	if h := standing(t, promoted).Hold; !h.DespiteMissingAt.IsZero() || h.Missing != 5 {
		t.Errorf("the word counts of a reading that lacks more: %+v", h)
	}
	again, err := promoted.DespiteMissing(t.Context(), "ann")
	check(t, err)
	if _, err := promoted.FinishReading(t.Context(), again.Hold); err != nil {
		t.Fatal(err)
	}
	if h := standing(t, promoted).Hold; h.Readings != 1 || h.DespiteMissingAt.IsZero() || h.Missing != 5 {
		t.Errorf("one word must do for every reading that the hold needs: %+v", h)
	}
	db.Exec(t, `CREATE OR REPLACE FUNCTION elsewhere.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS $$ SELECT '0000000300000000000000AB' $$`)
	if i := markAs(t, promoted, unasked); !i.Hold.DespiteMissingAt.IsZero() || i.Hold.Misses != 0 {
		t.Errorf("the word counts of another hold: %+v", i.Hold)
	}
}
