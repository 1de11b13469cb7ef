// Package reconcile is the one reader of Vonage's list of calls. It stores every
// record, and each complete scan of a window. What follows from them is SQL in
// package storage: prices, calls of no attempt, absence, and what a restored
// database forgot. The package says which windows are due; it decides nothing
// about a call.
package reconcile
