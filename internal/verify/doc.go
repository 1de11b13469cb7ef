// Package verify compares the dialer's records with Vonage's ledger. It finds
// every broken promise: a contact called twice or never, a price that differs.
// It reads and reports, and repairs nothing.
package verify
