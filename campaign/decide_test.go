package campaign

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var wentDue = noon.Add(-time.Hour)

func activeContact() Contact {
	return Contact{ID: 1, To: "447700900001", State: Active, DueAt: wentDue}
}

// attempts numbers its attempts from 1, and gives each an id.
func attempts(list ...Attempt) []Attempt {
	for i := range list {
		list[i].No = i + 1
		list[i].ID = uuid.UUID{15: byte(i + 1)}
	}
	return list
}

func idOf(no int) uuid.UUID { return uuid.UUID{15: byte(no)} }

// call is an attempt that ended as d, ago before now.
func call(d Disposition, ago time.Duration) Attempt {
	a := Attempt{State: Ended, Facts: Facts{CallUUID: "x", EndedAt: noon.Add(-ago)}}
	switch d {
	case Answered:
		a.AnsweredAt = noon.Add(-ago)
	case Human, Machine:
		a.AnsweredAt, a.Statuses = noon.Add(-ago), []string{string(d)}
	case Unexplained:
	default:
		a.Failure, a.FailedAt = string(d), noon.Add(-ago)
	}
	return a
}

func in(s State) Attempt { return Attempt{State: s} }

func refused(r Refusal) Attempt   { return Attempt{State: Refused, Note: string(r)} }
func voided(w Withdrawal) Attempt { return Attempt{State: Void, Note: string(w)} }

type decideCase struct {
	name     string
	status   Status
	contact  Contact
	attempts []Attempt
	want     Decision // Because is compared only where it is set
}

