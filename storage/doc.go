// Package storage is all SQL of the project. It keeps campaigns, contacts,
// attempts, events and what Vonage's list showed in Postgres, which is the only
// truth. It carries out what package campaign decides about one contact. Rules over
// many rows are its own: who may be called now (rules.sql), which attempt made no call
// (absence.go), whose a record is (matching.go). Guards that must hold against every
// writer stand in the migrations.
//
// Locks are taken in the order dial lock, campaign, contact, attempt. No
// transaction waits for anything but Postgres.
package storage
