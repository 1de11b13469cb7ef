// Package embedded finds the Postgres and the Redis for the demo and the tests,
// or starts private ones that end with the program. It is not for production:
// the data of a private server survive a crash of any process, but not of the
// machine.
package embedded