func decideCases() []decideCase {
	suppressed := activeContact()
	suppressed.State, suppressed.Reason = Done, ReasonSuppressed
	lostCall := in(Lost)
	lostCall.MustExist = true
	silent := call(Busy, 5*time.Minute) // closed by the sweeper, later than it failed
	silent.EndedAt = noon.Add(-time.Minute)
	early := call(Busy, -time.Hour) // Vonage's clock is ahead
	return []decideCase{
		{name: "not called yet", want: Decision{State: Pending, DueAt: wentDue}},
		{name: "reserved", attempts: attempts(in(Reserved)), want: Decision{State: Active}},
		{name: "past the gate", attempts: attempts(in(Dialing)), want: Decision{State: Active}},
		{name: "not known", attempts: attempts(in(Unknown)), want: Decision{State: Active}},
		{name: "accepted", attempts: attempts(in(Accepted)), want: Decision{State: Active, Attempts: 1}},
		{name: "accepted late, the next one reserved", attempts: attempts(in(Accepted), in(Reserved)), want: Decision{State: Active, Attempts: 1, Void: []uuid.UUID{idOf(2)}}},
		{name: "answered", attempts: attempts(call(Answered, time.Minute)), want: Decision{Answered: true, State: Done, Reason: "answered", Attempts: 1}},
		{name: "a machine", attempts: attempts(call(Machine, time.Minute)), want: Decision{Answered: true, State: Done, Reason: "machine", Attempts: 1}},
		{name: "rejected", attempts: attempts(call(Rejected, time.Minute)), want: Decision{State: Done, Reason: "rejected", Attempts: 1}},
		{name: "over, nobody said how", attempts: attempts(call(Unexplained, time.Minute)), want: Decision{State: Done, Reason: "unexplained", Attempts: 1}},
		{name: "busy", attempts: attempts(call(Busy, time.Minute)), want: Decision{State: Waiting, DueAt: noon.Add(9 * time.Minute), Attempts: 1, Because: "call 1 of 3 ended as busy, called again 10m later"}},
		{name: "busy, and completed never came", attempts: attempts(silent), want: Decision{State: Waiting, DueAt: noon.Add(5 * time.Minute), Attempts: 1}},
		{name: "busy by a clock that is ahead", attempts: attempts(early), want: Decision{State: Waiting, DueAt: noon.Add(10 * time.Minute), Attempts: 1}},
		{name: "late answer, redial reserved", attempts: attempts(call(Human, time.Minute), in(Reserved)), want: Decision{Answered: true, State: Done, Reason: "human", Attempts: 1, Void: []uuid.UUID{idOf(2)}}},
		{name: "late answer, redial under way", attempts: attempts(call(Human, time.Minute), in(Dialing)), want: Decision{Answered: true, State: Active, Attempts: 1}},
		{name: "late answer, redial was busy", attempts: attempts(call(Human, time.Hour), call(Busy, time.Minute)), want: Decision{Answered: true, State: Done, Reason: "human", Attempts: 2}},
		{name: "answered before rejected", attempts: attempts(call(Answered, time.Hour), call(Rejected, time.Minute)), want: Decision{Answered: true, State: Done, Reason: "answered", Attempts: 2}},
		{name: "used up", attempts: attempts(call(Busy, 3*time.Hour), call(Busy, 2*time.Hour), call(Timeout, time.Hour)), want: Decision{State: Done, Reason: "timeout", Attempts: 3, Because: "all 3 calls are used, the last ended as timeout"}},
		{name: "used up, calls alone count", attempts: attempts(call(Busy, 3*time.Hour), in(Absent), refused(RefusedRate), voided(WithdrawnPaused), call(Busy, time.Minute)), want: Decision{State: Waiting, DueAt: noon.Add(9 * time.Minute), Attempts: 2}},
		{name: "lost", attempts: attempts(in(Lost)), want: Decision{State: Done, Reason: ReasonUnresolved}},
		{name: "lost, and it exists", attempts: attempts(lostCall), want: Decision{State: Done, Reason: ReasonUnresolved, Attempts: 1}},
		{name: "lost after busy", attempts: attempts(call(Busy, time.Hour), in(Lost)), want: Decision{State: Done, Reason: ReasonUnresolved, Attempts: 1}},
		{name: "lost, but answered before", attempts: attempts(call(Answered, time.Hour), in(Lost)), want: Decision{Answered: true, State: Done, Reason: "answered", Attempts: 1}},
		{name: "suppressed at the gate", attempts: attempts(voided(WithdrawnSuppressed)), want: Decision{State: Done, Reason: ReasonSuppressed}},
		{name: "suppressed, and a needless redial", attempts: attempts(voided(WithdrawnSuppressed), voided(WithdrawnAnswered)), want: Decision{State: Done, Reason: ReasonSuppressed}},
		{name: "suppressed while waiting", contact: suppressed, attempts: attempts(call(Busy, time.Hour)), want: Decision{State: Done, Reason: ReasonSuppressed, Attempts: 1}},
		{name: "suppressed, then an answer told late", attempts: attempts(call(Answered, time.Hour), voided(WithdrawnSuppressed)), want: Decision{Answered: true, State: Done, Reason: "answered", Attempts: 1}},
		{name: "no message can be made", attempts: attempts(voided(WithdrawnMessage)), want: Decision{State: Pending, DueAt: wentDue}},
		{name: "refused for good", attempts: attempts(refused(RefusedInvalid)), want: Decision{State: Done, Reason: ReasonRefused}},
		{name: "refused for the account", attempts: attempts(refused(RefusedAuth)), want: Decision{State: Pending, DueAt: noon.Add(5 * time.Second)}},
		{name: "refused for the rate", attempts: attempts(refused(RefusedRate)), want: Decision{State: Pending, DueAt: noon.Add(5 * time.Second), Because: "no call was made (rate), tried again 5s later"}},
		{name: "unreachable three times", attempts: attempts(refused(RefusedUnreachable), refused(RefusedUnreachable), refused(RefusedUnreachable)), want: Decision{State: Pending, DueAt: noon.Add(20 * time.Second)}},
		{name: "too slow to send, again and again", attempts: attempts(refused(RefusedStale), refused(RefusedStale), refused(RefusedStale)), want: Decision{State: Pending, DueAt: noon.Add(time.Second)}},
		{name: "unreachable again, a call between", attempts: attempts(refused(RefusedUnreachable), call(Busy, time.Hour), refused(RefusedUnreachable)), want: Decision{State: Waiting, DueAt: noon.Add(5 * time.Second), Attempts: 1}},
		{name: "absent", attempts: attempts(in(Absent)), want: Decision{State: Pending, DueAt: noon, Because: "no call was made (absent), tried again at once"}},
		{name: "absent three times", attempts: attempts(in(Absent), in(Absent), in(Absent)), want: Decision{State: Pending, DueAt: noon}},
		{name: "absent four times", attempts: attempts(in(Absent), in(Absent), in(Absent), in(Absent)), want: Decision{State: Pending, DueAt: noon.Add(time.Minute)}},
		{name: "absent, after we were too slow", attempts: attempts(refused(RefusedStale), refused(RefusedStale), refused(RefusedStale), refused(RefusedStale), in(Absent)), want: Decision{State: Pending, DueAt: noon}},
		{name: "absent six times", attempts: attempts(in(Absent), in(Absent), in(Absent), in(Absent), in(Absent), in(Absent)), want: Decision{State: Pending, DueAt: noon.Add(4 * time.Minute)}},
		{name: "paused", attempts: attempts(voided(WithdrawnPaused)), status: Paused, want: Decision{State: Pending, DueAt: wentDue, Because: "withdrawn before dialing (paused), due as before"}},
		{name: "outside the hours", attempts: attempts(voided(WithdrawnHours)), want: Decision{State: Pending, DueAt: wentDue}},
		{name: "paused after busy", attempts: attempts(call(Busy, time.Hour), voided(WithdrawnPaused)), want: Decision{State: Waiting, DueAt: noon.Add(-50 * time.Minute), Attempts: 1}},
		{name: "paused after absent", attempts: attempts(in(Absent), voided(WithdrawnPaused)), want: Decision{State: Pending, DueAt: wentDue}},
		{name: "redial withdrawn, the earlier call was busy after all", attempts: attempts(call(Busy, time.Minute), voided(WithdrawnAnswered)), want: Decision{State: Waiting, DueAt: noon.Add(9 * time.Minute), Attempts: 1}},
		{name: "suppressed after the last call", contact: suppressed, attempts: attempts(call(Busy, time.Hour), call(Busy, time.Minute), call(Failed, time.Minute)), want: Decision{State: Done, Reason: "failed", Attempts: 3}},
		{name: "stopped", status: Stopped, want: Decision{State: Done, Reason: ReasonStopped}},
		{name: "stopped, reserved", status: Stopped, attempts: attempts(in(Reserved)), want: Decision{State: Done, Reason: ReasonStopped, Void: []uuid.UUID{idOf(1)}}},
		{name: "stopped, a call under way", status: Stopped, attempts: attempts(in(Accepted)), want: Decision{State: Active, Attempts: 1}},
		{name: "stopped after busy", status: Stopped, attempts: attempts(call(Busy, time.Minute)), want: Decision{State: Done, Reason: ReasonStopped, Attempts: 1}},
		{name: "stopped after the answer", status: Stopped, attempts: attempts(call(Answered, time.Minute)), want: Decision{Answered: true, State: Done, Reason: "answered", Attempts: 1}},
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, test := range decideCases() {
		contact, status := test.contact, test.status
		if contact.ID == 0 {
			contact = activeContact()
		}
		if status == "" {
			status = Running
		}
		got := Decide(Settings{Retry: DefaultPolicy()}, status, contact, test.attempts, noon)
		if got.Because == "" {
			t.Errorf("%s: no because", test.name)
		}
		if test.want.Because == "" {
			got.Because = ""
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
}

func TestDecideGrowsTheWaitWithinBounds(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Refused, Absent} {
		var list []Attempt
		var before time.Duration
		for range WithoutCallMost - 1 {
			list = append(list, in(state))
			wait := Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(list...), noon).DueAt.Sub(noon)
			if wait < before || wait > time.Hour {
				t.Fatalf("%d %s in a row: %v after %v", len(list), state, wait, before)
			}
			before = wait
		}
		if before != time.Hour {
			t.Errorf("%s: grew to %v only", state, before)
		}
	}
}

func TestDecideFollowsThePolicy(t *testing.T) {
	t.Parallel()
	s := Settings{Retry: Policy{Attempts: 2, Again: map[Disposition]time.Duration{Machine: 2 * time.Hour}}}
	got := Decide(s, Running, activeContact(), attempts(call(Machine, time.Hour)), noon)
	if got.State != Waiting || !got.DueAt.Equal(noon.Add(time.Hour)) {
		t.Errorf("machine: %+v", got)
	}
	got = Decide(s, Running, activeContact(), attempts(call(Busy, time.Hour)), noon)
	if got.State != Done || got.Reason != "busy" {
		t.Errorf("busy, which the policy does not name: %+v", got)
	}
}

// A person who was reached without what the campaign wants is called again. A machine
// does not hear the message.
func TestDecideUntil(t *testing.T) {
	t.Parallel()
	heard := func(a Attempt) Attempt { a.HeardAt = noon.Add(-time.Hour); return a }
	keyed := func(a Attempt) Attempt { a.Keys, a.Result = []string{"1"}, "confirmed"; return a }
	person, machine := call(Human, time.Hour), call(Machine, time.Hour)
	for _, test := range []struct {
		name  string
		until Until
		last  Attempt
		again bool
	}{
		{"answered, and not heard", UntilAnswered, person, false},
		{"not heard", UntilHeard, person, true},
		{"heard", UntilHeard, heard(person), false},
		{"a key before the end", UntilHeard, keyed(person), false},
		{"played to a machine", UntilHeard, heard(machine), true},
		{"heard, and no key", UntilResult, heard(person), true},
		{"a key", UntilResult, keyed(person), false},
	} {
		s := Settings{Retry: Policy{Attempts: 3, Until: test.until, Again: map[Disposition]time.Duration{}}}
		got := Decide(s, Running, activeContact(), attempts(test.last), noon)
		if again := got.State == Waiting; again != test.again {
			t.Errorf("%s, until %s: %+v, want called again: %t", test.name, test.until, got, test.again)
		}
	}
}

func anyHistory(t *rapid.T) []Attempt {
	kinds := []func() Attempt{
		func() Attempt { return in(Absent) },
		func() Attempt { return in(Lost) },
		func() Attempt { return in(Accepted) },
		func() Attempt { return in(Unknown) },
		func() Attempt { return in(Reserved) },
		func() Attempt { return voided(WithdrawnPaused) },
		func() Attempt { return voided(WithdrawnSuppressed) },
		func() Attempt { return voided(WithdrawnMessage) },
		func() Attempt { return voided(WithdrawnAnswered) },
		func() Attempt { return refused(RefusedInvalid) },
		func() Attempt { return refused(RefusedRate) },
	}
	for _, d := range Dispositions {
		kinds = append(kinds, func() Attempt { return call(d, time.Minute) })
	}
	var list []Attempt
	for _, k := range rapid.SliceOfN(rapid.IntRange(0, len(kinds)-1), 0, 6).Draw(t, "kinds") {
		list = append(list, kinds[k]())
	}
	return attempts(list...)
}

// Properties of every decision, for any attempts.
func TestDecideProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Settings{Retry: DefaultPolicy()}
		st := rapid.SampledFrom([]Status{Importing, Running, Paused, Stopped, Finished}).Draw(t, "status")
		c := activeContact()
		list := anyHistory(t)
		d := Decide(s, st, c, list, noon)
		if (d.State == Done) != (d.Reason != "") || d.Reason != "" && !slices.Contains(Reasons, d.Reason) {
			t.Fatalf("%s with reason %q", d.State, d.Reason)
		}
		if (d.State == Pending || d.State == Waiting) == d.DueAt.IsZero() {
			t.Fatalf("%s due at %v", d.State, d.DueAt)
		}
		if strings.Contains(d.Because, c.To) || d.Because == "" {
			t.Fatalf("because %q", d.Because)
		}
		for _, a := range list {
			if past := a.State == Dialing || a.State == Unknown || a.State == Accepted; past && d.State != Active {
				t.Fatalf("%s while an attempt is %s", d.State, a.State)
			}
			if a.State == Reserved && d.State != Active && !slices.Contains(d.Void, a.ID) {
				t.Fatalf("%s leaves an attempt reserved", d.State)
			}
			if slices.Contains(d.Void, a.ID) && a.State != Reserved {
				t.Fatalf("voids an attempt that is %s", a.State)
			}
		}
		shuffled := slices.Clone(list)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(d, Decide(s, st, c, shuffled, noon)); diff != "" {
			t.Fatalf("the order of the attempts matters:\n%s", diff)
		}
	})
}

