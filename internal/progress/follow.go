package progress

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/storage"
)

// pricePatience is how long prices may keep still before the rest of them is
// left to the report: Vonage has no price for some calls.
const pricePatience = 5 * time.Minute

// Follow shows on the line how the campaign goes on, each time it looks, until
// the campaign has ended and its prices are in. It returns ctx's error when
// ctx ends first.
func Follow(ctx context.Context, db *storage.DB, c campaign.Campaign, on *Line, every time.Duration) error {
	defer on.End()
	f := follower{db: db, campaign: c, line: on, every: every, patience: pricePatience}
	return f.run(ctx)
}

type follower struct {
	db       *storage.DB
	campaign campaign.Campaign
	line     *Line
	every    time.Duration
	patience time.Duration

	last  storage.Remaining
	since time.Time // when last was first seen
}

func (f *follower) run(ctx context.Context) error {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for {
		ended, err := f.look(ctx)
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

// look shows the campaign as it stands and reports whether it has ended.
func (f *follower) look(ctx context.Context) (ended bool, err error) {
	left, err := f.db.OpenCounts(ctx, f.campaign.ID)
	if err != nil {
		return false, err
	}
	if left != f.last || f.since.IsZero() {
		f.last, f.since = left, time.Now()
	}
	if left.Contacts > 0 || left.Attempts > 0 {
		return false, f.showOpen(ctx, left)
	}
	if left.Unpriced > 0 && time.Since(f.since) < f.patience {
		f.line.Show(fmt.Sprintf("every call has ended; %s to come", Count(left.Unpriced, "price")))
		return false, nil
	}
	return true, f.showEnd(ctx)
}

func (f *follower) showOpen(ctx context.Context, left storage.Remaining) error {
	c, err := f.db.CampaignByName(ctx, f.campaign.Name)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s to go, %s queued or open", People(left.Contacts), Count(left.Attempts, "call"))
	switch {
	case c.Status != campaign.Running:
		text += ", " + string(c.Status)
	case left.Attempts == 0:
		next, err := f.db.NextCall(ctx, c)
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

// showEnd says how it ended, in one line.
func (f *follower) showEnd(ctx context.Context) error {
	reports, err := f.db.Report(ctx, f.campaign.ID)
	if err != nil {
		return err
	}
	for _, r := range reports {
		f.line.Show(ending(r))
	}
	return nil
}

func ending(r storage.Report) string {
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
