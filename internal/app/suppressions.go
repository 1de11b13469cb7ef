package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"dialer/campaign"
)

// Suppression is a number that must not be called: in any campaign, in one campaign, or
// in the campaigns of one purpose.
type Suppression struct {
	ID        int64
	Number    string // E.164 digits
	Source    string // who says so: a person, a file, a list
	Note      string
	Campaign  string // the name of the campaign it applies to
	Purpose   string // of the campaigns it applies to; without a campaign and a purpose it applies to all
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

// Scope is where the suppression applies.
func (s Suppression) Scope() string {
	switch {
	case s.Campaign != "":
		return ScopeCampaign
	case s.Purpose != "":
		return ScopePurpose
	}
	return ScopeAll
}

// Suppressed counts the results of suppressing numbers.
type Suppressed struct {
	Added     int // not suppressed before
	Extended  int // suppressed for longer than before
	Shortened int // for a shorter time than before, as requested
	Same      int // suppressed in the same way before
	Kept      int // suppressed for longer, which stays
	// ID is the suppression of a single number that is in effect now: a new one, if it
	// was added.
	ID int64
}

// Plus is the sum of two.
func (c Suppressed) Plus(o Suppressed) Suppressed {
	return Suppressed{c.Added + o.Added, c.Extended + o.Extended, c.Shortened + o.Shortened, c.Same + o.Same, c.Kept + o.Kept, cmp.Or(o.ID, c.ID)}
}

// Count counts what happens to s and reports whether s replaces the entry in
// onList.
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

// longer reports whether suppression a ends after b.
func longer(a, b Suppression) bool {
	return !b.ExpiresAt.IsZero() && (a.ExpiresAt.IsZero() || a.ExpiresAt.After(b.ExpiresAt))
}

// SuppressionStore keeps the list. Changes are audited with masked numbers.
type SuppressionStore interface {
	// Suppress adds numbers, all of one scope; campaign.ErrNotFound if no campaign has
	// that name. A number that is suppressed for longer stays so, unless shorten says
	// otherwise. Each batch takes effect at its commit.
	Suppress(ctx context.Context, by Actor, list []Suppression, shorten bool) (Suppressed, error)
	// Lift ends the one suppression that which selects; campaign.ErrNotFound if there is
	// none.
	Lift(ctx context.Context, by Actor, which Lift) (Suppression, error)
	// UndoSuppression takes back a suppression that the actor has just added. Contacts
	// that ended only because of it are called again: restored is how many.
	UndoSuppression(ctx context.Context, by Actor, id int64) (restored int, err error)
	Suppressions(ctx context.Context) iter.Seq2[Suppression, error]
	EndedSuppressions(ctx context.Context) iter.Seq2[Suppression, error]
}

// Lift selects a suppression: by its id, or by a number and a scope. Without a scope it
// is the number's only suppression.
type Lift struct {
	ID       int64
	Number   string
	Scope    string // all, campaign or purpose; "": any
	Campaign string // the name, for a campaign's suppression
	Purpose  string // the word, for a purpose's suppression
}

// check refuses a scope that does not exist.
func (l *Lift) check() error {
	if l.Campaign != "" && l.Purpose != "" {
		return errTwoScopes
	}
	switch {
	case l.Campaign != "":
		l.Scope = cmp.Or(l.Scope, ScopeCampaign)
	case l.Purpose != "":
		l.Scope = cmp.Or(l.Scope, ScopePurpose)
	}
	if l.Scope != "" && l.Scope != ScopeAll && l.Scope != ScopeCampaign && l.Scope != ScopePurpose {
		return fmt.Errorf("scope %q: want all, campaign or purpose", l.Scope)
	}
	if l.Campaign != "" && l.Scope != ScopeCampaign || l.Purpose != "" && l.Scope != ScopePurpose {
		return fmt.Errorf("scope %s, and the name of another one: leave one of them out", l.Scope)
	}
	return campaign.CheckPurpose(l.Purpose)
}

// Where says in words where a suppression applies.
func (s Suppression) Where() string {
	switch s.Scope() {
	case ScopeCampaign:
		return "in the campaign " + s.Campaign
	case ScopePurpose:
		return "for the purpose " + s.Purpose
	}
	return "in all campaigns"
}

// SeveralError: a number is suppressed in more than one scope, and the request did not
// say which.
type SeveralError struct{ Found []Suppression }

func (e SeveralError) Error() string {
	var list []string
	for _, s := range e.Found {
		list = append(list, s.Where())
	}
	return "nothing was lifted: the number is suppressed " + strings.Join(list, ", and ") + ": say which one is meant"
}

// Suppressions has the use cases of the list of numbers not to be called.
type Suppressions struct{ Store SuppressionStore }

var errTwoScopes = errors.New("of one campaign, or of one purpose; leave one of them out")

// check refuses a suppression that cannot exist.
func (s Suppression) check() error {
	if s.Campaign != "" && s.Purpose != "" {
		return errTwoScopes
	}
	return campaign.CheckPurpose(s.Purpose)
}

// Add suppresses the numbers, all of one scope. It never shortens a suppression, unless
// shorten is set.
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

// Lift takes a number off the list, in one scope.
func (s Suppressions) Lift(ctx context.Context, by Actor, which Lift) (Suppression, error) {
	if err := by.may(Operator); err != nil {
		return Suppression{}, err
	}
	if err := which.check(); err != nil {
		return Suppression{}, err
	}
	return s.Store.Lift(ctx, by, which)
}

// Undo takes back a suppression that the actor has just added.
func (s Suppressions) Undo(ctx context.Context, by Actor, id int64) (restored int, err error) {
	if err := by.may(Operator); err != nil {
		return 0, err
	}
	return s.Store.UndoSuppression(ctx, by, id)
}

// List streams the list in the order of its numbers, expired entries too.
func (s Suppressions) List(ctx context.Context) iter.Seq2[Suppression, error] {
	return s.Store.Suppressions(ctx)
}

// ListEnded streams the suppressions that were lifted or replaced.
func (s Suppressions) ListEnded(ctx context.Context) iter.Seq2[Suppression, error] {
	return s.Store.EndedSuppressions(ctx)
}
