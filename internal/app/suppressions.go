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

// Suppression is a number that must not be called: in any campaign, in one, or in
// those of one purpose.
type Suppression struct {
	ID        int64
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
	// ID is, of one number, the suppression that stands now: a new one, if it was added.
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
	// Lift ends the one suppression that is meant; campaign.ErrNotFound where there is
	// none.
	Lift(ctx context.Context, by Actor, which Lift) (Suppression, error)
	// UndoSuppression takes back one that the actor has just added. Contacts that ended
	// because of it, and have no other reason to, are called again: restored is how many.
	UndoSuppression(ctx context.Context, by Actor, id int64) (restored int, err error)
	Suppressions(ctx context.Context) iter.Seq2[Suppression, error]
	EndedSuppressions(ctx context.Context) iter.Seq2[Suppression, error]
}

// Lift says which suppression is meant: by its id; or that of a number, in the scope
// that is named. Without a scope it is the only one that the number has.
type Lift struct {
	ID       int64
	Number   string
	Scope    string // all, campaign or purpose; "": where it holds is not asked
	Campaign string // the name, where it is of one
	Purpose  string // the word, where it is of one
}

// check refuses a scope that is none.
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

// Where says for a person where a suppression holds.
func (s Suppression) Where() string {
	switch s.Scope() {
	case ScopeCampaign:
		return "in the campaign " + s.Campaign
	case ScopePurpose:
		return "for the purpose " + s.Purpose
	}
	return "in all campaigns"
}

// SeveralError: a number is suppressed in more than one scope, and which one is meant was
// not said.
type SeveralError struct{ Found []Suppression }

func (e SeveralError) Error() string {
	var list []string
	for _, s := range e.Found {
		list = append(list, s.Where())
	}
	return "nothing was lifted: the number is suppressed " + strings.Join(list, ", and ") + ": say which one is meant"
}

// Suppressions are what people do with the list of numbers not to be called.
type Suppressions struct{ Store SuppressionStore }

var errTwoScopes = errors.New("of one campaign, or of one purpose; leave one of them out")

// check refuses what no suppression can be of.
func (s Suppression) check() error {
	if s.Campaign != "" && s.Purpose != "" {
		return errTwoScopes
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

// ListEnded streams those that were lifted or replaced.
func (s Suppressions) ListEnded(ctx context.Context) iter.Seq2[Suppression, error] {
	return s.Store.EndedSuppressions(ctx)
}
