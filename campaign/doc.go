// Package campaign is the domain: what a campaign is, how an attempt to reach
// a contact lives and ends, and every rule that decides what happens next.
//
// It is pure. It opens no connection, reads no clock and logs nothing; rules
// that depend on time take now. Storage, jobs and webhooks carry out what it
// decides, and never decide for themselves.
package campaign
