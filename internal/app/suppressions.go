package app

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Suppression is a number that must not be called, in any campaign.
type Suppression struct {
	Number    string // E.164 digits
	Source    string // who says so: a person, a file, a list
	Note      string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
}

// SuppressionStore keeps the list. Changes are audited with masked numbers.
type SuppressionStore interface {
	// Suppress adds numbers, or replaces what is known of them, and returns how
	// many are new. It takes effect at its commit, a batch at a time.
	Suppress(ctx context.Context, by Actor, list []Suppression) (added int, err error)
	// Unsuppress is campaign.ErrNotFound when the number is not on the list.
	Unsuppress(ctx context.Context, by Actor, number string) error
	Suppressions(ctx context.Context) iter.Seq2[Suppression, error]
}

// Suppressions are what people do with the list of numbers not to be called.
type Suppressions struct{ Store SuppressionStore }

// Add suppresses the numbers and returns how many are new.
func (s Suppressions) Add(ctx context.Context, by Actor, list []Suppression) (added int, err error) {
	if err := by.may(Operator); err != nil {
		return 0, err
	}
	return s.Store.Suppress(ctx, by, list)
}

// Remove takes numbers off the list. Its error names a number by its position.
func (s Suppressions) Remove(ctx context.Context, by Actor, numbers []string) error {
	if err := by.may(Operator); err != nil {
		return err
	}
	for i, number := range numbers {
		if err := s.Store.Unsuppress(ctx, by, number); err != nil {
			return fmt.Errorf("number %d: %w", i+1, err)
		}
	}
	return nil
}

// List streams the list in the order of its numbers, expired entries too.
func (s Suppressions) List(ctx context.Context) iter.Seq2[Suppression, error] {
	return s.Store.Suppressions(ctx)
}
