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
				if err := s.run(t); err != nil { // the first answer tells
					t.Fatal(err)
				}
				s.store.reset()
				again := make(chan error, 1)
				go func() { again <- s.run(t) }()
				time.Sleep(150 * time.Second)
				if n := s.provider.placed(); n != 1 {
					t.Fatalf("%d calls placed although the clocks differ, want the one before that was known", n)
				}
				if got := s.store.alarmKinds(); len(got) != 3 || got[0] != campaign.AlarmClockSkew {
					t.Errorf("alarms %v in 150 s, want one of %s a minute", got, campaign.AlarmClockSkew)
				}
				s.provider.setAhead(0)
				time.Sleep(skewAgain)
				if n := s.provider.placed(); n != 2 {
					t.Errorf("%d calls placed once the clocks agree, want 2", n)
				}
				if err := <-again; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A provider that takes long to answer dates its answer late: that is looked at
// once more, and is no alarm.
func TestSlowAnswerIsNotADifferenceOfClocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t)
		s.provider.setAhead(10 * time.Second)
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
