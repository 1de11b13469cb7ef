package progress

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// Source is where Follow reads the campaign's state.
type Source interface {
	CampaignByName(ctx context.Context, name string) (campaign.Campaign, error)
	// NextCall is when the next call may be made; zero: now, or never.
	NextCall(ctx context.Context, c campaign.Campaign) (time.Time, error)
	// Report is the state of the campaigns at one moment.
	Report(ctx context.Context, campaignIDs ...int64) ([]app.Report, error)
}

const (
	// pricePatience is how long Follow waits for another price. Vonage has no price for
	// some calls; the report shows these.
	pricePatience = 5 * time.Minute
	// stillAfter is how long nothing must happen before Follow asks whether a dialer
	// runs.
	stillAfter = 15 * time.Second
)

// Follow shows the campaign on the line, at each interval, until the campaign has
// ended and its prices are known. It outlives restarts of Postgres. It returns
// ctx's error when ctx ends first.
func Follow(ctx context.Context, source Source, c campaign.Campaign, line *Line, interval time.Duration) error {
	defer line.End()
	f := follower{source: source, campaign: c, line: line, interval: interval, patience: pricePatience}
	return f.run(ctx)
}

type follower struct {
	source   Source
	campaign campaign.Campaign
	line     *Line
	interval time.Duration
	patience time.Duration

	began     bool // something was read
	away      bool // the last read failed
	last      progress
	lastSince time.Time // when last was first seen
}

// progress has the counts that show whether anything happens.
type progress struct{ done, rows, attempts, calls, unpriced int }

func (f *follower) run(ctx context.Context) error {
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	for {
		ended, err := f.show(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && (!f.began || errors.Is(err, campaign.ErrNotFound)):
			return err
		case err != nil:
			f.line.Show("Postgres does not answer; this goes on when it does")
		case ended:
			return nil
		}
		f.began, f.away = true, err != nil
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// show shows the campaign's state and reports whether it has ended.
func (f *follower) show(ctx context.Context) (ended bool, err error) {
	reports, err := f.source.Report(ctx, f.campaign.ID)
	if err != nil {
		return false, err
	}
	if len(reports) == 0 {
		return false, campaign.ErrNotFound
	}
	r := reports[0]
	now := progress{r.Done, r.Rows, openAttempts(r), r.Calls, r.Unpriced}
	if now != f.last || f.lastSince.IsZero() || f.away {
		f.last, f.lastSince = now, time.Now()
	}
	people := r.Rows - r.Rejected
	switch open := openAttempts(r); {
	case r.Done < people || open > 0 || r.Status == campaign.Importing:
		why, err := f.waitsFor(ctx, r)
		if err != nil {
			return false, err
		}
		f.line.Progress(r.Done, people, State{
			Text: fmt.Sprintf("%d of %s done (%d%%), %d reached, %s open", r.Done, People(people), percent(r.Done, people), r.Reached, Count(open, "call")),
			Note: strings.TrimPrefix(why, ", "), Reached: r.Reached,
		})
		return false, nil
	case r.Unpriced > 0 && time.Since(f.lastSince) < f.patience:
		f.line.Show(fmt.Sprintf("every call has ended; %s to come", Count(r.Unpriced, "price")))
		return false, nil
	}
	f.line.Show(endText(r))
	return true, nil
}

func percent(done, all int) int { return 100 * done / max(all, 1) }

// openAttempts are attempts that may still become a call, or are one.
func openAttempts(r app.Report) int {
	return r.Attempts[campaign.Reserved] + r.Attempts[campaign.Dialing] + r.Attempts[campaign.Unknown] + r.Attempts[campaign.Accepted]
}

// waitsFor says why the campaign does not continue, if it does not.
func (f *follower) waitsFor(ctx context.Context, r app.Report) (string, error) {
	switch {
	case r.Status == campaign.Importing:
		return ", its CSV is still being read", nil
	case r.Status == campaign.Draft:
		return fmt.Sprintf(", a draft; to start it: dialer campaign resume %q", r.Campaign), nil
	case r.Status == campaign.Paused:
		return fmt.Sprintf(", paused: %s; to go on: dialer campaign resume %q", cmp.Or(r.PauseReason, "no reason was given"), r.Campaign), nil
	case r.Status.Stored() != campaign.Running || openAttempts(r) > 0:
		return "", nil
	}
	c, err := f.source.CampaignByName(ctx, f.campaign.Name)
	if err != nil {
		return "", err
	}
	next, err := f.source.NextCall(ctx, c)
	switch {
	case err != nil:
		return "", err
	case time.Until(next) > 0:
		return fmt.Sprintf(", the next call may begin at %s, in %s", next.Local().Format("Mon 2 Jan 15:04:05 MST"), roughly(time.Until(next))), nil
	case time.Since(f.lastSince) > stillAfter:
		return ", and no call begins: `dialer run` places them, and `dialer alarms` says what is wrong", nil
	}
	return "", nil
}

// roughly is a duration as people say it.
func roughly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()+.5))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()+.5))
	case d < 48*time.Hour:
		return fmt.Sprintf("%.1f hours", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// endText says how a campaign ended, in one line.
func endText(r app.Report) string {
	var parts []string
	for _, reason := range campaign.Reasons {
		if n := r.Reasons[reason]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, reason))
		}
	}
	people := cmp.Or(strings.Join(parts, ", "), "nobody was to be called")
	text := fmt.Sprintf("ended: %s; %d reached; %s, price %s", people, r.Reached, Count(r.Calls, "call"), r.Price.StringFixed(8))
	if r.Unpriced > 0 {
		text += fmt.Sprintf(", %s not known yet", Count(r.Unpriced, "price"))
	}
	return text
}

// Count writes a number of things: 1 call, 2 calls.
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// People writes a number of people.
func People(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}
