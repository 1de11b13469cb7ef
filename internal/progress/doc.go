// Package progress shows a person how a campaign goes on, in one line, until
// it has ended. It changes nothing and decides nothing.
package progress
