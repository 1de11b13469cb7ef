// Package calendar reads dates from files: a CSV, or an iCal file of whole days. It
// is not for times of the day.
package calendar
