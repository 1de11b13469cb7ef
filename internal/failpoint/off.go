//go:build !failpoints

package failpoint

import "context"

// Hit says that the program is at the point.
func Hit(string) {}

// HitIf says that the program is at the point, if something has happened that
// makes it one.
func HitIf(bool, string) {}

// AtEnd puts the point at the end of work that went well: for a transaction's
// work, just before the commit.
func AtEnd[T any](_ string, work func(T) error) func(T) error { return work }

// OnAnswer puts the point where the first byte of an answer has come to a
// request that is sent with ctx.
func OnAnswer(ctx context.Context, _ string) context.Context { return ctx }
