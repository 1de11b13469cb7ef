package app

import (
	"context"
	"errors"
)

// Erased counts the rows that an erasure emptied. The rows themselves stay.
type Erased struct {
	Contacts      int `json:"contacts"`
	Attempts      int `json:"attempts"`
	Events        int `json:"events"`
	ProviderCalls int `json:"provider_calls"`
	InboundCalls  int `json:"inbound_calls"`
	RefusedRows   int `json:"refused_rows"`
	WebhooksOut   int `json:"webhooks_out"`
	Suppressed    int `json:"suppressed"` // numbers that are suppressed from now on
}

// ErrUnderWay means that a call to the person is not over, or not settled.
var ErrUnderWay = errors.New("a call to this person is not over, or not settled: hang it up or wait, and erase then")

// EraseStore erases the data of people.
type EraseStore interface {
	// Erase removes the data of everybody with the number, in all campaigns, and
	// suppresses their numbers. Errors: campaign.ErrNotFound when nothing is known, and
	// ErrUnderWay. With try it only counts.
	Erase(ctx context.Context, by Actor, number string, try bool) (Erased, error)
}

// Erase removes the data of everybody with the number, given in E.164 digits.
func Erase(ctx context.Context, store EraseStore, by Actor, number string, try bool) (Erased, error) {
	if err := by.may(Admin); err != nil {
		return Erased{}, err
	}
	return store.Erase(ctx, by, number, try)
}
