// Package campaign is the domain: campaigns, the life of an attempt to reach a contact,
// and the rules that decide a contact's next step. Rules over many rows (who may be
// called now, which record belongs to which call) are SQL, in package storage.
//
// It is pure: it opens no connection, reads no clock and logs nothing. Rules that
// depend on time take now. Storage, jobs and webhooks carry out its decisions and make
// none of their own.
package campaign
