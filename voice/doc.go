// Package voice is a client of the Vonage Voice API: it places, lists and
// controls calls, builds call control objects, reads and verifies webhooks. It
// knows nothing of campaigns and keeps nothing.
//
// A call is placed by one POST, and that POST is sent once: whatever becomes
// of it is told as created, refused or unknown (see Error and Verdict), and
// the decision to try again belongs to the caller.
package voice
