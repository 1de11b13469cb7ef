//go:build !failpoints

package failpoint

import "context"

// Hit marks a point.
func Hit(string) {}

// HitIf marks a point that is only reached if something happened.
func HitIf(bool, string) {}

// AtEnd puts a point at the end of work that succeeded. For the work of a
// transaction that is just before the commit.
func AtEnd[T any](_ string, work func(T) error) func(T) error { return work }

// OnAnswer puts a point at the moment when the first byte of the answer to a
// request with ctx has arrived.
func OnAnswer(ctx context.Context, _ string) context.Context { return ctx }
