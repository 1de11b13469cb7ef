package dashboard

import (
	"slices"
	"testing"

	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/testkit"
	"dialer/internal/testkit/oidctest"
	"dialer/internal/testkit/require"
)

func newOIDCWorld(t *testing.T) (*world, *oidctest.Provider) {
	t.Helper()
	p := oidctest.New(t)
	w := newWorldWith(t, func(c *Config, address string) {
		c.OIDC = &OIDC{
			Roles: map[string]app.Role{"staff": app.Viewer, "ops": app.Operator},
			Provider: auth.NewOIDC(auth.OIDCConfig{
				Issuer: p.URL, ClientID: oidctest.ClientID, ClientSecret: oidctest.ClientSecret, RoleClaim: "groups", RedirectURL: address + OIDCCallback,
			}),
		}
	})
	return w, p
}

func ann(groups ...string) map[string]any {
	return map[string]any{"sub": "7", "preferred_username": "ann", "groups": groups}
}

// A browser goes to the provider, and comes back logged in with a role.
func TestOIDC(t *testing.T) {
	t.Parallel()
	w, p := newOIDCWorld(t)
	w.get("/", 200, "Log in at 127.0.0.1") // and not open to this machine, though there is no user
	p.Says(ann("nobody knows this"))
	w.get("/login/oidc", 403, "has a role here")
	p.Says(ann("staff"))
	w.get("/login/oidc", 200, "ann")
	w.get("/new", 403, "operator")
	p.Says(ann("staff", "ops"))
	w.get("/login/oidc", 200, "ann")
	w.get("/new", 200)
	w.post("/logout", nil, 200, "Log in")
	w.get("/login/oidc/callback?state=x&code=y", 401, "not begun in this browser")

	w.user("bob", app.Admin)
	p.Says(map[string]any{"sub": "8", "preferred_username": "bob", "groups": []string{"staff"}})
	w.get("/login/oidc", 403, "taken") // the name of another way in

	require.NoError(t, app.Access{Store: w.db.DB}.RemoveUser(t.Context(), testkit.Actor, "ann"))
	p.Says(ann("ops"))
	w.get("/login/oidc", 403, "removed")
	require.NoError(t, app.Access{Store: w.db.DB}.RestoreUser(t.Context(), testkit.Actor, "ann"))
	w.get("/login/oidc", 200, "ann")

	want := []string{
		"dialer user.add", "ann user.login", "dialer user.role", "ann user.login", "ann user.logout", "test user.add", "test user.remove", "test user.restore", "ann user.login",
	}
	got := testkit.Rows[string](t, w.db, `SELECT actor || ' ' || action FROM audit ORDER BY id`)
	if !slices.Equal(got, want) {
		t.Errorf("audited %q, want %q", got, want)
	}
}

// A person who logs in at the provider has no password here, not even an empty one.
func TestOIDCUserHasNoPassword(t *testing.T) {
	t.Parallel()
	w, p := newOIDCWorld(t)
	p.Says(ann("ops"))
	w.get("/login/oidc", 200, "ann")
	w.browse()
	for _, password := range []string{"", "password of ann"} {
		w.post("/login", map[string][]string{"name": {"ann"}, "password": {password}}, 401, "wrong")
	}
}
