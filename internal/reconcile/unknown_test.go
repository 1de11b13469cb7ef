package reconcile

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
)

// settling has three unknown attempts and a known call at the same time. Vonage has a
// call of one of the attempts. It is ten minutes later.
func settling(t *testing.T) (*Reconciler, *memoryStore, *listed) {
	t.Helper()
	r, store, vonage := reconciling(t, 0)
	store.now = start.Add(10 * time.Minute)
	store.unknown = dialed(0, time.Second, 2*time.Second)
	store.known = []campaign.Attempt{dialed(time.Second)[0].Attempt}
	store.known[0].CallUUID = "known"
	vonage.calls = []record{
		{"known", "447700900077", start.Add(time.Second)}, {"found", store.unknown[0].To, start.Add(time.Second)},
	}
	return r, store, vonage
}

func (r *Reconciler) mustSettle(t *testing.T) {
	t.Helper()
	if err := r.SettleUnknown(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A call that was read but could not be matched in this round is matched in the next one,
// and no person is asked about it.
func TestBlocksAreToldOnceAllIsConcluded(t *testing.T) {
	t.Parallel()
	r, store, _ := settling(t)
	store.unmatched = errors.New("Postgres is away")
	if err := r.SettleUnknown(t.Context()); !errors.Is(err, store.unmatched) || store.told != 0 {
		t.Errorf("error %v, told %d times; want the error, and nobody told", err, store.told)
	}
	store.unmatched, store.now = nil, store.now.Add(10*time.Minute)
	if r.mustSettle(t); store.told == 0 {
		t.Error("nobody was told after all was concluded")
	}
}

// A process that is killed after it has read a window leaves a scan. The next round uses
// it, even if that round does not finish.
func TestStoredScansAreConcludedFromFirst(t *testing.T) {
	t.Parallel()
	r, store, vonage := settling(t)
	vonage.broken = 0
	vonage.onList = func() {
		if store.proofs == 0 {
			t.Error("the list is read before anything is concluded from what is stored")
		}
	}
	if err := r.SettleUnknown(t.Context()); err == nil || store.proofs == 0 || store.told == 0 {
		t.Errorf("error %v, %d proofs asked for, told %d times; want what is stored concluded although nothing can be read", err, store.proofs, store.told)
	}
}

func TestScanServesManyAttempts(t *testing.T) {
	t.Parallel()
	r, store, vonage := settling(t)
	r.mustSettle(t)
	if diff := cmp.Diff([]string{"known", "found"}, store.stored); diff != "" {
		t.Errorf("records stored (-want +got):\n%s", diff)
	}
	if len(store.scans) != 1 || !store.scans[0].Proves() || store.proofs != 2 {
		t.Fatalf("scans %+v, %d proofs asked for; want one scan that proves something, and what it proves asked for before it and after it", store.scans, store.proofs)
	}
	s := store.scans[0]
	for _, u := range store.unknown {
		if from, to := campaign.DefaultTimes.Window(u.Attempt); s.From.After(from) || s.To.Before(to) || u.Looks != 1 {
			t.Errorf("the scan of %v to %v does not cover the window %v to %v, or is not noted: %d looks", s.From, s.To, from, to, u.Looks)
		}
	}
	for _, q := range vonage.queries {
		if q.Get("date_end") == "" || q.Get("order") != "asc" || q.Get("status") != "" {
			t.Errorf("query %v, want a closed window, oldest first, of every status", q)
		}
	}
}

// A call may ring for two minutes after its token expired, and its start time may be the
// answer. So the scan must reach that far, but not beyond now.
func TestScanWindowCoversLateAnswer(t *testing.T) {
	t.Parallel()
	for _, age := range []time.Duration{3 * time.Minute, time.Hour} {
		r, store, vonage := settling(t)
		late := store.unknown[2]
		vonage.calls = append(vonage.calls, record{"late", late.To, late.TokenExpiresAt.Add(2 * time.Minute)})
		store.now = late.TokenExpiresAt.Add(age)
		r.mustSettle(t)
		if !slices.Contains(store.stored, "late") {
			t.Errorf("stored %v, without the call that was answered late", store.stored)
		}
		for _, q := range vonage.queries {
			if end := mustTime(t, q.Get("date_end")); end.After(store.now) {
				t.Errorf("the list was read to %v, which had not passed at %v", end, store.now)
			}
		}
	}
}

func TestIncompleteScanProvesNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  func(*memoryStore, *listed)
	}{
		{"a page fails", func(_ *memoryStore, l *listed) { l.broken = 0 }},
		{"the last page fails", func(_ *memoryStore, l *listed) {
			for i := range 150 {
				l.calls = append(l.calls, record{fmt.Sprint("other", i), "447700900088", start.Add(5 * time.Second)})
			}
			l.broken = 1
		}},
		{"records could not be stored", func(m *memoryStore, _ *listed) { m.full = io.ErrUnexpectedEOF }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, store, vonage := settling(t)
			tt.set(store, vonage)
			if err := r.SettleUnknown(t.Context()); err == nil {
				t.Error("no error")
			}
			if len(store.scans) != 0 || store.unknown[0].Looks != 0 {
				t.Errorf("scans %+v and %d looks are noted", store.scans, store.unknown[0].Looks)
			}
		})
	}
}

