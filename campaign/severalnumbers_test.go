package campaign

import (
	"testing"
	"time"
)

// A person with two numbers is called on one after the other.
func TestSeveralNumbers(t *testing.T) {
	t.Parallel()
	const mobile, home = "447700900001", "442079460001"
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	call := func(to string, status string, at time.Time) Attempt {
		a := Attempt{To: to, State: Ended, Facts: Facts{CallUUID: "U", EndedAt: at}}
		switch status {
		case "human", "answered", "machine":
			a.AnsweredAt, a.Statuses = at, []string{status}
		default:
			a.Failure, a.FailedAt = status, at
		}
		return a
	}
	refused := Attempt{To: mobile, State: Refused, Note: string(RefusedInvalid)}
	withdrawn := Attempt{To: mobile, State: Void, Note: string(WithdrawnSuppressed)}
	policy := Policy{Attempts: 5, Again: map[Disposition]time.Duration{Busy: 10 * time.Minute, Unanswered: time.Hour}}
	heard := policy
	heard.Until = UntilHeard
	for _, c := range []struct {
		name       string
		policy     Policy
		attempts   []Attempt
		suppressed []string
		want       Decision
	}{
		{"not called yet", policy, nil, nil, Decision{State: Pending, DueAt: now}},
		{"busy, the next at once", policy, []Attempt{call(mobile, "busy", ago(time.Minute))}, nil, Decision{State: Waiting, DueAt: ago(time.Minute), To: home}},
		{"a round later, after its own wait", policy, []Attempt{call(mobile, "busy", ago(3*time.Minute)), call(home, "unanswered", ago(time.Minute))}, nil,
			Decision{State: Waiting, DueAt: ago(3 * time.Minute).Add(10 * time.Minute), To: mobile}},
		{"the second again", policy, []Attempt{call(mobile, "busy", ago(3*time.Hour)), call(home, "unanswered", ago(30*time.Minute)), call(mobile, "busy", ago(time.Minute))}, nil,
			Decision{State: Waiting, DueAt: ago(-30 * time.Minute), To: home}},
		{"rejected is the end of a number", policy, []Attempt{call(mobile, "rejected", ago(time.Minute))}, nil, Decision{State: Waiting, DueAt: ago(time.Minute), To: home}},
		{"and of the person with the last", policy, []Attempt{call(mobile, "busy", ago(time.Hour)), call(home, "failed", ago(time.Minute))}, nil,
			Decision{State: Waiting, DueAt: ago(time.Minute), To: mobile}},
		{"none is left", policy, []Attempt{call(mobile, "rejected", ago(time.Hour)), call(home, "failed", ago(time.Minute))}, nil, Decision{State: Done, Reason: "failed"}},
		{"answered", policy, []Attempt{call(mobile, "busy", ago(time.Hour)), call(home, "human", ago(time.Minute))}, nil, Decision{State: Done, Reason: "human"}},
		{"answered and not heard", heard, []Attempt{call(mobile, "human", ago(time.Minute))}, nil, Decision{State: Waiting, DueAt: ago(-29 * time.Minute), To: home}},
		{"a machine, the next at once", heard, []Attempt{call(mobile, "machine", ago(time.Minute))}, nil, Decision{State: Waiting, DueAt: ago(time.Minute), To: home}},
		{"refused for good", policy, []Attempt{refused}, nil, Decision{State: Pending, DueAt: now, To: home}},
		{"one suppressed", policy, nil, []string{mobile}, Decision{State: Pending, DueAt: now, To: home}},
		{"suppressed at the gate", policy, []Attempt{withdrawn}, nil, Decision{State: Pending, DueAt: now, To: home}},
		{"both suppressed", policy, nil, []string{mobile, home}, Decision{State: Done, Reason: ReasonSuppressed}},
		{"suppressed after a call", policy, []Attempt{call(mobile, "busy", ago(time.Minute))}, []string{home}, Decision{State: Waiting, DueAt: ago(-9 * time.Minute)}},
	} {
		k := Contact{To: mobile, Numbers: []string{mobile, home}, Suppressed: c.suppressed, State: Active, DueAt: now}
		for i := range c.attempts {
			c.attempts[i].No = i + 1
			k.To = c.attempts[i].To
		}
		got := Decide(Settings{Retry: c.policy, Hours: Daily(0, 1440)}, Running, k, c.attempts, now)
		got.Because, got.Attempts, got.Answered = "", 0, false
		if c.name == "refused for good" {
			got.DueAt = c.want.DueAt // after the backoff
		}
		if got.State != c.want.State || got.Reason != c.want.Reason || got.To != c.want.To || !got.DueAt.Equal(c.want.DueAt) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}
