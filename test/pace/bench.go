package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"dialer/campaign"
	"dialer/internal/embedded"
	"dialer/storage"
	"dialer/test/fleet"
	"dialer/voice/voicesim"
)

const (
	// warmUp is how long dialers may take after the first call to fill their queues. The
	// limit applies during that time too.
	warmUp       = 3 * time.Second
	startTimeout = 30 * time.Second
	harmEvery    = 2 * time.Second
	requestsRate = 15
)

// bench is the common part of all measurements.
type bench struct {
	options
	dir     string
	program string
	group   *fleet.Group
}

func newBench(ctx context.Context, o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "dialer-pace-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	b := &bench{options: o, dir: dir, program: o.Dialer}
	if b.program == "" {
		b.program = filepath.Join(dir, "dialer")
		err = fleet.Build(ctx, dir, "", "dialer")
	}
	if err == nil {
		b.group, err = fleet.NewGroup(dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func (b *bench) close() {
	_ = b.group.End()       // nothing is left to be done
	_ = os.RemoveAll(b.dir) // a folder of the system's temporary ones
}

// measure starts everything anew, lets dialers call and reads what arrived.
func (b *bench) measure(ctx context.Context, perSecond float64, processes int) (r result, err error) {
	postgres, redis, err := fleet.Servers(ctx)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, postgres.Close(), redis.Close()) }()
	if err := startCampaign(ctx, postgres.URL, int(perSecond*(b.Duration+2*warmUp).Seconds())+100); err != nil {
		return result{}, err
	}
	account, err := fleet.NewAccount(b.dir, perSecond, requestsRate)
	if err != nil {
		return result{}, err
	}
	log := &arrivals{}
	enforced := account
	enforced.CallsPerSecond *= b.Enforce
	provider, err := enforced.StartProvider(voicesim.Config{
		APIKey: "pace", Seed: 1, Speed: 20, Faults: voicesim.Faults{TooMany: b.Random429},
	}, log.wrap)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, provider.Close()) }()
	d := newDialers(redis.URL, filepath.Join(b.dir, "dialers.log"))
	for i := range processes {
		listen, err := embedded.FreeAddress()
		if err != nil {
			return result{}, err
		}
		d.add(&fleet.Dialer{
			Name: fmt.Sprintf("dialer-%d", i+1), Program: b.program, Listen: listen, Log: d.log, Group: b.group,
			Env: account.Environment(postgres.URL, redis.URL, provider, listen, "DIALER_SETTLE_AFTER=5s", "DIALER_RECONCILE_EVERY=5s"),
		})
	}
	d.start()
	defer d.stop()
	from, err := b.await(ctx, log, d)
	if err != nil {
		return result{}, err
	}
	r = judge(log.sorted(), perSecond, from, b.Duration)
	r.processes, r.enforced, r.harm = processes, enforced.CallsPerSecond, d.harmed
	return r, nil
}

// await waits until the measurement is over, and returns when its steady part
// began.
func (b *bench) await(ctx context.Context, log *arrivals, d *dialers) (from time.Time, err error) {
	for begun := time.Now(); log.first().IsZero(); {
		if time.Since(begun) > startTimeout {
			return from, fmt.Errorf("no call was made for %v; the dialers logged:\n%s", startTimeout, d.lastLog())
		}
		if err := fleet.Sleep(ctx, 10*time.Millisecond); err != nil {
			return from, err
		}
	}
	from = log.first().Add(warmUp)
	for end := from.Add(b.Duration); time.Now().Before(end); {
		pause := time.Until(end)
		if b.Harm && time.Now().After(from) {
			if err := d.harm(ctx); err != nil {
				return from, err
			}
		}
		if b.Harm {
			pause = min(pause, harmEvery)
		}
		if err := fleet.Sleep(ctx, pause); err != nil {
			return from, err
		}
	}
	return from, nil
}

// startCampaign starts a campaign of n contacts, each called once.
func startCampaign(ctx context.Context, url string, n int) error {
	db, err := storage.Open(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	_, err = fleet.Import(ctx, db, "pace", campaign.Settings{
		From: []string{"442079460000"}, Message: campaign.Message{Say: "The water is off until noon."},
		Hours: campaign.Daily(0, 24*60), Zone: "Etc/UTC", Retry: campaign.Policy{Attempts: 1},
		RingingTimer: 30, LengthTimer: 120,
	}, n)
	return err
}
