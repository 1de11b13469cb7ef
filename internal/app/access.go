package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Token describes the token of a program that uses the API. The token itself is stored
// nowhere.
type Token struct {
	Name       string    `json:"name"`
	Role       Role      `json:"role"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"` // to the minute
}

// Actor is who changes something with the token.
func (t Token) Actor() Actor { return Actor{Name: t.Name, Role: t.Role, Through: ThroughAPI} }

// User is a person who may log in at the pages.
type User struct {
	ID        int64     `json:"-"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	CreatedAt time.Time `json:"created_at"`
	Password  string    `json:"-"`                // its hash; "": the person logs in at Issuer
	Issuer    string    `json:"issuer,omitempty"` // the OpenID Connect provider
	Subject   string    `json:"-"`                // the person's id there
}

// Actor is who changes something at the pages.
func (u User) Actor() Actor { return Actor{Name: u.Name, Role: u.Role, Through: ThroughPage} }

// ErrTaken means that a token or a user of that name exists already.
var ErrTaken = errors.New("the name is taken; remove it first, or choose another")

// ErrRemoved means that an admin removed the person here, whatever the provider says.
var ErrRemoved = errors.New("an admin removed you here; `dialer user restore NAME` lets you in again")

// AdminTokenName is the actor's name in the audit for requests with DIALER_ADMIN_TOKEN.
const AdminTokenName = "DIALER_ADMIN_TOKEN"

// AccessStore keeps tokens, users and sessions. Its changes are audited.
type AccessStore interface {
	AddToken(ctx context.Context, by Actor, t Token, sha256 []byte) error // ErrTaken
	RemoveToken(ctx context.Context, by Actor, name string) error         // campaign.ErrNotFound
	Tokens(ctx context.Context) ([]Token, error)
	// TokenOf finds the token with the hash, and notes that it was used;
	// campaign.ErrNotFound if it was removed.
	TokenOf(ctx context.Context, sha256 []byte) (Token, error)

	AddUser(ctx context.Context, by Actor, u User) error // ErrTaken
	RemoveUser(ctx context.Context, by Actor, name string) error
	Users(ctx context.Context) ([]User, error)
	UserNamed(ctx context.Context, name string) (User, error)

	// KnowUser finds or creates the user with u's issuer and subject, and gives it u's
	// role. It returns ErrRemoved, or ErrTaken when another user has the name.
	KnowUser(ctx context.Context, u User) (User, error)
	// RestoreUser lets a removed person log in at the provider again.
	RestoreUser(ctx context.Context, by Actor, name string) error

	BeginSession(ctx context.Context, u User, sha256 []byte, life time.Duration) error
	EndSession(ctx context.Context, sha256 []byte) error // nil when there is none
	// UserOf finds the user of a session; campaign.ErrNotFound when the session is over.
	UserOf(ctx context.Context, sha256 []byte) (User, error)
}

// Access has the use cases of tokens and users.
type Access struct{ Store AccessStore }

// maxActorName is the longest name that the tables take.
const maxActorName = 100

func checkActorName(name string) error {
	switch {
	case strings.TrimSpace(name) != name || name == "" || utf8.RuneCountInString(name) > maxActorName:
		return fmt.Errorf("a name needs 1 to %d characters, and no blank around them", maxActorName)
	case name == AdminTokenName || name == Dialer.Name:
		return fmt.Errorf("%q is what the audit calls another; choose another name", name)
	}
	return nil
}

// AddToken stores a token by its hash.
func (a Access) AddToken(ctx context.Context, by Actor, name string, role Role, hash []byte) error {
	if err := errors.Join(by.may(Admin), checkActorName(name)); err != nil {
		return err
	}
	return a.Store.AddToken(ctx, by, Token{Name: name, Role: role}, hash)
}

// RemoveToken ends a token at once.
func (a Access) RemoveToken(ctx context.Context, by Actor, name string) error {
	if err := by.may(Admin); err != nil {
		return err
	}
	return a.Store.RemoveToken(ctx, by, name)
}

// AddUser lets a person log in with a password; hash is its hash.
func (a Access) AddUser(ctx context.Context, by Actor, name string, role Role, hash string) error {
	if err := errors.Join(by.may(Admin), checkActorName(name)); err != nil {
		return err
	}
	return a.Store.AddUser(ctx, by, User{Name: name, Role: role, Password: hash})
}

// RemoveUser ends a person's sessions and no longer lets them in.
func (a Access) RemoveUser(ctx context.Context, by Actor, name string) error {
	if err := by.may(Admin); err != nil {
		return err
	}
	return a.Store.RemoveUser(ctx, by, name)
}

// RestoreUser lets a person in again who logs in at a provider and was removed.
func (a Access) RestoreUser(ctx context.Context, by Actor, name string) error {
	if err := by.may(Admin); err != nil {
		return err
	}
	return a.Store.RestoreUser(ctx, by, name)
}

// ComeIn returns the user that a provider vouches for, with the role that the provider
// gives.
func (a Access) ComeIn(ctx context.Context, u User) (User, error) {
	if err := checkActorName(u.Name); err != nil {
		return User{}, fmt.Errorf("the provider calls you %q: %w", u.Name, err)
	}
	//guard:false internal/dashboard.TestOIDC: who is in no group that has a role is refused
	if !slices.Contains(roles, u.Role) {
		return User{}, fmt.Errorf("%w: nothing that the provider says of you has a role here (DIALER_OIDC_ROLES)", ErrForbidden)
	}
	return a.Store.KnowUser(ctx, u)
}
