// Package fleet starts the processes that the test programs measure and harm: real
// `dialer run` processes, a Postgres, a Redis and a simulated Vonage, shared with nobody.
// Nothing of it outlives the program, even if that is killed with -9.
package fleet
