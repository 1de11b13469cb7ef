package app

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// Hook is the address of a program that gets messages about what happens.
type Hook struct {
	ID           int64     `json:"id"`
	URL          string    `json:"url"`
	AllowPrivate bool      `json:"allow_private"` // it may be at an address that is not on the internet
	CreatedAt    time.Time `json:"created_at"`
	Pending      int       `json:"pending"` // messages that are not delivered yet
	Dead         int       `json:"dead"`    // messages that are no longer tried
}

// FailedMessage is a message that could not be delivered.
type FailedMessage struct {
	ID      uuid.UUID  `json:"id"`
	Hook    int64      `json:"hook"`
	Type    string     `json:"type"`
	Topic   string     `json:"topic"` // such as contact 7
	At      time.Time  `json:"at"`
	Tries   int        `json:"tries"`
	Failure string     `json:"failure"`
	NextTry *time.Time `json:"next_try"` // nil: none
}

// HookStore keeps hooks and their messages that are not delivered yet. Changes are
// audited.
type HookStore interface {
	AddHook(ctx context.Context, by Actor, h Hook, secret string) (Hook, error)
	RemoveHook(ctx context.Context, by Actor, id int64) error
	// RotateHook replaces a hook's secret. For the time overlap the old secret signs too.
	RotateHook(ctx context.Context, by Actor, id int64, secret string, overlap time.Duration) error
	Hooks(ctx context.Context) ([]Hook, error)
	FailedMessages(ctx context.Context, limit int) ([]FailedMessage, error)
	// ResendMessages makes messages be tried again: the one with the id, or all dead ones
	// of the hook.
	ResendMessages(ctx context.Context, by Actor, hook int64, id uuid.UUID) (int, error)
}

// Hooks has the use cases of webhooks out.
type Hooks struct{ Store HookStore }

// secretOverlap is how long an old secret still signs.
const secretOverlap = 24 * time.Hour

// Add adds a hook whose messages are signed with the secret.
func (h Hooks) Add(ctx context.Context, by Actor, address string, allowPrivate bool, secret string) (Hook, error) {
	if err := by.may(Admin); err != nil {
		return Hook{}, err
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return Hook{}, errors.New("want an absolute address, such as https://crm.example.com/dialer")
	case u.User != nil || u.Fragment != "":
		return Hook{}, errors.New("the address must have no user, no password and no fragment")
	//guard:false internal/notify.TestHookAddresses: what happens is not told in the clear over the internet
	case u.Scheme == "http" && !allowPrivate:
		return Hook{}, errors.New("plain http shows names and numbers to whoever is between: use https, or --allow-private for an address of your own network")
	}
	return h.Store.AddHook(ctx, by, Hook{URL: address, AllowPrivate: allowPrivate}, secret)
}

// Remove ends a hook, and drops its undelivered messages.
func (h Hooks) Remove(ctx context.Context, by Actor, id int64) error {
	if err := by.may(Admin); err != nil {
		return err
	}
	return h.Store.RemoveHook(ctx, by, id)
}

// Rotate gives a hook another secret. For a day the old secret signs too.
func (h Hooks) Rotate(ctx context.Context, by Actor, id int64, secret string) error {
	if err := by.may(Admin); err != nil {
		return err
	}
	return h.Store.RotateHook(ctx, by, id, secret, secretOverlap)
}

// Resend makes messages be tried again.
func (h Hooks) Resend(ctx context.Context, by Actor, hook int64, id uuid.UUID) (int, error) {
	if err := by.may(Admin); err != nil {
		return 0, err
	}
	return h.Store.ResendMessages(ctx, by, hook, id)
}
