// Package webhooks is the HTTP that Vonage calls: it verifies, bounds
// and commits each event before it answers, gives an answered call its NCCO,
// and serves nothing to people.
package webhooks
