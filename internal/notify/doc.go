// Package notify sends messages about changes to programs, in the form of Standard
// Webhooks. Messages are stored in Postgres, in the transaction of the change. It delays
// nothing: if a program is away, the message is tried again later.
package notify
