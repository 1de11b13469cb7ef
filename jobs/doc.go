// Package jobs is the asynq side of the dialer: the feeder that keeps the next
// minute of calls in the queue, the worker that makes each call once, hang-ups, the
// sweeper, and the leases that give each periodic work to one process. Package reconcile
// reads Vonage's list and settles.
//
// Redis holds hints only. Everything that must not be forgotten is in
// Postgres, behind the Store interfaces of this package.
package jobs