func TestScanWithoutKnownCallProvesNothing(t *testing.T) {
	t.Parallel()
	r, store, vonage := settling(t)
	vonage.calls = vonage.calls[1:]
	r.mustSettle(t)
	if len(store.scans) != 1 || store.scans[0].Proves() || store.scans[0].KnownMissing != 1 {
		t.Errorf("scans %+v, want one that lacks a known call", store.scans)
	}
}

func TestSettleContinuesAfterGiveUpFails(t *testing.T) {
	t.Parallel()
	r, store, _ := settling(t)
	store.giveUp = io.ErrUnexpectedEOF
	if err := r.SettleUnknown(t.Context()); !errors.Is(err, store.giveUp) {
		t.Errorf("error = %v, want %v", err, store.giveUp)
	}
	if len(store.scans) != 1 {
		t.Errorf("%d scans, want one", len(store.scans))
	}
}

func TestUselessScansRaiseAlarm(t *testing.T) {
	t.Parallel()
	for _, noneKnown := range []bool{false, true} {
		r, store, vonage := settling(t)
		calls, known := vonage.calls, store.known
		if vonage.calls = nil; noneKnown {
			store.known = nil
		}
		for range maxMisses + 3 {
			r.mustSettle(t)
			store.now = store.now.Add(time.Hour)
		}
		if len(store.alarms) != 1 || store.alarms[0].Kind != campaign.AlarmKnownCallsMissing {
			t.Errorf("alarms = %v, want one of kind %s", store.alarms, campaign.AlarmKnownCallsMissing)
		}
		vonage.calls, store.known = calls, known
		if store.now = store.now.Add(6 * time.Hour); true {
			r.mustSettle(t)
		}
		if last := store.scans[len(store.scans)-1]; !last.Proves() {
			t.Errorf("the list shows the known call, and the scan still proves nothing: %+v", last)
		}
	}
}

// If there is no known call at the attempt's own time, the scan reaches to the nearest
// one.
func TestWindowIsWidenedToAKnownCall(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{-40 * time.Hour, -2 * time.Hour, -time.Minute, 3 * time.Minute, 30 * time.Minute} {
		r, store, vonage := settling(t)
		store.now = start.Add(time.Hour)
		at := start.Add(away)
		store.known[0].DialedAt, store.known[0].TokenExpiresAt = at, at.Add(30*time.Second)
		vonage.calls[0].start = at
		r.mustSettle(t)
		if len(store.scans) != 1 || !store.scans[0].Proves() {
			t.Errorf("with a known call %v away: scans %+v, want one that shows it", away, store.scans)
		}
	}
}

func TestBlockedAttemptChecksDouble(t *testing.T) {
	t.Parallel()
	r, store, _ := settling(t)
	store.unknown = store.unknown[:1]
	begun := store.now
	var gaps []time.Duration
	for last := begun; store.now.Sub(begun) < 40*time.Minute; store.now = store.now.Add(10 * time.Second) {
		before := len(store.scans)
		if r.mustSettle(t); len(store.scans) > before {
			gaps, last = append(gaps, store.now.Sub(last)), store.now
		}
	}
	want := []time.Duration{0, 1, 2, 4, 8, 16}
	for i := range want {
		want[i] *= time.Minute
	}
	if diff := cmp.Diff(want, gaps); diff != "" {
		t.Errorf("times between scans (-want +got):\n%s", diff)
	}
}
