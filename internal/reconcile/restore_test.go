package reconcile

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// lockedStore is a database that is locked after a failover and must find these calls in
// Vonage's list.
type lockedStore struct {
	*memoryStore
	i        campaign.DatabaseIdentity
	mustShow []string
	unnamed  int
	anybody  int // calls whose records do not say which number was called
}

func (s *lockedStore) Identity(context.Context) (campaign.DatabaseIdentity, campaign.ServerIdentity, error) {
	return s.i, campaign.ServerIdentity{}, nil
}

func (s *lockedStore) BeginScan(_ context.Context, from, to time.Time, seen bool, _ campaign.Times) (campaign.Scan, error) {
	scan := campaign.Scan{From: from, To: to, StartedAt: s.i.Now}
	if seen {
		scan.Known, scan.Unnamed = s.mustShow, s.unnamed
	}
	return scan, nil
}

func (s *lockedStore) ExpireDialing(context.Context, time.Duration) (int, error) { return 0, nil }

func (s *lockedStore) CallsToAnybody(context.Context, campaign.DialLock, campaign.Times) (int, error) {
	return s.anybody, nil
}

func (s *lockedStore) Recover(context.Context, campaign.DialLock, campaign.Times) (n campaign.Restored, err error) {
	return n, nil
}

func (s *lockedStore) CountScan(context.Context, campaign.DialLock) (bool, error) {
	s.i.Lock.Scans++
	s.i.Lock.ScannedAt, s.i.Lock.Misses = s.i.Now, 0
	return false, nil
}

func (s *lockedStore) RejectScan(_ context.Context, _ campaign.DialLock, missing int) error {
	s.i.Lock.Misses++
	s.i.Lock.MissedAt, s.i.Lock.Missing = s.i.Now, missing
	return nil
}

// restoring restores a database that was locked long enough ago for the list to be
// read.
func restoring(t *testing.T, l *listed) (*Restore, *lockedStore) {
	t.Helper()
	now := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	s := &lockedStore{memoryStore: &memoryStore{}, i: campaign.DatabaseIdentity{Now: now, Lock: campaign.DialLock{
		Reason: campaign.LockedFailover, Since: now.Add(-time.Hour), KnownUntil: now.Add(-2 * time.Hour),
	}}}
	return NewRestore(Config{CallsPerSecond: 1}, s, clientOf(t, l), slog.New(slog.DiscardHandler)), s
}

func (r *Restore) rounds(t *testing.T, n int) {
	t.Helper()
	for range n {
		require.NoError(t, r.Run(t.Context()))
	}
}

// The list is read from the last checkpoint, as far as Vonage keeps records, but only
// when every call from before the lock is listed.
func TestRestoreReadsWhatMayBeForgotten(t *testing.T) {
	t.Parallel()
	list := &listed{broken: -1}
	r, s := restoring(t, list)
	s.i.Lock.Since = s.i.Now.Add(-2 * time.Minute)
	r.rounds(t, 1)
	if len(list.queries) > 0 {
		t.Error("the list was read before it was sure to show every call")
	}
	s.i.Lock.Since = s.i.Now.Add(-3 * time.Minute)
	r.rounds(t, 3)
	if len(s.scans) != 1 || !s.scans[0].From.Equal(s.i.Lock.KnownUntil.Add(-time.Minute)) || !s.scans[0].To.Equal(s.i.Now) {
		t.Errorf("scans %+v, want one from a minute before the checkpoint to now, and no second at once", s.scans)
	}
	s.i.Now = s.i.Now.Add(r.times.ScanGap())
	r.rounds(t, 1)
	if len(s.scans) != 2 {
		t.Errorf("%d scans half a settle time later, want 2", len(s.scans))
	}
	s.i.Lock.Scans, s.i.Lock.KnownUntil = 0, s.i.Now.Add(-1000*time.Hour)
	s.i.Now = s.i.Now.Add(time.Hour)
	r.rounds(t, 1)
	if last := s.scans[len(s.scans)-1]; !last.From.Equal(s.i.Now.Add(-r.times.RecordsKept)) {
		t.Errorf("read from %v, want from where Vonage's records begin", last.From)
	}
	s.i.Lock.Reason = campaign.LockedRestored
	before := len(s.scans)
	s.i.Now = s.i.Now.Add(time.Hour)
	if r.rounds(t, 1); len(s.scans) != before {
		t.Error("read before a person decided")
	}
}

