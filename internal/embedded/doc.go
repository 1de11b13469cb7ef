// Package embedded finds the Postgres and the Redis that the demo and the
// tests run on, or starts private ones that end with the program. It is not
// for production: a private server survives the death of any process, but
// not of the machine.
package embedded
