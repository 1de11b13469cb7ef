// Package testkit gives each test a database of its own on a real
// Postgres: the one that DATABASE_URL names, or else one private server for the
// test binary. A test without a Postgres fails; it is never skipped.
//
// It is a database and not a schema for each test, because the reporting views
// live in a schema of a fixed name. Each is a copy of a migrated template,
// which takes some 50 ms.
package testkit