// After a rest the list is read at once, and only asked for calls that are not known.
func TestRestedDatabaseReadsTheListAtOnce(t *testing.T) {
	t.Parallel()
	list := &listed{broken: -1}
	r, s := restoring(t, list)
	s.i.Lock.Reason, s.i.Lock.Since = campaign.LockedIdle, s.i.Now
	s.mustShow, s.unnamed = []string{"gone"}, 1
	if r.rounds(t, 1); len(s.scans) != 1 || s.i.Lock.Scans != 1 || s.i.Lock.Misses != 0 {
		t.Errorf("scans %+v, the lock %+v, want one that counts", s.scans, s.i.Lock)
	}
	s.i.Lock.Scans, s.anybody = 0, 1
	s.i.Now = s.i.Now.Add(time.Hour)
	if r.rounds(t, 1); s.i.Lock.Scans != 0 || s.i.Lock.Misses != 1 {
		t.Errorf("the lock %+v, want a scan that does not count: a record does not say whom it went to", s.i.Lock)
	}
}

// A list that lacks a known call is not read again at once, but ever less often. A person
// may accept it.
func TestIncompleteScanBacksOff(t *testing.T) {
	t.Parallel()
	list := &listed{broken: -1}
	r, s := restoring(t, list)
	list.calls = []record{{"there", "447700900001", s.i.Now.Add(-10 * time.Minute)}}
	s.mustShow = []string{"there", "gone"}
	r.rounds(t, 1)
	once := len(list.queries)
	if s.i.Lock.Misses != 1 || s.i.Lock.Missing != 1 || len(s.alarms) != 1 || once == 0 {
		t.Fatalf("after a scan without a known call: %+v, %d alarms, %d requests", s.i.Lock, len(s.alarms), once)
	}
	r.rounds(t, 20)
	if n := len(list.queries) - once; n != 0 {
		t.Errorf("%d requests for the list at once after a scan that counted for nothing, want none", n)
	}
	var waits []time.Duration
	for range 8 {
		waits = append(waits, s.i.Lock.RetryAt().Sub(s.i.Now))
		misses := s.i.Lock.Misses
		s.i.Now = s.i.Lock.RetryAt()
		r.rounds(t, 3)
		if s.i.Lock.Misses != misses+1 {
			t.Fatalf("%d scans when one more was due after %d", s.i.Lock.Misses, misses)
		}
	}
	if waits[1] <= waits[0] || waits[7] != waits[6] || waits[7] > 15*time.Minute {
		t.Errorf("waited %v, want ever longer, up to a bound", waits)
	}
	s.i.Now = s.i.Lock.RetryAt()
	list.calls = []record{{"there", "447700900001", s.i.Now.Add(-10 * time.Minute)}}
	s.i.Lock.AcceptedAt, s.i.Lock.Missing = s.i.Now, 0
	if r.rounds(t, 1); s.i.Lock.Scans != 0 {
		t.Error("a person's word of a list that lacked less let this one count")
	}
	s.i.Lock.AcceptedAt, s.i.Lock.Missing = s.i.Now, 1
	if r.rounds(t, 1); s.i.Lock.Scans != 1 {
		t.Errorf("%d scans count after a person's word, want 1", s.i.Lock.Scans)
	}
}

// An empty list may be correct, or belong to another application. It counts only if the
// database knows of no call that must be in it.
func TestEmptyListCountsOnlyWhereNoCallIsKnown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		mustShow []string
		unnamed  int
		want     int // scans that count
	}{
		{"no call was made", nil, 0, 1},
		{"a call is known", []string{"known"}, 0, 0},
		{"a call is known, and not its uuid", nil, 1, 0},
	} {
		r, s := restoring(t, &listed{broken: -1})
		s.mustShow, s.unnamed = test.mustShow, test.unnamed
		r.rounds(t, 1)
		if s.i.Lock.Scans != test.want || s.i.Lock.Misses != 1-test.want {
			t.Errorf("%s: %d scans count and %d do not, want %d and %d", test.name, s.i.Lock.Scans, s.i.Lock.Misses, test.want, 1-test.want)
		}
	}
}

// A record that cannot be read may belong to a forgotten call. So the scan does not
// count. An alarm says how a person can decide, and that decision makes it count.
func TestUnreadableRecordsReleaseNoDatabase(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		records []string // their uuids
		anybody int
		missing int
	}{
		{"a record has no uuid", []string{"there", ""}, 0, 1},
		{"the only record has no uuid", []string{""}, 0, 1},
		{"two records do not say whom they went to", []string{"there"}, 2, 2},
	} {
		list := &listed{broken: -1}
		r, s := restoring(t, list)
		for _, call := range test.records {
			list.calls = append(list.calls, record{call, "447700900001", s.i.Now.Add(-10 * time.Minute)})
		}
		s.anybody = test.anybody
		r.rounds(t, 1)
		if s.i.Lock.Scans != 0 || s.i.Lock.Missing != test.missing {
			t.Errorf("%s: %d scans count, and the last lacked %d; want none and %d", test.name, s.i.Lock.Scans, s.i.Lock.Missing, test.missing)
		}
		if len(s.alarms) != 1 || !strings.Contains(s.alarms[0].Detail, "dialer lock release --accept-incomplete-list") {
			t.Errorf("%s: alarms %+v, want one with the command by which a person decides", test.name, s.alarms)
		}
		s.i.Lock.AcceptedAt = s.i.Now
		if r.rounds(t, 1); s.i.Lock.Scans != 1 {
			t.Errorf("%s: %d scans count once a person accepted the list, want 1", test.name, s.i.Lock.Scans)
		}
	}
}

