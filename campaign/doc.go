// Package campaign is the domain: what a campaign is, how an attempt to reach
// a contact lives and ends, and every rule that decides what happens next.
//
// It is pure: it opens no connection, reads no clock and logs nothing. Rules that
// depend on time take now. Storage, jobs and webhooks carry out its decisions and
// make none of their own.
package campaign
