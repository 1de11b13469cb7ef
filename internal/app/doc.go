// Package app has the use cases: each change that a person can make is a method here and
// takes an Actor. It also declares the data that people can read, which storage fills.
// Every change is written to the audit in its own transaction. Package app neither calls
// Vonage nor prints.
package app
