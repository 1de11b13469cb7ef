package testkit

import (
	"context"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
)

// Actor makes the changes of tests.
var Actor = app.Actor{Name: "test", Through: app.ThroughCommand}

// The methods below are those of storage.DB, with Actor as the one who makes the
// change.

func (d *DB) OpenCampaign(ctx context.Context, name string, s campaign.Settings) (campaign.Campaign, error) {
	return d.DB.OpenCampaign(ctx, Actor, name, s)
}

func (d *DB) AddContacts(ctx context.Context, campaignID int64, source string, batch campaign.RowBatch) (campaign.BatchResult, error) {
	return d.DB.AddContacts(ctx, Actor, campaignID, source, batch)
}

func (d *DB) BeginImport(ctx context.Context, im campaign.Import) (campaign.Import, error) {
	return d.DB.BeginImport(ctx, Actor, im)
}

func (d *DB) EndImport(ctx context.Context, im campaign.Import) (removed int, kept bool, err error) {
	return d.DB.EndImport(ctx, Actor, im)
}

func (d *DB) FinishImport(ctx context.Context, campaignID int64) error {
	return d.DB.FinishImport(ctx, Actor, campaignID)
}

func (d *DB) Pause(ctx context.Context, campaignID int64, reason string) error {
	return d.DB.Pause(ctx, Actor, campaignID, reason)
}

func (d *DB) Resume(ctx context.Context, campaignID int64) error {
	return d.DB.Resume(ctx, Actor, campaignID)
}

func (d *DB) Stop(ctx context.Context, campaignID int64) error {
	return d.DB.Stop(ctx, Actor, campaignID)
}

func (d *DB) Suppress(ctx context.Context, list []app.Suppression) (added int, err error) {
	done, err := d.DB.Suppress(ctx, Actor, list, false)
	return done.Added, err
}

// Unsuppress lifts the only suppression of a number.
func (d *DB) Unsuppress(ctx context.Context, number string) error {
	_, err := d.DB.Lift(ctx, Actor, app.Lift{Number: number})
	return err
}

// SuppressNumbers suppresses numbers for good.
func (d *DB) SuppressNumbers(t testing.TB, numbers ...string) {
	t.Helper()
	list := make([]app.Suppression, len(numbers))
	for i, number := range numbers {
		list[i] = app.Suppression{Number: number, Source: "test"}
	}
	if _, err := d.Suppress(t.Context(), list); err != nil {
		t.Fatalf("testkit: %v", err)
	}
}
