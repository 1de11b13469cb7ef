// Package webhooks serves the requests that Vonage sends. It verifies and commits
// each event before it answers, and gives an answered call its NCCO. It serves
// nothing to people.
package webhooks
