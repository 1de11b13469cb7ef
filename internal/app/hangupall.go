package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"dialer/internal/background"
)

const (
	// hangUpsAtOnce is how many hang-ups may be under way: a call that was just
	// made refuses control for two seconds, which should not delay the others.
	hangUpsAtOnce = 16
	// hangUpPatience is how long to wait for requests that were on the wire when the
	// campaign was stopped. Nearly all are answered, or reported by an event, within it.
	hangUpPatience = 15 * time.Second
	hangUpPoll     = 200 * time.Millisecond
)

// HangUps counts the results of hanging up a campaign's calls.
type HangUps struct {
	Done, Over, Unclear int
	late                bool // calls that become known later are hung up too
	errs                []error
}

func (h HangUps) String() string {
	text := fmt.Sprintf("%d calls hung up, %d had ended already", h.Done, h.Over)
	if len(h.errs) > 0 {
		text += fmt.Sprintf(", %d could not be hung up", len(h.errs))
	}
	return text
}

// err is nil when no call of the campaign can still be in progress.
func (h HangUps) err() error {
	err := errors.Join(h.errs...)
	if h.Unclear > 0 {
		then := "a `dialer run` hangs up the calls as soon as they are known"
		//guard:false internal/app.TestHangUpsSummary: nobody is told that a paused campaign's late calls are hung up
		if !h.late {
			then = "hang up again in a minute, or stop the campaign, which hangs them up as soon as they are known"
		}
		err = errors.Join(err, fmt.Errorf("%d requests may have made a call that is not known yet: %s", h.Unclear, then))
	}
	return err
}

// add counts one result. A call that Vonage no longer has counts as hung up. If the audit
// has no entry for it, that is still an error.
func (h *HangUps) add(err error) {
	_, over := errors.AsType[*callOver](err)
	switch {
	case err == nil:
		h.Done++
	case over:
		h.Over++
	default:
		h.errs = append(h.errs, err)
	}
}

// HangUpAll ends every call of a campaign; how is for the audit. A request that was on
// the wire may still turn out to be a call, so HangUpAll looks again until none is left,
// or for a while. If the campaign is stopped, a dialer also hangs up calls that become
// known later. If it is paused they are not hung up, because a paused campaign may
// continue.
func (c Calls) HangUpAll(ctx context.Context, by Actor, campaignID int64, how string, hangUp func(uuid string) CallRequest) (sum HangUps, err error) {
	if sum.late, err = c.Store.HangUpLate(ctx, campaignID); err != nil {
		return sum, err
	}
	tried := map[string]bool{}
	for deadline := time.Now().Add(hangUpPatience); ; {
		live, err := c.Store.LiveCalls(ctx, campaignID)
		if err != nil {
			return sum, err
		}
		sum.Unclear = live.Unclear
		var fresh []string
		for _, uuid := range live.UUIDs {
			if !tried[uuid] {
				tried[uuid] = true
				fresh = append(fresh, uuid)
			}
		}
		c.hangUpEach(ctx, by, how, fresh, hangUp, &sum)
		if live.Unclear == 0 || time.Now().After(deadline) {
			return sum, errors.Join(sum.err(), ctx.Err())
		}
		if err := background.Sleep(ctx, hangUpPoll); err != nil {
			return sum, errors.Join(sum.err(), err)
		}
	}
}

func (c Calls) hangUpEach(ctx context.Context, by Actor, how string, uuids []string, hangUp func(uuid string) CallRequest, sum *HangUps) {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		free = make(chan struct{}, hangUpsAtOnce)
	)
	for _, uuid := range uuids {
		if ctx.Err() != nil {
			break
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			action := CallAction{CallUUID: uuid, Action: ActionHangUp, Detail: how}
			_, err := c.Act(ctx, by, action, hangUp(uuid))
			mu.Lock()
			defer mu.Unlock()
			sum.add(err)
		})
	}
	wg.Wait()
}
