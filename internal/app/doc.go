// Package app is what people can do with the dialer: each change that a person
// can make is a method here and takes an Actor. It also declares what they can
// read, which storage fills. Every change is written to the audit in its own
// transaction. How Vonage is asked and what is printed is not decided here.
package app
