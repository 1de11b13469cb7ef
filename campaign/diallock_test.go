package campaign

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDatabaseIsLockedForWhatItIs(t *testing.T) {
	t.Parallel()
	marked := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	home := ServerIdentity{System: "7", Database: 16400, Timeline: 1}
	promoted := ServerIdentity{System: "7", Database: 16400, Timeline: 2}
	known := func(ahead time.Duration) ExternalMark {
		return ExternalMark{Asked: true, Known: true, At: marked.Add(ahead)}
	}
	lost, silent := ExternalMark{Asked: true}, ExternalMark{}
	for _, test := range []struct {
		name  string
		at    ServerIdentity
		w     ExternalMark
		quiet time.Duration // since the last mark
		want  LockReason
	}{
		{"at home", home, known(0), time.Second, ""},
		{"at home, and the mark outside is behind", home, known(-time.Hour), time.Second, ""},
		{"at home, Redis is away", home, silent, time.Minute, ""},
		{"at home, Redis was lost", home, lost, time.Minute, ""},
		{"at home after a short rest", home, known(0), 10 * time.Minute, ""},
		{"at home after a long rest, or a machine that was put back whole", home, known(0), time.Hour, LockedIdle},
		{"the same, Redis is away", home, silent, time.Hour, LockedIdle},
		{"at home after a long rest, Redis was lost", home, lost, time.Hour, LockedNoMark},
		{"an older one in its place", home, known(time.Second), time.Second, LockedRestored},
		{"another database of the cluster", ServerIdentity{"7", 16401, 1}, known(0), 0, LockedCopy},
		{"the same number in another cluster", ServerIdentity{"8", 16400, 1}, known(0), 0, LockedCopy},
		{"another server took over", promoted, known(0), time.Second, LockedFailover},
		{"another server took over and lacks seconds", promoted, known(30 * time.Second), time.Second, LockedFailover},
		{"recovered to a point in time", promoted, known(time.Hour), time.Second, LockedRestored},
		{"another server took over, Redis is away", promoted, silent, time.Second, LockedFailover},
		{"its files elsewhere, where nobody knows it", promoted, lost, time.Second, LockedCopy},
		{"a server that tells nothing of itself", ServerIdentity{"", 16400, 0}, known(0), 0, ""},
		{"a server that tells nothing, an older one", ServerIdentity{"", 16400, 0}, known(time.Second), 0, LockedRestored},
	} {
		i := DatabaseIdentity{Server: home, CheckpointAt: marked, Now: marked.Add(test.quiet)}
		if got := i.Judge(test.at, test.w); got != test.want {
			t.Errorf("%s: locked for %q, want %q", test.name, got, test.want)
		}
		if got := (DatabaseIdentity{Now: marked}).Judge(test.at, test.w); got != "" {
			t.Errorf("%s, and it never dialed: locked for %q, want nothing", test.name, got)
		}
	}
}

// A lock that needs no person starts again when yet another server took over. It does
// not change if nothing moved.
func TestDialLockMovedServer(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	lived, second, third := ServerIdentity{"7", 16400, 1}, ServerIdentity{"7", 16400, 2}, ServerIdentity{"7", 16400, 3}
	for _, test := range []struct {
		name  string
		hold  DialLock
		found ServerIdentity
		w     ExternalMark
		want  LockReason
	}{
		{"the same server", DialLock{Reason: LockedFailover, Server: second}, second, ExternalMark{}, ""},
		{"a third one", DialLock{Reason: LockedFailover, Server: second}, third, ExternalMark{}, LockedFailover},
		{"a third one, that Redis does not know", DialLock{Reason: LockedFailover, Server: second}, third, ExternalMark{Asked: true}, LockedCopy},
		{"a server that does not tell", DialLock{Reason: LockedFailover, Server: second}, ServerIdentity{"", 16400, 0}, ExternalMark{}, ""},
		{"a hold from before the place was noted", DialLock{Reason: LockedFailover}, third, ExternalMark{}, ""},
		{"one that looked at the list after a rest", DialLock{Reason: LockedIdle, Server: second}, third, ExternalMark{}, LockedFailover},
		{"back on the first", DialLock{Reason: LockedNoMark, Server: second}, lived, ExternalMark{}, LockedNoMark},
	} {
		i := DatabaseIdentity{ID: "this", Server: lived, CheckpointAt: at, Now: at, Lock: test.hold}
		if got := i.Judge(test.found, test.w); got != test.want {
			t.Errorf("%s: locked for %q, want %q", test.name, got, test.want)
		}
	}
}

