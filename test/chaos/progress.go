package main

import (
	"fmt"
	"time"

	"dialer/internal/app"
)

// progress distinguishes a slow run from a stuck one.
type progress struct {
	patience time.Duration
	least    int // that was ever left
	since    time.Time
}

func newProgress(patience time.Duration) progress {
	return progress{patience: patience, least: 1 << 62, since: time.Now()}
}

// check returns errUnfinished if nothing was finished for too long.
func (p *progress) check(left app.OpenCounts, unknown error) error {
	if n := left.Contacts + left.Attempts + left.Unpriced; unknown == nil && n < p.least {
		p.least, p.since = n, time.Now()
	}
	if time.Since(p.since) < p.patience {
		return nil
	}
	return fmt.Errorf("%w: nothing changed for %v; %d contacts to go, %d calls open, %d prices to come",
		errUnfinished, p.patience, left.Contacts, left.Attempts, left.Unpriced)
}
