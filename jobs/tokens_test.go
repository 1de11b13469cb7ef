package jobs

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestTokenCacheSharedTokenIsSignedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var signed atomic.Int64
		c := tokenCache{sign: func(token voice.Token) (voice.SignedToken, error) {
			signed.Add(1)
			return voice.SignedToken{Token: token}, nil
		}}
		pass := func() campaign.Attempt {
			return campaign.Attempt{ID: uuid.New(), TokenID: uuid.New(), DialedAt: time.Now(), TokenExpiresAt: time.Now().Add(30 * time.Second)}
		}
		first, other := pass(), pass()
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				together := first
				together.ID = uuid.New()
				got, err := c.of(together)
				if err != nil || got.ID != first.TokenID.String() {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		wg.Wait()
		_, err := c.of(other)
		require.NoError(t, err)
		if got := signed.Load(); got != 2 || len(c.signed) != 2 {
			t.Errorf("%d tokens are signed and %d kept, want 2", got, len(c.signed))
		}
		time.Sleep(31 * time.Second)
		_, err = c.of(pass())
		require.NoError(t, err)
		if len(c.signed) != 1 {
			t.Errorf("%d tokens are kept, want those that have not expired", len(c.signed))
		}
	})
}

func TestTokenCacheTimesOfTheGate(t *testing.T) {
	t.Parallel()
	var got voice.Token
	c := tokenCache{sign: func(token voice.Token) (voice.SignedToken, error) {
		got = token
		return voice.SignedToken{Token: token}, nil
	}}
	gate := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	a := campaign.Attempt{ID: uuid.New(), TokenID: uuid.New(), DialedAt: gate, TokenExpiresAt: gate.Add(30 * time.Second)}
	_, err := c.of(a)
	require.NoError(t, err)
	want := voice.Token{ID: a.TokenID.String(), IssuedAt: gate.Add(-IssuedBefore), ExpiresAt: a.TokenExpiresAt}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
