// Package audit compares the dialer's books with Vonage's ledger and
// names every promise that is broken: who was rung twice, who was never rung,
// which price differs. It reads and judges; it repairs nothing.
package verify
