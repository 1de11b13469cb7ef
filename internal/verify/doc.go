// Package verify is the judge: it compares all that the dialer recorded with
// Vonage's own ledger and with what people ordered, and finds every broken
// promise. What must be is computed from the ledger alone. It uses none of the
// rules by which the dialer decides, so that no mistake is shared. It reads and
// reports, and repairs nothing.
package verify
