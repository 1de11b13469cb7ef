package app

import (
	"context"
	"errors"
)

// Erased is how much an erasure found of a person: rows that were emptied and stay.
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

// ErrUnderWay: a call to the person is not over, or not settled.
var ErrUnderWay = errors.New("a call to this person is not over, or not settled: hang it up or wait, and erase then")

// EraseStore forgets persons.
type EraseStore interface {
	// Erase forgets whoever has the number, in all campaigns, and suppresses their
	// numbers. It is campaign.ErrNotFound when nothing is known, and ErrUnderWay.
	// With try it only counts.
	Erase(ctx context.Context, by Actor, number string, try bool) (Erased, error)
}

// Erase removes the data of everybody with the number, given in E.164 digits.
func Erase(ctx context.Context, store EraseStore, by Actor, number string, try bool) (Erased, error) {
	if err := by.may(Admin); err != nil {
		return Erased{}, err
	}
	return store.Erase(ctx, by, number, try)
}
