// Package csvimport turns a CSV of any size into the contacts of a campaign.
// Its memory is bounded, an interrupted import is resumed by running it again,
// and every rejected row is reported with its reason. It knows neither Vonage
// nor the queue.
package csvimport
