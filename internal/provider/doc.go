// Package provider translates the results of package voice into the terms of package
// campaign, and a campaign's message into a request. The worker that makes calls, the
// webhooks, the reader of Vonage's call list and the commands share it, so that each
// translation exists once.
//
// It is pure: it sends, stores and logs nothing.
package provider
