package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dialer/internal/embedded"
	"dialer/storage"
	"dialer/test/fleet"
)

// testbed is everything that a run needs. Nothing of it is shared.
type testbed struct {
	options
	dir      string            // the programs, the key and the logs
	programs map[string]string // the paths of dialer and enqueue
	updates  bool              // enqueue can change contacts

	group           *fleet.Group
	postgres, redis *server
	cutter          *commitCutter
	webhooks        *webhookProxy
	provider        *fleet.Provider
	account         fleet.Account
	db              *storage.DB
	dialers         *supervisor
	events          string // where the first dialer takes them
	closes          []func() error
}

// The dialers' waits, so short that a call with an unknown outcome is settled
// within seconds.
const (
	tokenLife      = 2 * time.Second
	settleAfter    = 2 * time.Second
	reconcileEvery = time.Second
	// recordsKept leaves three minutes after its gate in which an attempt can be
	// proved absent: the dialer takes off two hours, and a minute before the gate.
	recordsKept = 2*time.Hour + 4*time.Minute
)

// onClose is called when the run ends, the last one first.
func (b *testbed) onClose(f func() error) { b.closes = append(b.closes, f) }

func (b *testbed) close() error {
	var errs []error
	for i := len(b.closes) - 1; i >= 0; i-- {
		errs = append(errs, b.closes[i]())
	}
	return errors.Join(errs...)
}

// start starts everything except the dialers.
func (b *testbed) start(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		b.startGroup, b.buildPrograms, b.startServers, b.startCutter, b.startProvider, b.makeDialers,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *testbed) startGroup(context.Context) (err error) {
	if b.dir, err = os.MkdirTemp("", "dialer-chaos-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if b.group, err = fleet.NewGroup(b.dir); err != nil {
		return err
	}
	b.onClose(b.group.End)
	return nil
}

func (b *testbed) buildPrograms(ctx context.Context) error {
	b.programs = map[string]string{"dialer": b.Dialer, "enqueue": b.Enqueue}
	var missing []string
	for _, name := range []string{"dialer", "enqueue"} {
		if b.programs[name] == "" {
			b.programs[name] = filepath.Join(b.dir, name)
			missing = append(missing, name)
		}
	}
	tags := ""
	if b.Matrix > 0 {
		tags = "failpoints"
	}
	if len(missing) > 0 {
		if err := fleet.Build(ctx, b.dir, tags, missing...); err != nil {
			return err
		}
	}
	b.updates = supportsUpdate(ctx, b.programs["enqueue"])
	return nil
}

func (b *testbed) startServers(ctx context.Context) error {
	clock, err := postgresClock(b.PostgresClock)
	if err != nil {
		return err
	}
	postgres, redis, err := fleet.Servers(ctx, clock...)
	if err != nil {
		return err
	}
	b.onClose(postgres.Close)
	b.onClose(redis.Close)
	b.postgres, b.redis = newServer(postgres), newServer(redis)
	return nil
}

// otherClock drifts so little that after an hour it is less than slack away from Vonage's
// clock, which drifts the other way.
const otherClock = "+0.2s x1.0001"

// fakeTime is the library that shifts a program's clock. It needs no privilege.
func fakeTime() (string, error) {
	found, err := filepath.Glob("/usr/lib/*/faketime/libfaketime.so.1")
	if err != nil || len(found) == 0 {
		return "", errors.Join(err, errors.New("--postgres-clock needs libfaketime (apt install libfaketime)"))
	}
	return found[0], nil
}

// postgresClock are the variables that give Postgres another clock, which is ahead and
// faster. Go programs ask the kernel for the time and not a library, so only the clock of
// Postgres is shifted.
func postgresClock(shift string) ([]string, error) {
	if shift == "" {
		return nil, nil
	}
	library, err := fakeTime()
	if err != nil {
		return nil, err
	}
	return []string{"LD_PRELOAD=" + library, "FAKETIME=" + shift, "FAKETIME_DONT_FAKE_MONOTONIC=1"}, nil
}

func (b *testbed) startCutter(ctx context.Context) (err error) {
	if b.cutter, err = newCommitCutter(filepath.Join(b.postgres.server.Dir, ".s.PGSQL.5432")); err != nil {
		return err
	}
	b.onClose(b.cutter.close)
	if b.db, err = storage.Open(ctx, b.databaseURL()); err != nil {
		return err
	}
	b.onClose(func() error { b.db.Close(); return nil })
	_, err = b.db.Migrate(ctx)
	return err
}

// databaseURL leads through the cutter.
func (b *testbed) databaseURL() string {
	return "postgres://postgres@" + b.cutter.address() + "/postgres?sslmode=disable"
}

func (b *testbed) startProvider(context.Context) (err error) {
	lost := lostShares[seeded(b.Seed, 3).IntN(len(lostShares))]
	if b.EventsLost != inPhases {
		if lost, err = strconv.ParseFloat(b.EventsLost, 64); err != nil {
			return err
		}
	}
	b.webhooks = newWebhookProxy(b.Seed, lost)
	if b.account, err = fleet.NewAccount(b.dir, b.CallsPerSecond, requestsPerSecond); err != nil {
		return err
	}
	if b.provider, err = b.account.StartProvider(providerConfig(b.options, b.webhooks), nil); err != nil {
		return err
	}
	b.onClose(b.provider.Close)
	return nil
}

const inPhases = "phases"

func (b *testbed) makeDialers(context.Context) error {
	var dialers []*fleet.Dialer
	for i := range b.Processes {
		address, err := embedded.FreeAddress()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("dialer-%d", i+1)
		dialers = append(dialers, &fleet.Dialer{
			Name: name, Program: b.programs["dialer"], Group: b.group, Listen: address, Log: filepath.Join(b.dir, name+".log"),
			Env: b.account.Environment(b.databaseURL(), b.redis.server.URL, b.provider, address,
				"DIALER_SETTLE_AFTER="+settleAfter.String(),
				"DIALER_RECONCILE_EVERY="+reconcileEvery.String(),
				"DIALER_TOKEN_LIFE="+tokenLife.String(),
				"DIALER_RECORDS_KEPT="+recordsKept.String(),
				"DIALER_QUEUE_AHEAD="+b.QueueAhead.String(),
				"DIALER_WORKERS="+strconv.Itoa(b.Workers)),
		})
	}
	b.dialers, b.events = newSupervisor(dialers), "http://"+dialers[0].Listen+"/webhooks/event"
	b.onClose(func() error { b.dialers.stop(); return nil })
	return nil
}