// After a decision is carried out, Decide returns the same decision again, at any time.
func TestDecideAgainDecidesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Settings{Retry: DefaultPolicy()}
		c := activeContact()
		list := anyHistory(t)
		first := Decide(s, Running, c, list, noon)
		c.State, c.Reason, c.Attempts = first.State, first.Reason, first.Attempts
		if !first.DueAt.IsZero() {
			c.DueAt = first.DueAt
		}
		for i, a := range list {
			if slices.Contains(first.Void, a.ID) {
				list[i].State, list[i].Note = Void, string(WithdrawnAnswered)
			}
		}
		later := noon.Add(time.Duration(rapid.IntRange(0, 100_000).Draw(t, "seconds")) * time.Second)
		again := Decide(s, Running, c, list, later)
		first.Void = nil
		first.Because, again.Because = "", ""
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("asked again:\n%s", diff)
		}
	})
}

// An attempt that was withdrawn because of the hours makes its contact due at their
// next beginning: at once would be an endless series of claims and withdrawals. The
// waits after calls with the same end follow one another, and the last repeats.
func TestDecideStepsOfWaits(t *testing.T) {
	t.Parallel()
	p, err := DefaultPolicy().ParseRetry("busy=10m/1h/4h,unanswered=30m")
	if err != nil {
		t.Fatal(err)
	}
	p.Attempts, p.Jitter = 10, 5*time.Minute
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	var attempts []Attempt
	waits := map[time.Duration]bool{}
	for i, c := range []struct {
		ends string
		want time.Duration
	}{{"busy", 10 * time.Minute}, {"unanswered", 30 * time.Minute}, {"busy", time.Hour}, {"busy", 4 * time.Hour}, {"busy", 4 * time.Hour}, {"unanswered", 30 * time.Minute}} {
		attempts = append(attempts, Attempt{ID: uuid.New(), No: i + 1, State: Ended, Facts: Facts{Failure: c.ends, FailedAt: at, EndedAt: at, Statuses: []string{c.ends}}})
		d := Decide(Settings{Retry: p}, Running, Contact{}, attempts, at)
		if again := Decide(Settings{Retry: p}, Running, Contact{}, attempts, at.Add(time.Hour)); !again.DueAt.Equal(d.DueAt) {
			t.Errorf("asked later, it is due at %v and not %v", again.DueAt, d.DueAt)
		}
		late := d.DueAt.Sub(at) - c.want
		if late < 0 || late >= p.Jitter {
			t.Errorf("call %d, %s: due %v later, want %v and up to 5m", i+1, c.ends, d.DueAt.Sub(at), c.want)
		}
		waits[late] = true
	}
	if len(waits) < 3 {
		t.Errorf("the jitter is %v", waits)
	}
}

