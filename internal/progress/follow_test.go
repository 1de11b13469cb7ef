package progress

import (
	"context"
	"errors"
	"regexp"
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

// scripted is a campaign that goes through the states, and stays in the last.
type scripted struct {
	states []state
	at     int
}

type state struct {
	report app.Report
	next   time.Time
	err    error
}

func (s *scripted) Report(context.Context, ...int64) ([]app.Report, error) {
	s.at = min(s.at+1, len(s.states))
	return []app.Report{s.now().report}, s.now().err
}

func (s *scripted) now() state { return s.states[s.at-1] }

func (s *scripted) CampaignByName(context.Context, string) (campaign.Campaign, error) {
	return campaign.Campaign{Status: s.now().report.Status}, nil
}

func (s *scripted) NextCall(context.Context, campaign.Campaign) (time.Time, error) {
	return s.now().next, nil
}

// followed is what Follow shows of the states, and how long it takes.
func followed(ctx context.Context, states ...state) (lines []string, took time.Duration, err error) {
	var out strings.Builder
	begun := time.Now()
	err = Follow(ctx, &scripted{states: states}, campaign.Campaign{}, NewLine(&out), time.Second)
	return slices.Collect(strings.Lines(out.String())), time.Since(begun), err
}

// running is a campaign of two people.
func running(done, attempts int) state {
	return state{report: app.Report{
		Campaign: "water", Status: campaign.Running, Rows: 3, Rejected: 1, Done: done, Attempts: map[campaign.State]int{campaign.Accepted: attempts},
	}}
}

func finished(reasons map[campaign.Reason]int, calls, unpriced int, price string) state {
	return state{report: app.Report{
		Status: campaign.Finished, Rows: 2, Done: 2, Reasons: reasons, Calls: calls, Unpriced: unpriced, Price: decimal.RequireFromString(price),
	}}
}

// confirming is a report of a campaign that wants results: one of its people has ended
// with one, and two who were called heard the message.
func confirming(s state) state {
	s.report.Until, s.report.Reached = campaign.UntilResult, 1
	s.report.Ladder = app.Ladder{Called: 2, Answered: 2, Heard: 2, Result: 1}
	return s
}

var rateText = regexp.MustCompile(`, [0-9.]+ people a second, about .* left, until \d\d:\d\d`)

func TestFollow(t *testing.T) {
	t.Parallel()
	paused := running(1, 0)
	paused.report.Status, paused.report.PauseReason = campaign.Paused, "by hand"
	importing := running(2, 0)
	importing.report.Status = campaign.Importing
	lost := state{err: errors.New("connection lost")}
	both := map[campaign.Reason]int{campaign.Reason(campaign.Answered): 1, campaign.ReasonSuppressed: 1}
	const end = "ended: 1 answered, 1 suppressed; 0 reached; 1 call, price 0.00635000\n"
	for _, test := range []struct {
		name   string
		states []state
		want   []string
		took   time.Duration
	}{
		{"to the end", []state{running(0, 0), running(1, 0), running(1, 1), finished(both, 1, 1, "0"), finished(both, 1, 0, "0.00635")}, []string{
			"0 of 2 people done (0%), 0 reached, 0 calls open\n", "1 of 2 people done (50%), 0 reached, 0 calls open\n", "1 of 2 people done (50%), 0 reached, 1 call open\n",
			"every call has ended; 1 price to come\n", end,
		}, 4 * time.Second},
		{"prices that do not come", []state{running(1, 1), finished(nil, 2, 2, "0")}, []string{
			"1 of 2 people done (50%), 0 reached, 1 call open\n", "every call has ended; 2 prices to come\n",
			"ended: nobody was to be called; 0 reached; 2 calls, price 0.00000000, 2 prices not known yet\n",
		}, time.Second + pricePatience},
		{"why it waits", []state{importing, paused, finished(both, 1, 0, "0.00635")}, []string{
			"2 of 2 people done (100%), 0 reached, 0 calls open, its CSV is still being read\n",
			"1 of 2 people done (50%), 0 reached, 0 calls open, paused: by hand; to go on: dialer campaign resume \"water\"\n", end,
		}, 2 * time.Second},
		{"who was reached, as the campaign asks", []state{confirming(running(1, 1)), confirming(finished(both, 1, 0, "0.00635"))}, []string{
			"1 of 2 people done (50%), 1 reached, 1 call open\n", strings.Replace(end, "0 reached", "1 reached", 1),
		}, time.Second},
		{"Postgres restarts", []state{running(1, 0), lost, lost, running(1, 0), finished(both, 1, 0, "0.00635")}, []string{
			"1 of 2 people done (50%), 0 reached, 0 calls open\n", "Postgres does not answer; this goes on when it does\n", "1 of 2 people done (50%), 0 reached, 0 calls open\n", end,
		}, 4 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			lines, took, err := followed(t.Context(), test.states...)
			if test.name == "to the end" && !strings.Contains(lines[1], ", 1.0 people a second, about 1 s left, until ") {
				t.Errorf("%q has no rate", lines[1])
			}
			for i := range lines { // the rest is the same at any rate
				lines[i] = rateText.ReplaceAllString(lines[i], "")
			}
			if diff := cmp.Diff(test.want, lines); diff != "" || err != nil || took != test.took {
				t.Errorf("%s: %v after %v, want %v (-want +got)\n%s", test.name, err, took, test.took, diff)
			}
		})
	}
}

func TestFollowNextCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := running(0, 0)
		closed.next = time.Now().Add(3 * time.Hour)
		lines, _, err := followed(t.Context(), closed, finished(nil, 0, 0, "0"))
		want := "0 of 2 people done (0%), 0 reached, 0 calls open, the next call may begin at " + closed.next.Local().Format("Mon 2 Jan 15:04:05 MST") + ", in 3.0 hours\n"
		if err != nil || len(lines) != 2 || lines[0] != want {
			t.Errorf("%v, %q, want %q", err, lines, want)
		}
	})
}

// Without a dialer nothing would ever be said.
func TestFollowAsksForADialer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		lines, _, err := followed(ctx, running(0, 0))
		if !errors.Is(err, context.DeadlineExceeded) || len(lines) != 2 || !strings.Contains(lines[1], "`dialer run`") {
			t.Errorf("%v after %q, want the deadline and two lines", err, lines)
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
