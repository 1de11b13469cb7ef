package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"dialer/internal/cli"
)

// play runs it all, prints what came of it, and leaves nothing behind but the
// evidence, if there is any.
func play(ctx context.Context, o options, out io.Writer) error {
	w := &world{options: o}
	broken, err := w.play(ctx, out)
	if broken {
		err = errors.Join(err, w.keepEvidence())
	}
	err = errors.Join(err, w.close())
	keep := broken || o.Keep
	if keep && w.dir != "" {
		fmt.Fprintf(out, "evidence: %s\n", w.dir)
	}
	switch {
	case err != nil:
		return errors.Join(err, w.clear(keep))
	case broken:
		return cli.ErrFailed // the output said what is broken
	}
	return w.clear(keep)
}

func (w *world) clear(keep bool) error {
	if keep || w.dir == "" {
		return nil
	}
	return os.RemoveAll(w.dir)
}

// play reports whether a promise is broken; an error is about the run.
func (w *world) play(ctx context.Context, out io.Writer) (broken bool, err error) {
	begun := time.Now()
	if err := w.start(ctx); err != nil {
		return false, err
	}
	fmt.Fprintf(out, "chaos:    seed %d, %d dialers, %v calls a second, faults %s, webhooks lost: %s\n",
		w.Seed, w.Processes, w.CallsPerSecond, w.Faults, w.EventsLost)
	s := newStorm(w, out)
	if w.Matrix > 0 {
		if err := armMatrix(ctx, s); err != nil {
			return false, err
		}
	}
	ended := s.rage(ctx)
	s.line.end()
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if ended != nil && !errors.Is(ended, errUnended) {
		return true, ended
	}
	w.fleet.stop()
	result, err := s.judge(ctx, ended)
	if err != nil {
		return true, err
	}
	result.took = time.Since(begun)
	result.print(out)
	return !result.sound(), nil
}
