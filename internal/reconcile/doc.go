// Package reconcile is the one reader of Vonage's list of calls. It stores every
// record, and each complete scan of a window. SQL in package storage draws the
// conclusions: prices, calls without an attempt, absence, and calls that a restored
// database forgot. The package says which windows are due; it decides nothing about a
// call.
package reconcile
