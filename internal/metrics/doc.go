// Package metrics provides metrics for Prometheus: counters of this process, and counts
// of the whole fleet from the database. It decides and stores nothing. Labels have few
// values, and never a telephone number or the name of a person.
package metrics
