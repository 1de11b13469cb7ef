// Package verify is the judge: it compares everything that the dialer recorded with
// Vonage's own ledger and with people's orders, and finds every broken promise. It
// computes the correct state from the ledger, by its own rules (rules.go). It calls none
// of the dialer's decision rules, so that they share no mistakes, and a test checks that.
// It reads and reports, and repairs nothing.
package verify
