// Package storage is all SQL of the project. It keeps campaigns, contacts,
// attempts, events and what Vonage's list showed in Postgres, which is the only
// truth. It carries out what package campaign decides and decides nothing itself.
// Guards that must hold against every writer stand in the migrations, and rules
// that several statements share in rules.sql.
//
// Locks are taken in the order dial lock, campaign, contact, attempt. No
// transaction waits for anything but Postgres.
package storage
