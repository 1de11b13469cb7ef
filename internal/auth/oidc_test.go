package auth_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"dialer/internal/auth"
	"dialer/internal/testkit/oidctest"
	"dialer/internal/testkit/require"
)

const backTo = "http://127.0.0.1:9/login/oidc/callback"

func newOIDC(p *oidctest.Provider, claim string) *auth.OIDC {
	return auth.NewOIDC(auth.OIDCConfig{
		Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, RedirectURL: backTo, RoleClaim: claim, Scopes: []string{"profile"},
	})
}

// begin goes to the provider, and returns the provider's answer.
func begin(t *testing.T, o *auth.OIDC) (kept string, back url.Values) {
	t.Helper()
	address, kept, err := o.Begin(t.Context())
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := (&http.Transport{}).RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	to, err := response.Location()
	if err != nil {
		t.Fatalf("%d at %s: %v", response.StatusCode, address, err)
	}
	return kept, to.Query()
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	o := newOIDC(p, "groups")
	p.Says(map[string]any{"sub": "7", "preferred_username": "ann", "groups": []string{"staff", "ops"}})
	kept, back := begin(t, o)
	who, err := o.Finish(t.Context(), kept, back)
	if err != nil || who.Issuer != p.URL || who.Subject != "7" || who.Name != "ann" || !slices.Equal(who.Groups, []string{"staff", "ops"}) {
		t.Fatalf("%+v, %v", who, err)
	}
	if _, err := o.Finish(t.Context(), kept, back); !errors.Is(err, auth.ErrLoginRefused) {
		t.Errorf("a code that was used: %v", err)
	}
}

// Everything that the provider did not say, in this login to this browser, is refused.
func TestOIDCForged(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	o := newOIDC(p, "groups")
	forge := func(change func(claims map[string]any)) {
		p.Says(map[string]any{"sub": "7"})
		p.Forge(change)
	}
	refused := func(what, kept string, back url.Values) {
		t.Helper()
		if who, err := o.Finish(t.Context(), kept, back); !errors.Is(err, auth.ErrLoginRefused) {
			t.Errorf("%s: %+v, %v", what, who, err)
		}
	}
	for what, change := range map[string]func(claims map[string]any){
		"another's audience": func(c map[string]any) { c["aud"] = "another" },
		"another issuer":     func(c map[string]any) { c["iss"] = "https://another.example" },
		"expired":            func(c map[string]any) { c["exp"] = 1 },
		"another nonce":      func(c map[string]any) { c["nonce"] = "another" },
		"no nonce":           func(c map[string]any) { delete(c, "nonce") },
		"nobody":             func(c map[string]any) { delete(c, "sub") },
	} {
		forge(change)
		kept, back := begin(t, o)
		refused(what, kept, back)
	}
	forge(nil)
	kept, back := begin(t, o)
	other, _ := begin(t, o)
	refused("another browser's login", other, back)
	refused("no cookie", "", back)
	refused("an empty state", "..", url.Values{"code": back["code"]})
	refused("no code", kept, url.Values{"state": back["state"], "error": {"access_denied"}})
	kept, back = begin(t, o)
	back.Set("code", "guessed")
	refused("a guessed code", kept, back)
	p.SignWithAnother(t)
	kept, back = begin(t, o)
	refused("another's signature", kept, back)
}

func TestOIDCGroups(t *testing.T) {
	t.Parallel()
	p := oidctest.New(t)
	for _, c := range []struct {
		claim string
		says  map[string]any
		name  string
		want  []string
	}{
		{"role", map[string]any{"role": "admin"}, "7", []string{"admin"}},
		{"role", map[string]any{"role": map[string]any{"a": 1}}, "7", nil},
		{"groups", map[string]any{"email": "ann@example.com", "email_verified": true}, "ann@example.com", nil},
		{"email", map[string]any{"email": "ann@example.com", "email_verified": true}, "ann@example.com", []string{"ann@example.com"}},
		{"email", map[string]any{"email": "ann@example.com"}, "7", nil},
	} {
		c.says["sub"] = "7"
		p.Says(c.says)
		o := newOIDC(p, c.claim)
		kept, back := begin(t, o)
		who, err := o.Finish(t.Context(), kept, back)
		if err != nil || who.Name != c.name || !slices.Equal(who.Groups, c.want) {
			t.Errorf("%v: %+v, %v", c.says, who, err)
		}
	}
}

func TestOIDCProviderAway(t *testing.T) {
	t.Parallel()
	o := auth.NewOIDC(auth.OIDCConfig{Issuer: "http://127.0.0.1:1"})
	if _, _, err := o.Begin(t.Context()); err == nil || errors.Is(err, auth.ErrLoginRefused) {
		t.Errorf("a provider that is away: %v", err)
	}
}