func TestExternalMarkAndWhatAProcessSaw(t *testing.T) {
	t.Parallel()
	own := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	known := func(ahead time.Duration) ExternalMark {
		return ExternalMark{Asked: true, Known: true, At: own.Add(ahead)}
	}
	for _, test := range []struct {
		name string
		w    ExternalMark
		seen time.Duration // ahead of the database's own mark
		want ExternalMark
	}{
		{"nothing ahead", ExternalMark{Asked: true}, 0, ExternalMark{Asked: true}},
		{"Redis lost its mark", ExternalMark{Asked: true}, time.Second, known(time.Second)},
		{"Redis is behind", known(time.Second), time.Minute, known(time.Minute)},
		{"Redis is ahead", known(time.Hour), time.Minute, known(time.Hour)},
		{"Redis is away", ExternalMark{}, time.Minute, ExternalMark{Known: true, At: own.Add(time.Minute)}},
	} {
		if got := test.w.Seen(own.Add(test.seen), own); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// A lock's reason only becomes more important, until a person decides. A person must
// confirm again only if the database has moved on since.
func TestDialLockReasonOnlyGrows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			return at.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "seconds")) * time.Second)
		})
		place := rapid.Custom(func(t *rapid.T) ServerIdentity {
			return ServerIdentity{rapid.SampledFrom([]string{"", "7", "8"}).Draw(t, "system"), rapid.Int64Range(1, 2).Draw(t, "database"), rapid.Int64Range(0, 2).Draw(t, "timeline")}
		})
		i := DatabaseIdentity{Server: place.Draw(t, "lived"), CheckpointAt: moment.Draw(t, "marked"), Now: moment.Draw(t, "now")}
		i.Lock.Reason = rapid.SampledFrom(append([]LockReason{""}, LockReasons...)).Draw(t, "locked for")
		if i.Lock.Reason != "" && rapid.Bool().Draw(t, "confirmed") {
			i.Lock.ReleasedAt = at
		}
		if i.Lock.Reason != "" {
			i.Lock.Server = place.Draw(t, "locked at")
		}
		found := place.Draw(t, "found")
		w := ExternalMark{Asked: rapid.Bool().Draw(t, "asked"), Known: rapid.Bool().Draw(t, "known"), At: moment.Draw(t, "mark")}
		why := i.Judge(found, w)
		if why == "" {
			return
		}
		if i.Lock.Reason != "" && i.Lock.ReleasedAt.IsZero() && !why.outweighs(i.Lock.Reason) && !(why == i.Lock.Reason && i.Lock.Moved(found)) {
			t.Errorf("locked for %q, then for %q", i.Lock.Reason, why)
		}
		if i.Lock.Forgetful() && !i.Lock.ReleasedAt.IsZero() && !why.Suspects() && !(why == i.Lock.Reason && i.Lock.Moved(found)) {
			t.Error("a lost Redis or a long rest undid what a person said")
		}
		if why.Meaning() == "" {
			t.Errorf("%q has no meaning", why)
		}
		at2 := i
		at2.Server, at2.Lock.Server = found, found
		if again := at2.Judge(found, ExternalMark{}); again == LockedCopy || again == LockedFailover {
			t.Errorf("at home it is locked for %q", again)
		}
	})
}
