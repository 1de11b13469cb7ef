package main

import (
	"bufio"
	"context"
	"io"
	"time"

	"dialer/campaign"
)

// settled waits until the campaign is marked as finished, the simulator corrects
// no more prices, and ours equal its.
func (d *demo) settled(ctx context.Context) error {
	for {
		c, err := d.db.CampaignByName(ctx, d.name)
		if err != nil {
			return err
		}
		result, err := compareWithLedger(ctx, d.db, d.simURL)
		if err != nil {
			return err
		}
		if c.Status == campaign.Finished && result.PriceDifference.IsZero() && d.sim.Summary().EventsPending == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(demoReconcileEvery):
		}
	}
}

// firstLines reads at most n lines.
func firstLines(in io.Reader, n int) ([]string, error) {
	var lines []string
	scanner := bufio.NewScanner(in)
	for len(lines) < n && scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	return lines, scanner.Err()
}
