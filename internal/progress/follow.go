package progress

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// Source is where Follow reads the campaign's state.
type Source interface {
	OpenCounts(ctx context.Context, campaignID int64) (app.OpenCounts, error)
	CampaignByName(ctx context.Context, name string) (campaign.Campaign, error)
	// NextCall is when the next call may be made; zero: now, or never.
	NextCall(ctx context.Context, c campaign.Campaign) (time.Time, error)
	Report(ctx context.Context, campaignIDs ...int64) ([]app.Report, error)
}

// pricePatience is how long Follow waits for a further price. Vonage has no
// price for some calls; these are left to the report.
const pricePatience = 5 * time.Minute

// Follow shows the campaign on the line, at each interval, until the campaign has
// ended and its prices are known. It returns ctx's error when ctx ends first.
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

	last      app.OpenCounts
	lastSince time.Time // when last was first seen
}

func (f *follower) run(ctx context.Context) error {
	tick := time.NewTicker(f.interval)
	defer tick.Stop()
	for {
		ended, err := f.show(ctx)
		if err != nil || ended {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// show shows the campaign's state and reports whether it has ended.
func (f *follower) show(ctx context.Context) (ended bool, err error) {
	open, err := f.source.OpenCounts(ctx, f.campaign.ID)
	if err != nil {
		return false, err
	}
	if open != f.last || f.lastSince.IsZero() {
		f.last, f.lastSince = open, time.Now()
	}
	if open.Contacts > 0 || open.Attempts > 0 {
		return false, f.showOpen(ctx, open)
	}
	if open.Unpriced > 0 && time.Since(f.lastSince) < f.patience {
		f.line.Show(fmt.Sprintf("every call has ended; %s to come", Count(open.Unpriced, "price")))
		return false, nil
	}
	return true, f.showEnd(ctx)
}

func (f *follower) showOpen(ctx context.Context, open app.OpenCounts) error {
	c, err := f.source.CampaignByName(ctx, f.campaign.Name)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s to go, %s queued or open", People(open.Contacts), Count(open.Attempts, "call"))
	switch {
	case c.Status != campaign.Running:
		text += ", " + string(c.Status)
	case open.Attempts == 0:
		next, err := f.source.NextCall(ctx, c)
		if err != nil {
			return err
		}
		if !next.IsZero() {
			text += ", nobody may be called before " + next.UTC().Format("2006-01-02 15:04Z")
		}
	}
	f.line.Show(text)
	return nil
}

func (f *follower) showEnd(ctx context.Context) error {
	reports, err := f.source.Report(ctx, f.campaign.ID)
	if err != nil {
		return err
	}
	for _, r := range reports {
		f.line.Show(endText(r))
	}
	return nil
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
	text := fmt.Sprintf("ended: %s; %s, price %s", people, Count(r.Calls, "call"), r.Price.StringFixed(8))
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