// With other_time the next call is at another time of day, within the hours.
func TestDecideAtAnotherTimeOfTheDay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Settings{Retry: DefaultPolicy(), Hours: Daily(9*60, 20*60)}
		s.Retry.OtherTime = time.Duration(rapid.IntRange(1, 5).Draw(t, "other")) * time.Hour
		s.Retry.Again[Busy] = time.Duration(rapid.IntRange(1, 40*60).Draw(t, "wait")) * time.Minute
		last := time.Date(2026, 12, 1, 9, rapid.IntRange(0, 10*60).Draw(t, "at"), 0, 0, time.UTC)
		a := Attempt{No: 1, State: Ended, DialedAt: last, Facts: Facts{Failure: "busy", FailedAt: last, EndedAt: last, Statuses: []string{"busy"}}}
		d := Decide(s, Running, Contact{Zones: []string{"UTC"}}, []Attempt{a}, last)
		apart := d.DueAt.Sub(last) % (24 * time.Hour)
		if open, _ := s.Hours.Open(d.DueAt, []string{"UTC"}); !open || min(apart, 24*time.Hour-apart) < s.Retry.OtherTime {
			t.Fatalf("called at %v and again at %v", last, d.DueAt)
		}
		if d.DueAt.Before(last.Add(s.Retry.Again[Busy])) {
			t.Fatalf("the wait of %v is not kept: %v", s.Retry.Again[Busy], d.DueAt.Sub(last))
		}
	})
}

