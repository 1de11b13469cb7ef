package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/dashboard"
)

// oidcFlags are the OpenID Connect provider at which people log in.
type oidcFlags struct {
	Issuer       string            `name:"oidc-issuer" env:"DIALER_OIDC_ISSUER" placeholder:"URL" help:"The OpenID Connect provider at which people log in at the pages, such as https://login.example.com (default: passwords only)."`
	ClientID     string            `name:"oidc-client-id" env:"DIALER_OIDC_CLIENT_ID" placeholder:"ID" help:"The dialer's client id at the provider."`
	ClientSecret string            `name:"oidc-client-secret" env:"DIALER_OIDC_CLIENT_SECRET" secret:"" placeholder:"SECRET" help:"The dialer's client secret at the provider; empty for a public client."`
	RoleClaim    string            `name:"oidc-role-claim" env:"DIALER_OIDC_ROLE_CLAIM" default:"groups" placeholder:"CLAIM" help:"The claim of the ID token, a text or a list of texts, that says what a person may do (default: ${default})."`
	Roles        map[string]string `name:"oidc-roles" env:"DIALER_OIDC_ROLES" mapsep:"," placeholder:"VALUE=ROLE,..." help:"Which role a value of that claim has, such as dialer-admins=admin,support=operator,staff=viewer. Who has no such value is refused."`
	Scopes       []string          `name:"oidc-scopes" env:"DIALER_OIDC_SCOPES" default:"profile,email" placeholder:"SCOPE,..." help:"What is asked for beside openid. Some providers want groups too (default: ${default})."`
	AdminURL     string            `name:"admin-url" env:"DIALER_ADMIN_URL" placeholder:"URL" help:"Where browsers reach the pages, such as https://dialer.example.com. The provider sends them back to /login/oidc/callback there."`
}

// validate requires all of the settings or none.
func (f oidcFlags) validate() error {
	if f.Issuer == "" {
		if f.ClientID != "" || len(f.Roles) > 0 {
			return errors.New("--oidc-issuer (DIALER_OIDC_ISSUER) is needed beside DIALER_OIDC_CLIENT_ID and DIALER_OIDC_ROLES")
		}
		return nil
	}
	err := errors.Join(encryptedURL("--oidc-issuer (DIALER_OIDC_ISSUER)", f.Issuer), encryptedURL("--admin-url (DIALER_ADMIN_URL)", f.AdminURL))
	if f.ClientID == "" {
		err = errors.Join(err, errors.New("--oidc-client-id (DIALER_OIDC_CLIENT_ID) is needed"))
	}
	if len(f.Roles) == 0 {
		err = errors.Join(err, errors.New("--oidc-roles (DIALER_OIDC_ROLES) is needed: without it nobody has a role"))
	}
	for value, role := range f.Roles {
		if app.MostRole([]app.Role{app.Role(role)}) == "" || value == "" {
			err = errors.Join(err, fmt.Errorf("--oidc-roles (DIALER_OIDC_ROLES): %q=%q: want a value and viewer, operator or admin", value, role))
		}
	}
	return err
}

// login is the pages' OIDC configuration; nil: there is no provider.
func (f oidcFlags) login() *dashboard.OIDC {
	if f.Issuer == "" {
		return nil
	}
	roles := map[string]app.Role{}
	for value, role := range f.Roles {
		roles[value] = app.Role(role)
	}
	return &dashboard.OIDC{Roles: roles, Provider: auth.NewOIDC(auth.OIDCConfig{
		Issuer: f.Issuer, ClientID: f.ClientID, ClientSecret: f.ClientSecret, RoleClaim: f.RoleClaim, Scopes: f.Scopes,
		RedirectURL: strings.TrimRight(f.AdminURL, "/") + dashboard.OIDCCallback,
	})}
}

// encryptedURL requires an absolute https URL, or one of this machine.
func encryptedURL(flag, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("%s must be an absolute https URL without a query, a user and a password", flag)
	//guard:false cmd/dialer.TestSettingsThatCannotWork: nobody logs in over plain http
	case u.Scheme == "http" && !isLoopback(raw):
		return fmt.Errorf("%s is plain http: whoever is between could log in as anybody", flag)
	}
	return nil
}
