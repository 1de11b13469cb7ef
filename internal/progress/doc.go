// Package progress shows a person the progress of a campaign, in one line, until
// it has ended. It changes nothing.
package progress
