package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"dialer/internal/embedded"
	"dialer/storage"
)

// world is everything that a run needs, all of its own.
type world struct {
	options
	dir     string // the dialer, its key and the logs
	program string

	postgres, redis *server
	cutter          *cutter
	mail            *mail
	provider        *provider
	account         account
	db              *storage.DB
	fleet           *fleet
	closes          []func() error
}

// The dialers' waits, so short that a call whose fate is unknown is settled
// within seconds.
const (
	tokenLife      = 2 * time.Second
	settleAfter    = 2 * time.Second
	reconcileEvery = time.Second
)

// onClose is undone in reverse order when the run ends.
func (w *world) onClose(f func() error) { w.closes = append(w.closes, f) }

func (w *world) close() error {
	var errs []error
	for i := len(w.closes) - 1; i >= 0; i-- {
		errs = append(errs, w.closes[i]())
	}
	return errors.Join(errs...)
}

// start brings up everything but the dialers.
func (w *world) start(ctx context.Context) error {
	for _, part := range []func(context.Context) error{
		w.startGuard, w.buildDialer, w.startServers, w.startCutter, w.startProvider, w.makeFleet,
	} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) startGuard(context.Context) error {
	dir, err := os.MkdirTemp("", "dialer-chaos-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	w.dir = dir
	g, err := newGuard(dir)
	if err != nil {
		return err
	}
	w.onClose(g.end)
	w.fleet = newFleet(g, nil)
	return nil
}

func (w *world) buildDialer(ctx context.Context) error {
	if w.program = w.Dialer; w.program != "" {
		return nil
	}
	w.program = filepath.Join(w.dir, "dialer")
	build := []string{"build", "-o", w.dir, "dialer/cmd/dialer"}
	if w.Matrix > 0 {
		build = append(build, "dialer/cmd/enqueue")
		build = slices.Insert(build, 1, "-tags", "failpoints")
	}
	if out, err := exec.CommandContext(ctx, "go", build...).CombinedOutput(); err != nil {
		return fmt.Errorf("build the dialer: %w: %s", err, out)
	}
	return nil
}

// startServers starts private ones, whatever the environment names: they will
// be crashed.
func (w *world) startServers(ctx context.Context) error {
	o := embedded.Options{AllowDownload: true, Getenv: func(name string) string {
		if name == "DATABASE_URL" || name == "REDIS_URL" {
			return ""
		}
		return os.Getenv(name)
	}}
	postgres, err := embedded.Postgres(ctx, o)
	if err != nil {
		return err
	}
	w.onClose(postgres.Close)
	redis, err := embedded.Redis(ctx, o)
	if err != nil {
		return err
	}
	w.onClose(redis.Close)
	w.postgres, w.redis = newServer(postgres), newServer(redis)
	return nil
}

func (w *world) startCutter(ctx context.Context) (err error) {
	if w.cutter, err = newCutter(filepath.Join(w.postgres.server.Dir, ".s.PGSQL.5432")); err != nil {
		return err
	}
	w.onClose(w.cutter.close)
	if w.db, err = storage.Open(ctx, w.databaseURL()); err != nil {
		return err
	}
	w.onClose(func() error { w.db.Close(); return nil })
	_, err = w.db.Migrate(ctx)
	return err
}

// databaseURL leads through the cutter.
func (w *world) databaseURL() string {
	return "postgres://postgres@" + w.cutter.address() + "/postgres?sslmode=disable"
}

func (w *world) startProvider(context.Context) (err error) {
	share := shares[seeded(w.Seed, 3).IntN(len(shares))]
	if w.EventsLost != inPhases {
		if share, err = strconv.ParseFloat(w.EventsLost, 64); err != nil {
			return err
		}
	}
	w.mail = newMail(w.Seed, share)
	if w.account, err = newAccount(); err != nil {
		return err
	}
	if err := w.account.writeKey(w.keyFile()); err != nil {
		return err
	}
	if w.provider, err = newProvider(w.account, w.options, w.mail); err != nil {
		return err
	}
	w.onClose(w.provider.close)
	return nil
}

const inPhases = "phases"

func (w *world) keyFile() string { return filepath.Join(w.dir, "key.pem") }

func (w *world) makeFleet(context.Context) error {
	for i := range w.Processes {
		address, err := embedded.FreeAddress()
		if err != nil {
			return err
		}
		name := fmt.Sprintf("dialer-%d", i+1)
		w.fleet.dialers = append(w.fleet.dialers, &dialer{
			name: name, program: w.program, guard: w.fleet.guard, listen: address,
			log: filepath.Join(w.dir, name+".log"), env: w.environment(address),
		})
	}
	w.fleet = newFleet(w.fleet.guard, w.fleet.dialers)
	w.onClose(func() error { w.fleet.stop(); return nil })
	return nil
}

// environment is all that a dialer is told.
func (w *world) environment(listen string) []string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return []string{
		"PATH=" + os.Getenv("PATH"), "TZ=UTC",
		"DATABASE_URL=" + w.databaseURL(),
		"REDIS_URL=" + w.redis.server.URL,
		"VONAGE_API_URL=" + w.provider.url + "/v1",
		"VONAGE_APPLICATION_ID=" + w.account.application,
		"VONAGE_PRIVATE_KEY=" + w.keyFile(),
		"VONAGE_SIGNATURE_SECRET=" + w.account.secret,
		"DIALER_LISTEN=" + listen,
		"DIALER_CALLS_PER_SECOND=" + number(w.CallsPerSecond),
		"DIALER_REQUESTS_PER_SECOND=" + number(w.account.requests),
		"DIALER_SETTLE_AFTER=" + settleAfter.String(),
		"DIALER_RECONCILE_EVERY=" + reconcileEvery.String(),
		"DIALER_TOKEN_LIFE=" + tokenLife.String(),
		"DIALER_QUEUE_AHEAD=" + w.QueueAhead.String(),
		"DIALER_WORKERS=" + strconv.Itoa(w.Workers),
	}
}
