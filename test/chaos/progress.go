package main

import (
	"fmt"
	"time"

	"dialer/internal/app"
)

// progress tells a run that still comes to its end, however slow the machine,
// from one that does not.
type progress struct {
	patience time.Duration
	least    int // that was ever left
	since    time.Time
}

func newProgress(patience time.Duration) progress {
	return progress{patience: patience, least: 1 << 62, since: time.Now()}
}

// check returns errUnended when less was not left for too long.
func (p *progress) check(left app.OpenCounts, unknown error) error {
	if n := left.Contacts + left.Attempts + left.Unpriced; unknown == nil && n < p.least {
		p.least, p.since = n, time.Now()
	}
	if time.Since(p.since) < p.patience {
		return nil
	}
	return fmt.Errorf("%w: nothing changed for %v; %d people to go, %d calls open, %d prices to come",
		errUnended, p.patience, left.Contacts, left.Attempts, left.Unpriced)
}
