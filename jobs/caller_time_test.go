package jobs

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

// If a process is stopped after the gate, or the gate takes too long, nothing may be
// sent: the gate's checks may no longer hold.
func TestCallTooLongAfterTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.store.gateTakes = maxHold + time.Second
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		if len(s.provider.posts) != 0 {
			t.Error("a call was placed too long after its gate was begun")
		}
		s.wantOutcome(t, refused(campaign.RefusedStale))
	})
}

// If a process is stopped while it sends, Vonage refuses the request for the token's age.
// The key is fine, so the campaign must not be paused.
func TestCallRefusedForExpiredToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		life, takes time.Duration
		want        campaign.Refusal
	}{
		{6 * time.Second, time.Second, campaign.RefusedAuth}, {4 * time.Second, 4 * time.Second, campaign.RefusedStale},
		{12 * time.Second, 3 * time.Second, campaign.RefusedAuth}, {12 * time.Second, 8 * time.Second, campaign.RefusedStale}, // by a clock that is ahead
	} {
		t.Run(tt.takes.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.tokenLife = tt.life
				s.provider.status, s.provider.body, s.provider.takes = http.StatusUnauthorized, `{"type":"UNAUTHORIZED"}`, tt.takes
				if err := s.run(t); err != nil {
					t.Fatal(err)
				}
				s.wantOutcome(t, refused(tt.want))
			})
		})
	}
}

func TestCallMissedPermit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.store.gateTakes = 400 * time.Millisecond
		begun := time.Now()
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.wantOutcome(t, created)
		if n := s.calls.Counts().Given; n != 2 {
			t.Errorf("%d permits, want a second one after the first was missed", n)
		}
		if sent := s.provider.posts[0].at.Sub(begun); sent < s.store.gateTakes {
			t.Errorf("sent %v after the start, before the gate was passed", sent)
		}
	})
}

func TestCallRecordedOnceTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		down time.Duration
		want int
	}{{20 * time.Second, 1}, {time.Minute, 0}} {
		t.Run(tt.down.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.store.failsFor = tt.down
				if err := s.run(t); err != nil {
					t.Errorf("past the gate the task failed, and would come again: %v", err)
				}
				if got := len(s.store.outcomes); got != tt.want {
					t.Errorf("%d outcomes recorded, want %d", got, tt.want)
				}
				if len(s.provider.posts) != 1 {
					t.Errorf("%d POSTs, want 1", len(s.provider.posts))
				}
			})
		})
	}
}

func TestCallStoppedWhileSending(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.takes = 5 * time.Second
		first := make(chan error)
		go func() { first <- s.run(t) }()
		time.Sleep(time.Second) // it is being sent
		s.stop()
		begun := time.Now()
		s.store.mu.Lock()
		s.store.state = campaign.Reserved // as if it were another attempt
		s.store.mu.Unlock()
		if err := s.run(t); !errors.Is(err, context.Canceled) {
			t.Errorf("a task after the stop: error = %v, want %v", err, context.Canceled)
		}
		if waited := time.Since(begun); waited > 0 {
			t.Errorf("a task after the stop took %v", waited)
		}
		if err := <-first; err != nil {
			t.Errorf("the call under way: %v", err)
		}
		s.wantOutcome(t, created)
	})
}

func TestCallSecondStopEndsRecording(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.store.failsFor = time.Hour
		time.AfterFunc(3*time.Second, s.halt)
		begun := time.Now()
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 4*time.Second {
			t.Errorf("recording went on for %v", took)
		}
	})
}

func TestPacerLearnsOfRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.status, s.provider.body = 429, `{}`
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.wantOutcome(t, refused(campaign.RefusedRate))
		time.Sleep(time.Second) // for the report
		row, _, err := s.pace.LoadPace(t.Context(), campaign.CallsBudget)
		if err != nil || len(row.RefusedAt) != 1 || len(row.AcceptedAt) != 0 {
			t.Errorf("%d refused and %d accepted answers are counted, want one that was refused: %v", len(row.RefusedAt), len(row.AcceptedAt), err)
		}
	})
}

func TestCallRetryAfter(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]time.Duration{"7": 7 * time.Second, "3600": time.Minute} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.provider.status, s.provider.body, s.provider.header = 429, `{}`, http.Header{"Retry-After": {asked}}
				for range 2 {
					s.store.reset()
					if err := s.run(t); err != nil {
						t.Fatal(err)
					}
				}
				if gap := s.provider.posts[1].at.Sub(s.provider.posts[0].at); gap < want || gap > want+2*time.Second {
					t.Errorf("the next call went out after %v, want %v", gap, want)
				}
			})
		})
	}
}

func TestCallLostAnswerIsUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.takes = time.Minute // longer than the client waits
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.wantOutcome(t, campaign.Outcome{Kind: campaign.OutcomeUnknown})
	})
}
