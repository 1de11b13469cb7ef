package campaign

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func clock(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestReminders(t *testing.T) {
	t.Parallel()
	hours := Daily(9*60, 20*60)
	hours.Margin = DefaultMargin
	for _, c := range []struct {
		name, at, now string
		before        []time.Duration
		merge         time.Duration
		want          []string
	}{
		{"in the hours", "2026-12-03 14:00", "2026-12-01 12:00", []time.Duration{24 * time.Hour, 2 * time.Hour}, 0, []string{"2026-12-02 14:00", "2026-12-03 12:00"}},
		{"before the opening", "2026-12-03 10:00", "2026-12-01 12:00", []time.Duration{2 * time.Hour}, 0, []string{"2026-12-02 19:56"}},
		{"at the end of the hours", "2026-12-03 21:58", "2026-12-01 12:00", []time.Duration{2 * time.Hour}, 0, []string{"2026-12-03 19:56"}},
		{"one is past", "2026-12-03 14:00", "2026-12-02 15:00", []time.Duration{24 * time.Hour, 2 * time.Hour}, 0, []string{"2026-12-03 12:00"}},
		{"all are past", "2026-12-03 14:00", "2026-12-03 13:00", []time.Duration{24 * time.Hour, 2 * time.Hour}, 0, nil},
		{"moved into the past", "2026-12-03 10:00", "2026-12-02 21:00", []time.Duration{2 * time.Hour}, 0, nil},
		{"both the evening before", "2026-12-03 09:30", "2026-12-01 12:00", []time.Duration{3 * time.Hour, time.Hour}, 0, []string{"2026-12-02 19:56"}},
		{"near each other, and left", "2026-12-03 14:00", "2026-12-01 12:00", []time.Duration{2 * time.Hour, 90 * time.Minute}, 0, []string{"2026-12-03 12:00", "2026-12-03 12:30"}},
		{"near each other, and one", "2026-12-03 14:00", "2026-12-01 12:00", []time.Duration{2 * time.Hour, 90 * time.Minute}, 30 * time.Minute, []string{"2026-12-03 12:30"}},
	} {
		s := Settings{Hours: hours, Remind: &Remind{Column: "when", Before: c.before, Merge: c.merge}}
		var got []string
		for _, at := range s.Reminders(clock(c.at), clock(c.now), []string{"UTC"}, atTheEnd) {
			got = append(got, at.Format("2006-01-02 15:04"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

// atTheEnd is a number whose moved reminders are in the last minute of the hours.
var atTheEnd = func() string {
	h := Daily(9*60, 20*60)
	for i := 0; ; i++ {
		number := fmt.Sprint(447700900000 + i)
		last, _ := h.lastCall(clock("2026-12-01 21:00"), []string{"UTC"})
		if at, _ := h.reminder(clock("2026-12-01 21:00"), time.Time{}, []string{"UTC"}, number); at.Equal(last) {
			return number
		}
	}
}()

// Reminders that the hours move are spread over the half hour before the hours end, so
// they are called before that. They are never before an opening.
func TestMovedRemindersAreSpread(t *testing.T) {
	t.Parallel()
	h, err := ParseHours("09:00-19:40,19:45-20:00")
	if err != nil {
		t.Fatal(err)
	}
	whole := Daily(9*60, 20*60)
	var early, inWindow int
	for i := range 1000 {
		number := fmt.Sprint(447700900000 + i)
		at, ok := whole.reminder(clock("2026-12-02 08:00"), time.Time{}, []string{"UTC"}, number)
		if first, last := clock("2026-12-01 19:28"), clock("2026-12-01 19:58"); !ok || at.Before(first) || at.After(last) {
			t.Fatalf("a reminder is at %v, want it from %v to %v", at, first, last)
		}
		if at.Before(clock("2026-12-01 19:43")) {
			early++
		}
		if at, ok := h.reminder(clock("2026-12-02 08:00"), time.Time{}, []string{"UTC"}, number); ok && !at.Before(clock("2026-12-01 19:45")) && !at.After(clock("2026-12-01 19:58")) {
			inWindow++
		}
		if again, _ := whole.reminder(clock("2026-12-02 08:00"), time.Time{}, []string{"UTC"}, number); !again.Equal(at) {
			t.Fatalf("the same number is reminded at %v, and at %v", at, again)
		}
	}
	// A row that is read within the half hour gets the latest moment, if its own is past.
	for i := range 100 {
		now := clock("2026-12-01 19:50")
		if at, ok := whole.reminder(clock("2026-12-02 08:00"), now, []string{"UTC"}, fmt.Sprint(447700900000+i)); !ok || at.Before(now) || at.After(clock("2026-12-01 19:58")) {
			t.Errorf("at %v a reminder is at %v", now, at)
		}
	}
	if early < 400 || early > 600 {
		t.Errorf("%d of 1000 are in the first half of the half hour", early)
	}
	if inWindow != 1000 {
		t.Errorf("%d of 1000 are between the opening before and the end", inWindow)
	}
}

// In every zone, every reminder is at its own time, or within the half hour up to the
// last minute before it in which a call can begin; or it is past.
func TestRemindersProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := weeks.Draw(t, "hours")
		zones := rapid.SampledFrom([][]string{{"Europe/London"}, {"America/New_York", "America/Chicago"}, {"Asia/Kolkata"}}).Draw(t, "zones")
		now := time.Date(2026, 1, rapid.IntRange(1, 365).Draw(t, "day"), rapid.IntRange(0, 23).Draw(t, "hour"), rapid.IntRange(0, 59).Draw(t, "minute"), 0, 0, time.UTC)
		before := time.Duration(rapid.IntRange(1, 72*60).Draw(t, "before")) * time.Minute
		appointment := now.Add(time.Duration(rapid.IntRange(1, 10*24*60).Draw(t, "in")) * time.Minute)
		s := Settings{Hours: h, Remind: &Remind{Column: "when", Before: []time.Duration{before}}}
		var want []time.Time
		begins := func(at time.Time) bool {
			a, _ := h.Open(at, zones)
			b, _ := h.Open(at.Add(CallMargin), zones)
			return a && b
		}
		for minute := appointment.Add(-before); !minute.Before(now); minute = minute.Add(-time.Minute) {
			if begins(minute) {
				want = []time.Time{minute}
				break
			}
		}
		if got := s.Reminders(appointment, now, zones, atTheEnd); !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s, margin %s, in %v: %v before %v, asked at %v: got %v, want %v", h, h.Margin, zones, before, appointment, now, got, want)
		}
		number := fmt.Sprint(rapid.IntRange(447700900000, 447700900999).Draw(t, "number"))
		for _, at := range s.Reminders(appointment, now, zones, number) {
			if len(want) == 0 || at.After(want[0]) || want[0].Sub(at) > remindSpread || !begins(at) || want[0].Equal(appointment.Add(-before)) && !at.Equal(want[0]) {
				t.Fatalf("spread: got %v, want it in the half hour before %v", at, want)
			}
		}
	})
}

// Each reminder has its own calls. A result ends all, and the last reminder ends the
// contact.
func TestDecideReminders(t *testing.T) {
	t.Parallel()
	first, second := clock("2026-12-02 14:00"), clock("2026-12-03 12:00")
	c := Contact{State: Active, CallAt: first, DueAt: first, RemindAt: []time.Time{first, second}, NotLaterThan: clock("2026-12-03 14:00"), Zones: []string{"UTC"}}
	s := Settings{Retry: DefaultPolicy(), Hours: Daily(0, 1440)}
	s.Retry.Attempts = 2
	no := 0
	called := func(when time.Time, ends, result string) Attempt {
		no++
		a := Attempt{ID: idOf(no), No: no, State: Ended, DialedAt: when, CreatedAt: when, Facts: Facts{EndedAt: when.Add(time.Minute), Statuses: []string{ends}}, Result: result}
		if ends == "answered" {
			a.AnsweredAt = when
		} else {
			a.Failure, a.FailedAt = ends, when.Add(time.Minute)
		}
		return a
	}
	for _, test := range []struct {
		name string
		list []Attempt
		now  time.Time
		want string
	}{
		{"before the first", nil, first.Add(-time.Hour), "pending  12-02 14:00"},
		{"the first was answered", []Attempt{called(first, "answered", "")}, first.Add(time.Hour), "waiting  12-03 12:00"},
		{"the first was busy", []Attempt{called(first, "busy", "")}, first.Add(time.Minute), "waiting  12-02 14:11"},
		{"the first was busy twice", []Attempt{called(first, "busy", ""), called(first.Add(11*time.Minute), "busy", "")}, first.Add(time.Hour), "waiting  12-03 12:00"},
		{"a wait beyond the second", []Attempt{called(second.Add(-5*time.Minute), "unanswered", "")}, second.Add(-3 * time.Minute), "waiting  12-03 12:00"},
		{"the second has its own calls", []Attempt{called(first, "busy", ""), called(first.Add(11*time.Minute), "busy", ""), called(second, "busy", "")}, second.Add(2 * time.Minute), "waiting  12-03 12:11"},
		{"the second was answered", []Attempt{called(first, "answered", ""), called(second, "answered", "")}, second.Add(time.Hour), "done answered"},
		{"confirmed in the first", []Attempt{called(first, "answered", "confirmed")}, first.Add(time.Hour), "done answered"},
		{"confirmed in the first, and asked at the second", []Attempt{called(first, "answered", "confirmed")}, second, "done answered"},
		{"the appointment has passed", []Attempt{called(second, "busy", "")}, c.NotLaterThan, "done expired"},
		{"a call of before the appointment was moved", []Attempt{called(first.Add(-48*time.Hour), "answered", "")}, first.Add(-time.Hour), "waiting  12-02 14:00"},
		{"under way at the second", []Attempt{{ID: idOf(99), No: 1, State: Dialing, DialedAt: second.Add(-time.Minute)}}, second, "active "},
	} {
		k := c
		if test.now.Before(first) {
			k.State = Pending
		}
		d := Decide(s, Running, k, test.list, test.now)
		got := strings.TrimRight(fmt.Sprintf("%s %s", d.State, d.Reason), "")
		if !d.DueAt.IsZero() {
			got += d.DueAt.Format(" 01-02 15:04")
		}
		if got != test.want {
			t.Errorf("%s: %q (%s), want %q", test.name, got, d.Because, test.want)
		}
		if d.Attempts != len(test.list) && d.State != Active {
			t.Errorf("%s: %d calls are counted, want %d", test.name, d.Attempts, len(test.list))
		}
	}
	k := c
	k.Cancelled = true
	for _, list := range [][]Attempt{nil, {called(first, "answered", "")}} {
		if d := Decide(s, Running, k, list, first.Add(time.Hour)); d.Reason != ReasonCancelledByRequest {
			t.Errorf("cancelled after %d calls: %s %s", len(list), d.State, d.Reason)
		}
	}
	if d := Decide(s, Running, k, nil, first); d.Reason != ReasonCancelledByRequest {
		t.Errorf("cancelled: %s %s", d.State, d.Reason)
	}
}

func TestRemindIsStoredWhole(t *testing.T) {
	t.Parallel()
	column, before, err := ParseRemind("appointment=24h, 2h")
	if err != nil || column != "appointment" || !slices.Equal(before, []string{"24h", "2h"}) {
		t.Errorf("%q %q, %v", column, before, err)
	}
	want := Remind{Column: "appointment", Before: []time.Duration{24 * time.Hour, 2 * time.Hour}, Merge: 30 * time.Minute}
	text, err := json.Marshal(want)
	var back Remind
	if err := json.Unmarshal(text, &back); err != nil || cmp.Diff(want, back) != "" {
		t.Errorf("%s, %v: %+v", text, err, back)
	}
	if err != nil {
		t.Error(err)
	}
	for _, bad := range []Remind{{Column: "c"}, {Before: []time.Duration{time.Hour}}, {Column: "c", Before: []time.Duration{time.Hour, time.Hour}}, {Column: "c", Before: []time.Duration{0}}} {
		if bad.validate() == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// A contact whose new time leaves no reminder has ended, whatever the calls about the
// earlier time brought. A call that is up is waited for.
func TestDecideWithoutAReminderLeft(t *testing.T) {
	t.Parallel()
	now := clock("2026-12-02 14:00")
	c := Contact{State: Pending, DueAt: now, RemindAt: []time.Time{}, NotLaterThan: now.Add(time.Hour), Zones: []string{"UTC"}}
	s := Settings{Retry: DefaultPolicy(), Hours: Daily(0, 1440)}
	dialed := now.Add(-time.Hour)
	confirmed := Attempt{ID: idOf(1), No: 1, State: Ended, DialedAt: dialed, CreatedAt: dialed, Facts: Facts{AnsweredAt: dialed, EndedAt: dialed, Statuses: []string{"answered"}}, Result: "confirmed"}
	reserved, up := Attempt{ID: idOf(2), No: 2, State: Reserved, CreatedAt: now}, Attempt{ID: idOf(2), No: 2, State: Accepted, DialedAt: now}
	for name, test := range map[string]struct {
		list []Attempt
		want string
	}{
		"never called": {nil, "done expired"}, "confirmed the earlier one": {[]Attempt{confirmed}, "done expired"},
		"queued": {[]Attempt{confirmed, reserved}, "done expired"}, "under way": {[]Attempt{confirmed, up}, "active "},
	} {
		d := Decide(s, Running, c, test.list, now)
		if got := string(d.State) + " " + string(d.Reason); got != test.want || d.Result != "" || (len(d.Void) == 1) != (name == "queued") {
			t.Errorf("%s: got %s (%s), result %q, void %v; want %s", name, got, d.Because, d.Result, d.Void, test.want)
		}
	}
}

// With other hours, a future reminder moves to the nearest open time before it again.
// One whose time has passed is not made a second time.
func TestRemindersToCome(t *testing.T) {
	t.Parallel()
	settings := func(from, to int) Settings {
		h := Daily(from*60, to*60)
		h.Margin = DefaultMargin
		return Settings{Hours: h, Remind: &Remind{Column: "when", Before: []time.Duration{24 * time.Hour, 2 * time.Hour}}}
	}
	at := clock("2026-12-03 10:00")
	for _, c := range []struct {
		name, now, last string
		was, given      Settings
		want            []string
	}{
		{"earlier in the morning", "2026-12-01 12:00", "", settings(9, 20), settings(7, 20), []string{"2026-12-02 10:00", "2026-12-03 08:00"}},
		{"later in the morning", "2026-12-01 12:00", "", settings(7, 20), settings(9, 18), []string{"2026-12-02 10:00", "2026-12-02 17:56"}},
		{"the first has passed", "2026-12-02 11:00", "", settings(9, 20), settings(11, 20), []string{"2026-12-02 19:56"}},
		{"both have passed", "2026-12-02 20:30", "", settings(9, 20), settings(7, 20), nil},
		{"the new time is past", "2026-12-02 20:30", "", settings(7, 20), settings(9, 20), nil},
		{"after call_before", "2026-12-01 12:00", "2026-12-03 07:30", settings(9, 20), settings(7, 20), []string{"2026-12-02 10:00"}},
	} {
		last := at
		if c.last != "" {
			last = clock(c.last)
		}
		var got []string
		for _, at := range c.was.RemindersToCome(c.given, []time.Time{clock("2026-12-02 10:00"), clock("2026-12-02 19:56"), clock("2026-12-03 08:00")}, at, last, clock(c.now), []string{"UTC"}, atTheEnd) {
			got = append(got, at.Format("2006-01-02 15:04"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

// A late reminder, or a further call of one, is dropped if it is near the next
// reminder.
func TestDecideLateReminder(t *testing.T) {
	t.Parallel()
	first, second := clock("2026-12-02 14:00"), clock("2026-12-02 16:00")
	c := Contact{State: Active, CallAt: first, DueAt: first, RemindAt: []time.Time{first, second}, NotLaterThan: clock("2026-12-03 14:00"), Zones: []string{"UTC"}}
	s := Settings{Retry: DefaultPolicy(), Hours: Daily(0, 1440), Remind: &Remind{Merge: 30 * time.Minute}}
	withdrawn := Attempt{ID: idOf(1), No: 1, State: Void, CreatedAt: first, Note: string(WithdrawnPaused)}
	busy := func(at time.Time) Attempt {
		return Attempt{ID: idOf(1), No: 1, State: Ended, DialedAt: at, CreatedAt: at, Facts: Facts{FailedAt: at, EndedAt: at, OverSeenAt: at, Failure: "busy", Statuses: []string{"busy"}}}
	}
	for name, test := range map[string]struct {
		last Attempt
		now  time.Time
		due  time.Time
	}{
		"withdrawn, and late":     {withdrawn, second.Add(-10 * time.Minute), second},
		"withdrawn, and in time":  {withdrawn, second.Add(-40 * time.Minute), first},
		"its next call is near":   {busy(second.Add(-35 * time.Minute)), second.Add(-35 * time.Minute), second},
		"its next call is not":    {busy(second.Add(-45 * time.Minute)), second.Add(-45 * time.Minute), second.Add(-35 * time.Minute)},
		"the second is not moved": {withdrawn, second, second},
	} {
		k := c
		if test.now.Equal(second) {
			k.DueAt = second
		}
		if d := Decide(s, Running, k, []Attempt{test.last}, test.now); !d.DueAt.Equal(test.due) {
			t.Errorf("%s: due at %v (%s), want %v", name, d.DueAt, d.Because, test.due)
		}
	}
}
