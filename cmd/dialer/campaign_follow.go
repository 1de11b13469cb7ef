package main

import (
	"context"
	"time"

	"dialer/internal/progress"
)

type campaignFollowCommand struct{ campaignFlags }

// followEvery is how often the state is read.
const followEvery = time.Second

func (c *campaignFollowCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	found, err := db.CampaignByName(ctx, c.Campaign)
	if err != nil {
		return listsThem(err)
	}
	err = progress.Follow(ctx, db, found, progress.NewLine(con.Out), followEvery)
	if ctx.Err() != nil {
		con.Printf("The campaign continues; `dialer report %s` shows its state.\n", quoteShell(found.Name))
		return nil
	}
	return err
}
