// Package verify is the judge: it compares all that the dialer recorded with
// Vonage's own ledger and with what people ordered, and finds every broken
// promise. What must be is computed from the ledger, by rules of its own (rules.go).
// It calls no rule by which the dialer decides, so that no mistake is shared, and a
// test holds that. It reads and reports, and repairs nothing.
package verify
