// Package jobs is the asynq side of the dialer: the feeder that keeps the
// next minute of calls in the queue, the caller that makes each call once,
// the sweeper, the settler and reconciliation, all under one pace.
//
// Redis holds hints only. Everything that must not be forgotten is in
// Postgres, behind the Store interfaces of this package.
package jobs