// The first scan only sees what was forgotten. The second recovers it, and an empty
// one would let these people be called again.
func TestSecondScanRepeatsTheFirst(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "c", 1)
	db.Exec(t, `UPDATE campaigns SET created_at = created_at - interval '1 hour'`)
	_, err := db.Checkpoint(t.Context(), campaign.ExternalMark{})
	require.NoError(t, err)
	db.Exec(t, `UPDATE database_identity SET locked_for = 'failover', locked_at = now() - interval '30 minutes', known_until = now() - interval '20 minutes'`)
	list := &listed{broken: -1, calls: []record{{"forgotten", testkit.Number(0), time.Now().Add(-10 * time.Minute)}}}
	r := NewRestore(Config{CallsPerSecond: 1}, db, clientOf(t, list), slog.New(slog.DiscardHandler))
	r.rounds(t, 1)
	db.Exec(t, `UPDATE database_identity SET scanned_at = now() - interval '10 minutes'`)
	list.calls = nil
	r.rounds(t, 1)
	i, _, err := db.Identity(t.Context())
	require.NoError(t, err)
	if i.Lock.Reason != campaign.LockedFailover || i.Lock.Scans != 1 || i.Lock.Misses != 1 || i.Lock.Missing != 1 {
		t.Errorf("after an empty second scan: %+v; want one that counts for nothing", i.Lock)
	}
}

// Against a real database: a call that was made is found by its numbers, and one
// that was not made is absent after two scans, with its contact due again.
func TestUnknownAttemptsAreSettledFromTheList(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.StartCampaign(t, "c", 3)
	now := time.Now()
	list := &listed{broken: -1}
	queued, err := db.Claim(t.Context(), 3)
	require.NoError(t, err)
	var ids []uuid.UUID
	for i, q := range queued {
		a, err := db.Gate(t.Context(), q.AttemptID, 30*time.Second)
		require.NoError(t, err)
		outcome := campaign.Outcome{Kind: campaign.OutcomeUnknown}
		if i == 0 {
			outcome = campaign.Outcome{Kind: campaign.OutcomeCreated, Evidence: campaign.Evidence{
				Source: campaign.FromResponse, CallUUID: "known", Status: "started", ObservedAt: now,
			}}
		}
		require.NoError(t, db.Record(t.Context(), a.ID, outcome))
		ids = append(ids, a.ID)
		if i < 2 {
			list.calls = append(list.calls, record{[]string{"known", "found"}[i], a.To, now.Add(-time.Hour)})
		}
	}
	db.AgeAttempts(t, time.Hour)
	db.Exec(t, `UPDATE campaigns SET from_numbers = '{447700900000}'`)
	db.Exec(t, `ALTER TABLE attempts DISABLE TRIGGER guard_changed_attempts; UPDATE attempts SET from_number = '447700900000'; ALTER TABLE attempts ENABLE TRIGGER guard_changed_attempts`)
	r := New(Config{Times: campaign.DefaultTimes, Every: time.Minute, CallsPerSecond: 3}, db, clientOf(t, list), slog.New(slog.DiscardHandler))
	require.NoError(t, r.SettleUnknown(t.Context()))
	state := func(i int) string {
		return testkit.Value[string](t, db, `SELECT state || ' ' || coalesce(call_uuid, '') FROM attempts WHERE id = $1`, ids[i])
	}
	if found, missing := state(1), state(2); found != "ended found" || missing != "unknown " {
		t.Errorf("after one scan: %q and %q", found, missing)
	}
	require.NoError(t, r.SettleUnknown(t.Context()))
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM list_scans`); n != 1 {
		t.Errorf("%d scans at once, want one", n)
	}
	db.Exec(t, `UPDATE list_scans SET from_time = from_time - interval '2 minutes', to_time = to_time - interval '2 minutes', started_at = started_at - interval '2 minutes'`)
	db.Exec(t, `UPDATE attempts SET next_check_at = now()`)
	require.NoError(t, r.SettleUnknown(t.Context()))
	if missing := state(2); missing != "absent " {
		t.Errorf("after two scans: %q, want it absent", missing)
	}
	broken, err := db.CheckInvariants(t.Context())
	require.NoError(t, err)
	if len(broken) > 0 {
		t.Errorf("invariants: %+v", broken)
	}
}
