package jobs

import (
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
)

func TestClockDifferenceStopsCalls(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{10 * time.Second, -10 * time.Second} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.provider.setAhead(ahead)
				again := make(chan error, 1)
				go func() { again <- s.run(t) }()
				time.Sleep(150 * time.Second)
				if n := s.provider.placed(); n != 0 {
					t.Fatalf("%d calls placed although the clocks differ", n)
				}
				if got := s.store.alarmKinds(); len(got) != 3 || got[0] != campaign.AlarmClockSkew {
					t.Errorf("alarms %v in 150 s, want one of %s a minute", got, campaign.AlarmClockSkew)
				}
				s.provider.setAhead(0)
				time.Sleep(skewAgain)
				if n := s.provider.placed(); n != 1 {
					t.Errorf("%d calls placed once the clocks agree, want 1", n)
				}
				if err := <-again; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Clocks are compared before the first call. While Vonage gives no answer, nothing is
// compared, so nobody is called, and an alarm follows after a while.
func TestNothingIsSentBeforeTheClocksAreCompared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.setAhead(0)
		s.provider.deaf.Store(true)
		ended := make(chan error, 1)
		go func() { ended <- s.run(t) }()
		time.Sleep(failingLong - time.Minute)
		if n := s.provider.placed(); n != 0 {
			t.Fatalf("%d calls placed although no clock was compared", n)
		}
		if got := s.store.alarmKinds(); len(got) != 0 {
			t.Errorf("alarms %v so soon", got)
		}
		time.Sleep(3 * time.Minute)
		if got := s.store.alarmKinds(); len(got) != 1 || got[0] != campaign.AlarmFailing {
			t.Errorf("alarms %v, want one of %s", got, campaign.AlarmFailing)
		}
		s.provider.deaf.Store(false)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		s.wantOutcome(t, created)
	})
}

// A provider that takes long to answer dates its answer late. The clock is measured
// again, and there is no alarm.
func TestSlowAnswerIsNotADifferenceOfClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.setAhead(0)
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.provider.setAhead(10 * time.Second)
		s.store.reset()
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.provider.setAhead(0)
		s.store.reset()
		begun := time.Now()
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > skewPause {
			t.Errorf("the next call took %v, want it placed at once", took)
		}
		if got := s.store.alarmKinds(); len(got) != 0 {
			t.Errorf("alarms %v, want none", got)
		}
	})
}

// The database sets the times of tokens and of the proof of absence. So its clock is
// compared too, and a difference is not mistaken for a bad key.
func TestDatabaseClockDifferenceStopsCalls(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{20 * time.Second, -20 * time.Second} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStage(t)
				s.provider.setAhead(0)
				s.provider.status = 401
				s.store.setAhead(ahead)
				ended := make(chan error, 1)
				go func() { ended <- s.run(t) }()
				time.Sleep(90 * time.Second)
				if n := s.provider.placed(); n != 0 || len(s.store.outcomes) != 0 {
					t.Errorf("%d calls and %d outcomes although the clocks differ", n, len(s.store.outcomes))
				}
				if got := s.store.alarmKinds(); len(got) == 0 || got[0] != campaign.AlarmClockSkew {
					t.Errorf("alarms %v, want %s", got, campaign.AlarmClockSkew)
				}
				s.provider.status = 201
				s.store.setAhead(0)
				if err := <-ended; err != nil {
					t.Error(err)
				}
				s.wantOutcome(t, created)
			})
		})
	}
}

// A server that takes over may have another clock.
func TestGateWithAnotherClockSendsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.setAhead(0)
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.store.setAhead(20 * time.Second)
		s.store.reset()
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		if n := s.provider.placed(); n != 1 {
			t.Errorf("%d calls, want the first alone", n)
		}
		if got := s.store.outcomes[1].Refusal; got != campaign.RefusedClock {
			t.Errorf("recorded as %q, want %q", got, campaign.RefusedClock)
		}
	})
}

func TestUnauthorizedByTheClockIsNoBadKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.setAhead(0)
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		s.provider.setAhead(-20 * time.Second)
		s.provider.status = 401
		s.store.reset()
		if err := s.run(t); err != nil {
			t.Fatal(err)
		}
		if got := s.store.outcomes[1].Refusal; got != campaign.RefusedClock || campaign.Remedies[got].Pause {
			t.Errorf("recorded as %q, want %q, which pauses nothing", got, campaign.RefusedClock)
		}
	})
}
