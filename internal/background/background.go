// Package background has helpers for unattended work: waiting that ends with its context,
// and panics that become errors. It starts nothing.
package background

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// Sleep waits for d, or less when ctx ends; then it returns ctx's error.
func Sleep(ctx context.Context, d time.Duration) error {
	over, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-over.Done()
	return ctx.Err()
}

// Recover turns a panic into an error, so that one bad row does not end the process:
// defer background.Recover(&err).
func Recover(err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
	}
}
