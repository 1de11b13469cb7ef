package main

import (
	"context"

	"dialer/internal/app"
	"dialer/voice"
)

type campaignStopCommand struct {
	campaignFlags
	HangUp bool `name:"hang-up" help:"Also end its calls, those that still ring included. This needs the account's settings."`
	actorFlags
	requestFlags
}

func (c *campaignStopCommand) Run(ctx context.Context, con console) error {
	if !c.HangUp {
		return c.campaignFlags.with(ctx, func(campaigns app.Campaigns) error {
			_, err := c.stop(ctx, con, campaigns)
			return err
		})
	}
	return c.requestFlags.with(ctx, con, c.DatabaseURL, func(v *vonage) error {
		id, err := c.stop(ctx, con, app.Campaigns{Store: v.db})
		if err != nil {
			return err
		}
		sum, err := app.Calls{Store: v.db}.HangUpAll(ctx, c.actor(), id, func(uuid string) app.CallRequest {
			return v.request(uuid, noResult((*voice.Client).Hangup, uuid))
		})
		con.printf("%s: %s\n", c.Campaign, sum)
		return err
	})
}

func (c *campaignStopCommand) stop(ctx context.Context, con console, campaigns app.Campaigns) (id int64, err error) {
	stopped, err := campaigns.Stop(ctx, c.actor(), c.Campaign)
	if err != nil {
		return 0, listsThem(err)
	}
	con.printf("%s: stopped; people who were not reached yet are not called\n", stopped.Name)
	return stopped.ID, nil
}
