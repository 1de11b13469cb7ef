// Package metrics counts what a dialer does and reads what the fleet has, for
// Prometheus. It decides nothing and stores nothing; its labels are bounded, and
// hold no number or name of anybody.
package metrics
