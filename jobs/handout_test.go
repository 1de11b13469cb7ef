package jobs

import (
	"log/slog"
	"testing"
	"time"

	"dialer/campaign"
)

// A lease that starts before the last one ended cannot come from the store; a
// clock that was set back looks like one.
func TestLimiterSpacesSlotsWhateverTheLeaseSays(t *testing.T) {
	t.Parallel()
	p := NewPacer(newMemoryPace(), campaign.Creates, 10, slog.New(slog.DiscardHandler))
	start, step := time.Unix(1_700_000_000, 0), 100*time.Millisecond
	last, _ := p.space(leasedSlot{at: start, apart: step})
	for _, at := range []time.Duration{100, 200, 150, 260, 400, 450} {
		slot, ok := p.space(leasedSlot{at: start.Add(at * time.Millisecond), apart: step})
		if !ok {
			t.Errorf("slot leased at %d ms is of no use", at)
		}
		if gap := slot.Sub(last); gap < step-time.Microsecond {
			t.Errorf("slot leased at %v ms is %v after the one before, want at least %v", at, gap, step)
		}
		last = slot
	}
}

// After a slot that was placed far ahead, by a clock that was wrong, those that
// are due before it ends are of no use, and the next ones are.
func TestASlotThatIsOfNoUseHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	p := NewPacer(newMemoryPace(), campaign.Creates, 3, slog.New(slog.DiscardHandler))
	start, step := time.Unix(1_700_000_000, 0), 300*time.Millisecond
	far := start.Add(time.Second)
	if at, ok := p.space(leasedSlot{at: far, apart: step}); !ok || !at.Equal(far) {
		t.Fatalf("the first slot is at %v", at.Sub(start))
	}
	for at := start; at.Before(far); at = at.Add(step) {
		if got, ok := p.space(leasedSlot{at: at, apart: step}); ok {
			t.Errorf("the slot leased at %v is used at %v, past its end", at.Sub(start), got.Sub(start))
		}
	}
	if at, ok := p.space(leasedSlot{at: far.Add(step), apart: step}); !ok || !at.Equal(far.Add(step)) {
		t.Errorf("the slot leased %v after the far one is used at %v", step, at.Sub(far))
	}
}
