package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// OIDCConfig is the OpenID Connect provider at which people log in.
type OIDCConfig struct {
	Issuer, ClientID, ClientSecret string
	RedirectURL                    string   // where the provider sends browsers back to
	Scopes                         []string // beside openid
	RoleClaim                      string   // the claim whose text, or list of texts, says what a person may do
}

// Identity is the person who logged in, as the provider describes them.
type Identity struct {
	Issuer, Subject string   // together they never change, and nobody else gets them
	Name            string   // for people to read
	Groups          []string // the values of the role claim
}

// ErrLoginRefused means that the provider did not say who logged in, or that its answer
// cannot be trusted. The error's text may be shown.
var ErrLoginRefused = errors.New("the login was refused")

func loginRefused(why string) error { return fmt.Errorf("%w: %s", ErrLoginRefused, why) }

// OIDC lets people log in at a provider, by the code flow with PKCE.
type OIDC struct {
	config OIDCConfig
	client *http.Client

	mu       sync.Mutex
	provider *oidc.Provider // nil until the provider was asked for its addresses
}

const (
	oidcTimeout = 10 * time.Second
	maxOIDCBody = 1 << 20
)

// NewOIDC makes an OIDC. The provider is asked for its addresses when the first person
// logs in, so that a provider that is away delays no calls.
func NewOIDC(c OIDCConfig) *OIDC {
	return &OIDC{config: c, client: &http.Client{Timeout: oidcTimeout, Transport: bounded{http.DefaultTransport}}}
}

// bounded bounds the length of answers.
type bounded struct{ next http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxOIDCBody), response.Body}
	return response, nil
}

// Issuer is the provider's name: its address.
func (o *OIDC) Issuer() string { return o.config.Issuer }

func (o *OIDC) discover(ctx context.Context) (*oidc.Provider, error) {
	o.mu.Lock()
	provider := o.provider
	o.mu.Unlock()
	if provider != nil {
		return provider, nil
	}
	provider, err := oidc.NewProvider(ctx, o.config.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the OIDC provider for its addresses: %w", err)
	}
	o.mu.Lock()
	o.provider = provider
	o.mu.Unlock()
	return provider, nil
}

func (o *OIDC) oauth(p *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.config.ClientID, ClientSecret: o.config.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: o.config.RedirectURL,
		Scopes: append([]string{oidc.ScopeOpenID}, o.config.Scopes...),
	}
}

// Begin begins a login. The browser must keep kept for Finish, and go to the address.
func (o *OIDC) Begin(ctx context.Context) (address, kept string, err error) {
	provider, err := o.discover(oidc.ClientContext(ctx, o.client))
	if err != nil {
		return "", "", err
	}
	state, _ := NewSecret()
	nonce, _ := NewSecret()
	verifier := oauth2.GenerateVerifier()
	address = o.oauth(provider).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	return address, strings.Join([]string{state, nonce, verifier}, "."), nil
}

// Finish finds out who logged in, from what the browser kept and brings back. It returns
// ErrLoginRefused unless the provider answered this browser, in this login.
func (o *OIDC) Finish(ctx context.Context, kept string, back url.Values) (Identity, error) {
	parts := strings.Split(kept, ".")
	//guard:false internal/auth.TestOIDCForged: a login that this browser did not begin is refused
	if len(parts) != 3 || parts[0] == "" || !Same(parts[0], back.Get("state")) {
		return Identity{}, loginRefused("it was not begun in this browser, or more than ten minutes ago; begin again")
	}
	if back.Get("code") == "" {
		return Identity{}, loginRefused("the provider let nobody in")
	}
	ctx = oidc.ClientContext(ctx, o.client)
	provider, err := o.discover(ctx)
	if err != nil {
		return Identity{}, err
	}
	token, err := o.oauth(provider).Exchange(ctx, back.Get("code"), oauth2.VerifierOption(parts[2]))
	if err != nil {
		if said, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
			return Identity{}, loginRefused("the provider did not take its own code: " + said.ErrorCode)
		}
		return Identity{}, fmt.Errorf("exchange the code at the OIDC provider: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: o.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Identity{}, loginRefused("what the provider says of you cannot be believed: " + err.Error())
	}
	//guard:false internal/auth.TestOIDCForged: an answer to another login is refused
	if !Same(id.Nonce, parts[1]) {
		return Identity{}, loginRefused("the provider's answer belongs to another login; begin again")
	}
	return o.identity(id)
}

func (o *OIDC) identity(id *oidc.IDToken) (Identity, error) {
	var claims map[string]json.RawMessage
	if err := id.Claims(&claims); err != nil || id.Subject == "" {
		return Identity{}, loginRefused("the provider does not say who you are")
	}
	text := func(claim string) (s string) {
		_ = json.Unmarshal(claims[claim], &s) // "" if it is not a text
		return s
	}
	var verified bool
	_ = json.Unmarshal(claims["email_verified"], &verified)
	who := Identity{Issuer: id.Issuer, Subject: id.Subject, Name: text("preferred_username")}
	if who.Name == "" && verified {
		who.Name = text("email")
	}
	if who.Name == "" {
		who.Name = id.Subject
	}
	//guard:false internal/auth.TestOIDCGroups: an email address that was not verified gives no role
	if o.config.RoleClaim == "email" && !verified {
		return who, nil
	}
	if _ = json.Unmarshal(claims[o.config.RoleClaim], &who.Groups); who.Groups == nil && text(o.config.RoleClaim) != "" {
		who.Groups = []string{text(o.config.RoleClaim)}
	}
	return who, nil
}
