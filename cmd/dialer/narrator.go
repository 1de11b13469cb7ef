package main

import (
	"context"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// narrator writes the progress to the log of `dialer run`: campaigns that begin, pause
// and end, how many calls a minute are made, and when Postgres is away and back.
type narrator struct {
	source currentCampaigns
	log    *slog.Logger

	known  map[int64]campaign.Status // of campaigns that are not over; nil: nothing was read yet
	newest int64                     // the campaign that was made last
	away   bool
	calls  int // the count when it was last logged
	toldAt time.Time
}

const (
	narrateEvery = 5 * time.Second
	tellEvery    = time.Minute
)

// currentCampaigns reads campaigns that are not over, that are newer than the given one,
// or that are named. Campaigns that ended long ago are not read each time.
type currentCampaigns interface {
	CurrentReports(ctx context.Context, newest int64, also ...int64) (app.CurrentReports, error)
}

func newNarrator(source currentCampaigns, log *slog.Logger) *narrator {
	return &narrator{source: source, log: log, newest: math.MaxInt64}
}

func (n *narrator) run(ctx context.Context) {
	tick := time.NewTicker(narrateEvery)
	defer tick.Stop()
	for {
		n.runOnce(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *narrator) runOnce(ctx context.Context) {
	reading, cancel := context.WithTimeout(ctx, narrateEvery)
	defer cancel()
	now, err := n.source.CurrentReports(reading, n.newest, slices.Collect(maps.Keys(n.known))...)
	switch {
	case ctx.Err() != nil:
		return
	case err != nil:
		if !n.away {
			n.log.WarnContext(ctx, "Postgres is away: calls wait until it is back", "error", err)
		}
		n.away = true
		return
	case n.away:
		n.log.InfoContext(ctx, "Postgres is back")
		n.away = false
	}
	n.newest = now.Newest
	n.tellCampaigns(ctx, now.Reports)
	n.tellCalls(ctx, now.Totals)
}

// tellCampaigns logs the changes. At the start it logs the campaigns that call or should.
func (n *narrator) tellCampaigns(ctx context.Context, reports []app.Report) {
	known := make(map[int64]campaign.Status, len(reports))
	for _, r := range reports {
		before := n.known[r.CampaignID]
		if r.Status != campaign.Finished && r.Status != campaign.Stopped {
			known[r.CampaignID] = r.Status
		}
		if before == r.Status || r.Status == campaign.Importing {
			continue
		}
		log := n.log.With("campaign", r.Campaign, "campaign_id", r.CampaignID)
		switch {
		case r.Status == campaign.Paused:
			log.InfoContext(ctx, "a campaign is paused", "reason", r.PauseReason, "to_go", r.Rows-r.Rejected-r.Done)
		case r.Status == campaign.Draft:
			log.InfoContext(ctx, "a campaign is a draft", "people", r.Rows-r.Rejected)
		case r.Status == campaign.Scheduled:
			log.InfoContext(ctx, "a campaign is scheduled", "to_go", r.Rows-r.Rejected-r.Done)
		case r.Status == campaign.Stopping:
			log.InfoContext(ctx, "a campaign is stopped, and calls of it are up", "done", r.Done)
		case r.Status == campaign.Running && before == campaign.Paused:
			log.InfoContext(ctx, "a campaign goes on", "to_go", r.Rows-r.Rejected-r.Done)
		case r.Status == campaign.Running:
			log.InfoContext(ctx, "a campaign runs", "to_go", r.Rows-r.Rejected-r.Done)
		default:
			log.InfoContext(ctx, "a campaign has ended", "status", r.Status, "done", r.Done, "calls", r.Calls, "answered", r.Answered)
		}
	}
	n.known = known
}

// tellCalls logs once a minute how many calls all dialers made.
func (n *narrator) tellCalls(ctx context.Context, now app.Totals) {
	if n.toldAt.IsZero() {
		n.calls, n.toldAt = now.Calls, time.Now()
		return
	}
	if since := time.Since(n.toldAt); since >= tellEvery {
		if made := now.Calls - n.calls; made > 0 {
			n.log.InfoContext(ctx, "calls", "made", made, "in", since.Round(time.Second).String(), "people_to_go", now.ToGo)
		}
		n.calls, n.toldAt = now.Calls, time.Now()
	}
}
