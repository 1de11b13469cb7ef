// Package jobs is the asynq side of the dialer: the feeder that keeps the next
// minute of calls in the queue, the worker that makes each call once, hang-ups, the
// sweeper, and the leases by which one process does each periodic work. Package
// reconcile reads Vonage's list and settles.
//
// Redis holds hints only. Everything that must not be forgotten is in
// Postgres, behind the Store interfaces of this package.
package jobs
