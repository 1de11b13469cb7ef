package jobs

import (
	"sync"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/uuid"
)

// tokenCache signs each token once. Attempts that passed the gate within a second
// share one, because signing costs half of a call's processor time.
type tokenCache struct {
	sign func(voice.Token) (voice.SignedToken, error)

	mu     sync.Mutex
	signed map[uuid.UUID]*signedToken
}

// signedToken is a token that the first caller to ask for it signs.
type signedToken struct {
	text    func() (voice.SignedToken, error)
	expires time.Time // the process may keep it until then
}

// of returns the token of an attempt that has passed the gate.
func (c *tokenCache) of(a campaign.Attempt) (voice.SignedToken, error) {
	return c.token(a, time.Now()).text()
}

func (c *tokenCache) token(a campaign.Attempt, now time.Time) *signedToken {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.signed[a.TokenID]; ok {
		return known
	}
	for id, old := range c.signed {
		if old.expires.Before(now) {
			delete(c.signed, id)
		}
	}
	if c.signed == nil {
		c.signed = map[uuid.UUID]*signedToken{}
	}
	t := &signedToken{
		expires: now.Add(a.TokenExpiresAt.Sub(a.DialedAt)),
		text: sync.OnceValues(func() (voice.SignedToken, error) {
			return c.sign(voice.Token{
				ID: a.TokenID.String(), IssuedAt: a.DialedAt.Add(-IssuedBefore),
				//guard:value(a.TokenExpiresAt.Add(time.Hour)) jobs.TestTokenCacheTimesOfTheGate: the token expires when the gate said
				ExpiresAt: a.TokenExpiresAt,
			})
		}),
	}
	c.signed[a.TokenID] = t
	return t
}
