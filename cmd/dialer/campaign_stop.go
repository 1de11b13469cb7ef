package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/storage"
	"dialer/voice"
)

type campaignStopCommand struct {
	campaignFlags
	HangUp bool `name:"hang-up" help:"Also end its calls, those that ring included. This needs the account's settings."`
	actorFlags
	requestFlags
}

func (c *campaignStopCommand) Run(ctx context.Context, con console) error {
	if !c.HangUp {
		return c.campaignFlags.with(ctx, func(db *storage.DB, found campaign.Campaign) error { return c.stop(ctx, con, db, found) })
	}
	if err := c.actorFlags.validate(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	return c.requestFlags.with(ctx, con, c.DatabaseURL, func(k *vonage) error {
		found, err := findCampaign(ctx, k.db, c.Name)
		if err != nil {
			return err
		}
		if err := c.stop(ctx, con, k.db, found); err != nil {
			return err
		}
		sum, err := k.hangUpAll(ctx, found.ID, c.By)
		con.printf("%s: %s\n", found.Name, sum)
		return err
	})
}

func (c *campaignStopCommand) stop(ctx context.Context, con console, db *storage.DB, found campaign.Campaign) error {
	if err := db.Stop(ctx, found.ID); err != nil {
		return err
	}
	con.printf("%s: stopped; who was not reached yet is not called\n", found.Name)
	return nil
}

const (
	// hangUpsAtOnce is how many hang-ups may be under way: a call that was just
	// made refuses control for two seconds, which should not hold up the others.
	hangUpsAtOnce = 16
	// hangUpPatience is for requests that were on the wire when the campaign
	// was stopped. Nearly all are answered, or told of in an event, by then.
	hangUpPatience = 15 * time.Second
	hangUpLook     = 200 * time.Millisecond
)

// hangUps is what came of hanging up a campaign's calls.
type hangUps struct {
	done, over, unclear int
	errs                []error
}

func (h hangUps) String() string {
	text := fmt.Sprintf("%d calls hung up, %d had ended already", h.done, h.over)
	if len(h.errs) > 0 {
		text += fmt.Sprintf(", %d could not be hung up", len(h.errs))
	}
	return text
}

// err is nil when no call of the campaign can be up any more.
func (h hangUps) err() error {
	err := errors.Join(h.errs...)
	if h.unclear > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests may have made a call that is not known yet: say it again in a few minutes", h.unclear))
	}
	return err
}

// hangUpAll ends every call of a stopped campaign. A request that was on the
// wire at the stop may still turn out to be a call, so it looks again until
// none is left, or for a while.
func (k *vonage) hangUpAll(ctx context.Context, campaignID int64, who string) (hangUps, error) {
	var sum hangUps
	tried := map[string]bool{}
	for deadline := time.Now().Add(hangUpPatience); ; {
		live, err := k.db.LiveCalls(ctx, campaignID)
		if err != nil {
			return sum, err
		}
		sum.unclear = live.Unclear
		var fresh []string
		for _, uuid := range live.UUIDs {
			if !tried[uuid] {
				tried[uuid] = true
				fresh = append(fresh, uuid)
			}
		}
		k.hangUpEach(ctx, fresh, who, &sum)
		if live.Unclear == 0 || time.Now().After(deadline) {
			return sum, errors.Join(sum.err(), ctx.Err())
		}
		select {
		case <-time.After(hangUpLook):
		case <-ctx.Done():
			return sum, errors.Join(sum.err(), ctx.Err())
		}
	}
}

func (k *vonage) hangUpEach(ctx context.Context, uuids []string, who string, sum *hangUps) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		place = make(chan struct{}, hangUpsAtOnce)
	)
	for _, uuid := range uuids {
		if ctx.Err() != nil {
			break
		}
		place <- struct{}{}
		wg.Go(func() {
			defer func() { <-place }()
			err := k.hangUp(ctx, uuid, who)
			mu.Lock()
			defer mu.Unlock()
			sum.add(err)
		})
	}
	wg.Wait()
}

func (k *vonage) hangUp(ctx context.Context, uuid, who string) error {
	action := storage.CallAction{CallUUID: uuid, Who: who, Action: "hangup", Detail: "campaign stop --hang-up"}
	_, err := k.act(ctx, action, simply((*voice.Client).Hangup, uuid))
	return err
}

// add counts one. A call that Vonage has no more is hung up; that this is
// not on record is still an error.
func (h *hangUps) add(err error) {
	switch {
	case err == nil:
		h.done++
	case errors.Is(err, voice.ErrNotFound) && !errors.Is(err, errNotRecorded):
		h.over++
	default:
		h.errs = append(h.errs, err)
	}
}
