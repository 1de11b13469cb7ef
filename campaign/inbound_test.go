package campaign

import (
	"testing"
	"time"
)

// Who rang back and gave what the campaign wants is not called again, and ends with
// how the last call ended. That somebody rang is not enough, and while a call is
// under way it is waited for.
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
