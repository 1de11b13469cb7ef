// Package storage is all SQL of the project: it keeps campaigns, contacts,
// attempts and events in Postgres, which is the only truth. It carries out
// what package campaign decides and makes no decision of its own; the guards
// that must hold against every writer stand in the migrations.
//
// Locks are taken in the order campaign, contact, attempt. No transaction
// waits for anything but Postgres.
package storage
