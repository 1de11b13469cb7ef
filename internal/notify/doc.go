// Package notify tells programs of what happens, by the convention of Standard
// Webhooks. Messages are stored in Postgres, in the transaction of the change.
// It slows nothing: a program that is away is tried again later.
package notify
