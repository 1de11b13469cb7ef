package progress

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// scripted is a campaign that has one state after the other, and stays in the
// last.
type scripted struct {
	states []state
	at     int
}

type state struct {
	open   app.OpenCounts
	status campaign.Status
	next   time.Time
	report app.Report
	err    error
}

func (s *scripted) OpenCounts(context.Context, int64) (app.OpenCounts, error) {
	s.at = min(s.at+1, len(s.states))
	return s.now().open, s.now().err
}

func (s *scripted) now() state { return s.states[s.at-1] }

func (s *scripted) CampaignByName(context.Context, string) (campaign.Campaign, error) {
	return campaign.Campaign{Status: s.now().status}, nil
}

func (s *scripted) NextCall(context.Context, campaign.Campaign) (time.Time, error) {
	return s.now().next, nil
}

func (s *scripted) Report(context.Context, ...int64) ([]app.Report, error) {
	return []app.Report{s.now().report}, nil
}

// followed is what Follow shows of the states, and how long it takes.
func followed(ctx context.Context, states ...state) (lines []string, took time.Duration, err error) {
	var out strings.Builder
	begun := time.Now()
	err = Follow(ctx, &scripted{states: states}, campaign.Campaign{}, NewLine(&out), time.Second)
	return slices.Collect(strings.Lines(out.String())), time.Since(begun), err
}

func running(contacts, attempts int) state {
	return state{status: campaign.Running, open: app.OpenCounts{Contacts: contacts, Attempts: attempts}}
}

func TestFollowToTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ended := state{report: app.Report{
			Reasons: map[campaign.Reason]int{campaign.Reason(campaign.Answered): 1, campaign.ReasonSuppressed: 1},
			Calls:   1, Price: decimal.RequireFromString("0.00635"),
		}}
		lines, took, err := followed(t.Context(), running(2, 0), running(1, 0), running(1, 1), state{open: app.OpenCounts{Unpriced: 1}}, ended)
		want := []string{
			"2 people to go, 0 calls queued or open\n",
			"1 person to go, 0 calls queued or open\n",
			"1 person to go, 1 call queued or open\n",
			"every call has ended; 1 price to come\n",
			"ended: 1 answered, 1 suppressed; 1 call, price 0.00635000\n",
		}
		if diff := cmp.Diff(want, lines); diff != "" || err != nil || took != 4*time.Second {
			t.Errorf("%v after %v (-want +got)\n%s", err, took, diff)
		}
	})
}

func TestFollowMissingPrices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		unpriced := state{open: app.OpenCounts{Unpriced: 2}, report: app.Report{Calls: 2, Unpriced: 2}}
		lines, took, err := followed(t.Context(), running(1, 1), unpriced)
		want := []string{
			"1 person to go, 1 call queued or open\n",
			"every call has ended; 2 prices to come\n",
			"ended: nobody was to be called; 2 calls, price 0.00000000, 2 prices not known yet\n",
		}
		if diff := cmp.Diff(want, lines); diff != "" || err != nil || took != time.Second+pricePatience {
			t.Errorf("%v after %v (-want +got)\n%s", err, took, diff)
		}
	})
}

func TestFollowNextCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := running(2, 0)
		closed.next = time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
		paused := closed
		paused.status = campaign.Paused
		lines, _, err := followed(t.Context(), closed, paused, state{})
		want := []string{
			"2 people to go, 0 calls queued or open, nobody may be called before 2026-12-01 09:00Z\n",
			"2 people to go, 0 calls queued or open, paused\n",
			"ended: nobody was to be called; 0 calls, price 0.00000000\n",
		}
		if diff := cmp.Diff(want, lines); diff != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s", err, diff)
		}
	})
}

func TestFollowEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if lines, _, err := followed(ctx, running(2, 0)); !errors.Is(err, context.DeadlineExceeded) || len(lines) != 1 {
			t.Errorf("%v after %q, want the deadline and one line", err, lines)
		}
	})
}

func TestFollowErrors(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	if _, _, err := followed(t.Context(), state{err: lost}); !errors.Is(err, lost) {
		t.Errorf("%v, want %v", err, lost)
	}
}
