// Package provider turns what package voice returns into what package campaign
// understands, and a campaign's message into a request. The worker that makes
// calls, the webhooks, the reader of Vonage's call list and the commands share
// it, so that each translation exists once.
//
// It is pure: it sends, stores and logs nothing.
package provider
