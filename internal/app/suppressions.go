package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"dialer/campaign"
)

// Suppression is a number that must not be called: in any campaign, in one, or in
// those of one purpose.
type Suppression struct {
	Number    string // E.164 digits
	Source    string // who says so: a person, a file, a list
	Note      string
	Campaign  string // the name of the one that it is of
	Purpose   string // of the campaigns that it is of; with no campaign either it is of all
	Invalid   bool   // Vonage said that there is no such number; it ends by itself
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	EndedAt   time.Time // when it was lifted or replaced; zero: it was not
}

// The scopes of a suppression.
const (
	ScopeAll      = "all"
	ScopeCampaign = "campaign"
	ScopePurpose  = "purpose"
)

// Scope is where the suppression holds.
func (s Suppression) Scope() string {
	switch {
	case s.Campaign != "":
		return ScopeCampaign
	case s.Purpose != "":
		return ScopePurpose
	}
	return ScopeAll
}

// Suppressed counts what became of numbers that were to be suppressed.
type Suppressed struct {
	Added     int // not suppressed before
	Extended  int // suppressed for longer than before
	Shortened int // for less long than before, because that was asked for
	Same      int // suppressed so before
	Kept      int // suppressed for longer, which stays
}

// Plus is the sum of two.
func (c Suppressed) Plus(o Suppressed) Suppressed {
	return Suppressed{c.Added + o.Added, c.Extended + o.Extended, c.Shortened + o.Shortened, c.Same + o.Same, c.Kept + o.Kept}
}

// Count counts what becomes of s, of which onList has what stands on the list at
// now, and reports whether s replaces that.
func (c *Suppressed) Count(s Suppression, onList map[string]Suppression, shorten bool, now time.Time) (replaces bool) {
	h, known := onList[s.Number]
	switch over := known && !h.ExpiresAt.IsZero() && !h.ExpiresAt.After(now); {
	case !known || over:
		c.Added++
	case s.ExpiresAt.Equal(h.ExpiresAt):
		c.Same++
		return false
	case longer(s, h):
		c.Extended++
	//guard:true internal/app.TestSuppressedCount: a later suppression shortens no longer one
	case shorten:
		c.Shortened++
	default:
		c.Kept++
		return false
	}
	return true
}

// longer reports whether a ends after b.
func longer(a, b Suppression) bool {
	return !b.ExpiresAt.IsZero() && (a.ExpiresAt.IsZero() || a.ExpiresAt.After(b.ExpiresAt))
}

// SuppressionStore keeps the list. Changes are audited with masked numbers.
type SuppressionStore interface {
	// Suppress adds numbers, all of one scope; campaign.ErrNotFound where no campaign
	// has its name. One that is suppressed for longer stays so, unless
	// shorten says otherwise. It takes effect at its commit, a batch at a time.
	Suppress(ctx context.Context, by Actor, list []Suppression, shorten bool) (Suppressed, error)
	// Unsuppress is campaign.ErrNotFound when the number is not on the list.
	Unsuppress(ctx context.Context, by Actor, number string) error
	Suppressions(ctx context.Context) iter.Seq2[Suppression, error]
	EndedSuppressions(ctx context.Context) iter.Seq2[Suppression, error]
}

// Suppressions are what people do with the list of numbers not to be called.
type Suppressions struct{ Store SuppressionStore }

// check refuses what no suppression can be of.
func (s Suppression) check() error {
	if s.Campaign != "" && s.Purpose != "" {
		return errors.New("of one campaign, or of one purpose; leave one of them out")
	}
	return campaign.CheckPurpose(s.Purpose)
}

// Add suppresses the numbers, all of one scope. A later word shortens no suppression, unless
// shorten says so.
func (s Suppressions) Add(ctx context.Context, by Actor, list []Suppression, shorten bool) (Suppressed, error) {
	if err := by.may(Operator); err != nil {
		return Suppressed{}, err
	}
	if len(list) > 0 {
		if err := list[0].check(); err != nil {
			return Suppressed{}, err
		}
	}
	return s.Store.Suppress(ctx, by, list, shorten)
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

// ListEnded streams those that were lifted or replaced.
func (s Suppressions) ListEnded(ctx context.Context) iter.Seq2[Suppression, error] {
	return s.Store.EndedSuppressions(ctx)
}
