// Package voice is a client of the Vonage Voice API. It makes, lists and
// controls calls, builds call control objects, and verifies and reads webhooks.
// It knows nothing about campaigns and stores nothing.
//
// CreateCall sends one POST, once. The result is created, refused or unknown
// (see Error and Verdict), and the caller decides whether to try again.
package voice
