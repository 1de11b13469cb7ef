package campaign

import (
	"testing"
	"time"
)

// A person who rang back and gave what the campaign wants is not called again, and ends
// with the last call's disposition. Ringing alone is not enough. A call in progress is
// waited for.
func TestRingingBack(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	missed := Attempt{No: 1, State: Ended, DialedAt: now.Add(-time.Hour), Facts: Facts{CallUUID: "U", EndedAt: now.Add(-time.Hour), Failure: "unanswered", FailedAt: now.Add(-time.Hour)}}
	heard, confirmed := RangBack{HeardAt: now}, RangBack{Result: "confirmed", ResultAt: now}
	for _, c := range []struct {
		until    Until
		back     RangBack
		attempts []Attempt
		want     ContactState
	}{
		{UntilAnswered, RangBack{}, []Attempt{missed}, Waiting},
		{UntilAnswered, heard, []Attempt{missed}, Done},
		{UntilHeard, heard, []Attempt{missed}, Done},
		{UntilResult, heard, []Attempt{missed}, Waiting},
		{UntilResult, confirmed, []Attempt{missed}, Done},
		{UntilResult, confirmed, []Attempt{missed, {No: 2, State: Dialing}}, Active},
		{UntilResult, confirmed, []Attempt{{No: 1, State: Unknown}}, Active},
	} {
		policy := Policy{Attempts: 3, Until: c.until, Again: map[Disposition]time.Duration{Unanswered: time.Hour}}
		got := Decide(Settings{Retry: policy, Hours: Daily(0, 1440)}, Running, Contact{State: Waiting, RangBack: c.back}, c.attempts, now)
		if got.State != c.want || got.State == Done && got.Reason != "unanswered" || got.Result != c.back.Result || !got.HeardAt.Equal(c.back.HeardAt) {
			t.Errorf("until %s, %+v: %+v, want %s", c.until, c.back, got, c.want)
		}
	}
	later := missed
	later.Result, later.DialedAt = "cancelled", now.Add(time.Minute)
	h := historyOf([]Attempt{missed, later})
	if result, _ := h.said(confirmed); result != "cancelled" {
		t.Errorf("of a key that was pressed later the result is %s", result)
	}
}

// A person who rang back and heard one reminder is called for the next. A result ends
// them all.
func TestRingingBackOfAnEarlierReminder(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	missed := func(no int, ago time.Duration) Attempt {
		at := now.Add(-ago)
		return Attempt{No: no, State: Ended, DialedAt: at, Facts: Facts{CallUUID: "U", EndedAt: at, Failure: "unanswered", FailedAt: at}}
	}
	s := Settings{Retry: Policy{Attempts: 3, Until: UntilHeard, Again: map[Disposition]time.Duration{Unanswered: time.Hour}}, Hours: Daily(0, 1440), Remind: &Remind{}}
	reminders := []time.Time{now.Add(-24 * time.Hour), now.Add(-2 * time.Hour)}
	for _, c := range []struct {
		name string
		back RangBack
		want ContactState
	}{
		{"rang back after the first reminder", RangBack{HeardAt: now.Add(-23 * time.Hour), LastHeardAt: now.Add(-23 * time.Hour)}, Waiting},
		{"rang back after this one", RangBack{HeardAt: now.Add(-time.Hour), LastHeardAt: now.Add(-time.Hour)}, Done},
		{"rang back after both", RangBack{HeardAt: now.Add(-23 * time.Hour), LastHeardAt: now.Add(-time.Hour)}, Done},
		{"keyed after the first", RangBack{HeardAt: now.Add(-23 * time.Hour), LastHeardAt: now.Add(-23 * time.Hour), Result: "confirmed", ResultAt: now.Add(-23 * time.Hour)}, Done},
	} {
		who := Contact{State: Waiting, RemindAt: reminders, RangBack: c.back}
		got := Decide(s, Running, who, []Attempt{missed(1, 23*time.Hour+30*time.Minute), missed(2, 90*time.Minute)}, now)
		if got.State != c.want || !got.HeardAt.Equal(c.back.HeardAt) {
			t.Errorf("%s: %+v, want %s", c.name, got, c.want)
		}
	}
}

// A key that was pressed about a replaced appointment ends no reminder of the new one.
func TestResultOfAnEarlierAppointment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	keyed := Attempt{No: 1, State: Ended, DialedAt: now.Add(-48 * time.Hour), Result: "cancelled", Facts: Facts{
		CallUUID: "U", EndedAt: now.Add(-48 * time.Hour), AnsweredAt: now.Add(-48 * time.Hour), Statuses: []string{"human"},
	}}
	s := Settings{Retry: DefaultPolicy(), Hours: Daily(0, 1440), Remind: &Remind{}}
	for first, want := range map[time.Time]ContactState{now.Add(-49 * time.Hour): Done, now.Add(time.Hour): Waiting} {
		who := Contact{State: Waiting, DueAt: first, CallAt: first, RemindAt: []time.Time{first, first.Add(60 * time.Hour)}}
		if got := Decide(s, Running, who, []Attempt{keyed}, now); got.State != want || (got.Result == "") != (want == Waiting) {
			t.Errorf("reminded from %s on: %+v, want %s", first, got, want)
		}
	}
}
