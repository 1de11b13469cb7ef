package jobs

import (
	"context"
	"time"
)

// Periodic is work that one process of the fleet does again and again.
type Periodic struct {
	Name  string
	Every time.Duration
	Run   func(context.Context) error
	// WhileLocked: it is done also before the database may dial.
	WhileLocked bool
}

func (p Periodic) runOnce(ctx context.Context) (struct{}, error) { return struct{}{}, p.Run(ctx) }
