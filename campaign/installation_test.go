package campaign

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDatabaseIsHeldForWhatItIs(t *testing.T) {
	t.Parallel()
	marked := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	home := Place{System: "7", Database: 16400, Timeline: 1}
	promoted := Place{System: "7", Database: 16400, Timeline: 2}
	known := func(ahead time.Duration) Witness { return Witness{Asked: true, Known: true, At: marked.Add(ahead)} }
	lost, silent := Witness{Asked: true}, Witness{}
	for _, test := range []struct {
		name  string
		at    Place
		w     Witness
		quiet time.Duration // since the last mark
		want  HoldReason
	}{
		{"at home", home, known(0), time.Second, ""},
		{"at home, and the mark outside is behind", home, known(-time.Hour), time.Second, ""},
		{"at home, Redis is away", home, silent, time.Hour, ""},
		{"at home, Redis was lost", home, lost, time.Minute, ""},
		{"at home after a long rest", home, known(0), time.Hour, ""},
		{"at home after a long rest, Redis was lost", home, lost, time.Hour, HeldUnwitnessed},
		{"an older one in its place", home, known(time.Second), time.Second, HeldRestored},
		{"another database of the cluster", Place{"7", 16401, 1}, known(0), 0, HeldCopy},
		{"the same number in another cluster", Place{"8", 16400, 1}, known(0), 0, HeldCopy},
		{"another server took over", promoted, known(0), time.Second, HeldFailover},
		{"another server took over and lacks seconds", promoted, known(30 * time.Second), time.Second, HeldFailover},
		{"recovered to a point in time", promoted, known(time.Hour), time.Second, HeldRestored},
		{"another server took over, Redis is away", promoted, silent, time.Second, HeldFailover},
		{"its files elsewhere, where nobody knows it", promoted, lost, time.Second, HeldCopy},
		{"a server that tells nothing of itself", Place{"", 16400, 0}, known(0), 0, ""},
		{"a server that tells nothing, an older one", Place{"", 16400, 0}, known(time.Second), 0, HeldRestored},
	} {
		i := Installation{Place: home, MarkedAt: marked, Now: marked.Add(test.quiet)}
		if got := i.Judge(test.at, test.w); got != test.want {
			t.Errorf("%s: held for %q, want %q", test.name, got, test.want)
		}
		if got := (Installation{Now: marked}).Judge(test.at, test.w); got != "" {
			t.Errorf("%s, and it never dialed: held for %q, want nothing", test.name, got)
		}
	}
}

// A hold that waits for nobody is begun anew where yet another server took
// over; one that nobody moved is left alone.
func TestHoldOfAnotherServerIsBegunAnew(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	lived, second, third := Place{"7", 16400, 1}, Place{"7", 16400, 2}, Place{"7", 16400, 3}
	for _, test := range []struct {
		name  string
		hold  Hold
		found Place
		w     Witness
		want  HoldReason
	}{
		{"the same server", Hold{Reason: HeldFailover, Place: second}, second, Witness{}, ""},
		{"a third one", Hold{Reason: HeldFailover, Place: second}, third, Witness{}, HeldFailover},
		{"a third one, that Redis does not know", Hold{Reason: HeldFailover, Place: second}, third, Witness{Asked: true}, HeldCopy},
		{"a server that does not tell", Hold{Reason: HeldFailover, Place: second}, Place{"", 16400, 0}, Witness{}, ""},
		{"a hold from before the place was noted", Hold{Reason: HeldFailover}, third, Witness{}, ""},
		{"back on the first", Hold{Reason: HeldUnwitnessed, Place: second}, lived, Witness{}, HeldUnwitnessed},
	} {
		i := Installation{ID: "this", Place: lived, MarkedAt: at, Now: at, Hold: test.hold}
		if got := i.Judge(test.found, test.w); got != test.want {
			t.Errorf("%s: held for %q, want %q", test.name, got, test.want)
		}
	}
}

func TestWitnessWithWhatAProcessSaw(t *testing.T) {
	t.Parallel()
	own := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	known := func(ahead time.Duration) Witness { return Witness{Asked: true, Known: true, At: own.Add(ahead)} }
	for _, test := range []struct {
		name string
		w    Witness
		seen time.Duration // ahead of the database's own mark
		want Witness
	}{
		{"nothing ahead", Witness{Asked: true}, 0, Witness{Asked: true}},
		{"Redis lost its mark", Witness{Asked: true}, time.Second, known(time.Second)},
		{"Redis is behind", known(time.Second), time.Minute, known(time.Minute)},
		{"Redis is ahead", known(time.Hour), time.Minute, known(time.Hour)},
		{"Redis is away", Witness{}, time.Minute, Witness{Known: true, At: own.Add(time.Minute)}},
	} {
		if got := test.w.Seen(own.Add(test.seen), own); got != test.want {
			t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
		}
	}
}

// A hold only ever becomes weightier, until a person speaks; and what a person
// confirmed is asked again only if the database moved on since.
func TestHoldOnlyBecomesWeightier(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			return at.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "seconds")) * time.Second)
		})
		place := rapid.Custom(func(t *rapid.T) Place {
			return Place{rapid.SampledFrom([]string{"", "7", "8"}).Draw(t, "system"), rapid.Int64Range(1, 2).Draw(t, "database"), rapid.Int64Range(0, 2).Draw(t, "timeline")}
		})
		i := Installation{Place: place.Draw(t, "lived"), MarkedAt: moment.Draw(t, "marked"), Now: moment.Draw(t, "now")}
		i.Hold.Reason = rapid.SampledFrom(append([]HoldReason{""}, HoldReasons...)).Draw(t, "held for")
		if i.Hold.Reason != "" && rapid.Bool().Draw(t, "confirmed") {
			i.Hold.ConfirmedAt = at
		}
		if i.Hold.Reason != "" {
			i.Hold.Place = place.Draw(t, "held at")
		}
		found := place.Draw(t, "found")
		w := Witness{Asked: rapid.Bool().Draw(t, "asked"), Known: rapid.Bool().Draw(t, "known"), At: moment.Draw(t, "witness")}
		why := i.Judge(found, w)
		if why == "" {
			return
		}
		if i.Hold.Reason != "" && i.Hold.ConfirmedAt.IsZero() && !why.outweighs(i.Hold.Reason) && !(why == i.Hold.Reason && i.Hold.Moved(found)) {
			t.Errorf("held for %q, then for %q", i.Hold.Reason, why)
		}
		if !i.Hold.ConfirmedAt.IsZero() && why == HeldUnwitnessed && !(why == i.Hold.Reason && i.Hold.Moved(found)) {
			t.Error("a lost Redis undid what a person said")
		}
		if why.Meaning() == "" {
			t.Errorf("%q has no meaning", why)
		}
		at2 := i
		at2.Place, at2.Hold.Place = found, found
		if again := at2.Judge(found, Witness{}); again == HeldCopy || again == HeldFailover {
			t.Errorf("at home it is held for %q", again)
		}
	})
}
