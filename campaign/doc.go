// Package campaign is the domain: what a campaign is, how an attempt to reach
// a contact lives and ends, and the rules that decide what happens next to one
// contact. Rules over many rows (who may be called now, which record is whose) are
// SQL, in package storage.
//
// It is pure: it opens no connection, reads no clock and logs nothing. Rules that
// depend on time take now. Storage, jobs and webhooks carry out its decisions and
// make none of their own.
package campaign