// A contact that waits at the campaign's end ends as expired. One with a call in
// progress does not.
func TestDecideAtTheEnd(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 5, 18, 0, 0, 0, time.UTC)
	s := Settings{Retry: DefaultPolicy(), End: now}
	for _, c := range []struct {
		name     string
		attempts []Attempt
		now      time.Time
		want     string
	}{
		{"waits", nil, now, "done expired"},
		{"waits a moment before", nil, now.Add(-time.Microsecond), "pending "},
		{"is called", []Attempt{{No: 1, State: Dialing}}, now, "active "},
		{"withdrawn just before", []Attempt{{No: 1, State: Void, Note: string(WithdrawnEnded)}}, now.Add(-20 * time.Second), "done expired"},
		{"waits in the queue", []Attempt{{No: 1, State: Reserved}}, now, "done expired"},
	} {
		d := Decide(s, Paused, Contact{DueAt: now.Add(-time.Hour)}, c.attempts, c.now)
		if got := string(d.State) + " " + string(d.Reason); got != c.want {
			t.Errorf("%s: %s (%s), want %s", c.name, got, d.Because, c.want)
		}
	}
}

// A contact that was withdrawn because of the hours is due as before: the claim checks
// the hours that the campaign has then, and an edit of them delays nobody.
func TestDecideAfterTheHours(t *testing.T) {
	t.Parallel()
	before := activeContact().DueAt
	for _, test := range []struct {
		name  string
		tried []Attempt
		want  time.Time
	}{
		{"never called", attempts(voided(WithdrawnHours)), before},
		{"after a busy call", attempts(call(Busy, time.Hour), voided(WithdrawnHours)), Decide(Settings{Retry: DefaultPolicy()}, Running, activeContact(), attempts(call(Busy, time.Hour)), noon).DueAt},
	} {
		for _, hours := range []Hours{Daily(9*60, 12*60+10), Daily(9*60, 11*60), Daily(13*60, 14*60)} {
			c := activeContact()
			c.Zones = []string{"Etc/UTC"}
			s := Settings{Retry: DefaultPolicy(), Hours: hours}
			got := Decide(s, Running, c, test.tried, noon)
			if !got.DueAt.Equal(test.want) {
				t.Errorf("%s, %s: due %s, want %s", test.name, hours, got.DueAt, test.want)
			}
			c.State, c.DueAt = got.State, got.DueAt
			if again := Decide(s, Running, c, test.tried, noon.Add(22*time.Hour)); !again.DueAt.Equal(test.want) {
				t.Errorf("%s, %s, asked again: due %s, want %s", test.name, hours, again.DueAt, test.want)
			}
		}
	}
}
