package storage_test

import (
	"errors"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	access := app.Access{Store: db.DB}
	by := app.Actor{Name: "root", Through: app.ThroughCommand}
	hash := []byte("hash of crm")
	require.NoError(t, access.AddToken(t.Context(), by, "crm", app.Operator, hash))
	if err := access.AddToken(t.Context(), by, "crm", app.Admin, []byte("another")); !errors.Is(err, app.ErrTaken) {
		t.Errorf("a second token of the name: %v", err)
	}
	token, err := db.TokenOf(t.Context(), hash)
	if err != nil || token.Actor() != (app.Actor{Name: "crm", Role: app.Operator, Through: app.ThroughAPI}) {
		t.Errorf("%+v, %v", token, err)
	}
	if token, err = db.TokenOf(t.Context(), hash); err != nil || token.LastUsedAt.IsZero() {
		t.Errorf("its use was not noted: %+v, %v", token, err)
	}
	require.NoError(t, access.RemoveToken(t.Context(), by, "crm"))
	if _, err := db.TokenOf(t.Context(), hash); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("a removed token: %v", err)
	}
	if err := access.RemoveToken(t.Context(), by, "crm"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}

	require.NoError(t, access.AddUser(t.Context(), by, "ann", app.Viewer, "$hash"))
	ann, err := db.UserNamed(t.Context(), "ann")
	require.NoError(t, err)
	begin := func(life time.Duration, session string) error {
		require.NoError(t, db.BeginSession(t.Context(), ann, []byte(session), life))
		_, err := db.UserOf(t.Context(), []byte(session))
		return err
	}
	if err := begin(-time.Second, "over"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("a session that is over: %v", err)
	}
	require.NoError(t, begin(time.Hour, "one"))
	require.NoError(t, db.EndSession(t.Context(), []byte("one")))
	if _, err := db.UserOf(t.Context(), []byte("one")); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("logged out: %v", err)
	}
	require.NoError(t, begin(time.Hour, "two"))
	require.NoError(t, access.RemoveUser(t.Context(), by, "ann"))
	if _, err := db.UserOf(t.Context(), []byte("two")); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("a removed user's session: %v", err)
	}
	want := []string{
		"token.add token crm", "token.remove token crm", "user.add user ann", "user.login user ann", "user.login user ann", "user.logout user ann",
		"user.login user ann", "user.remove user ann",
	}
	got := testkit.Rows[string](t, db, `SELECT action || ' ' || object FROM audit ORDER BY id`)
	if len(got) != len(want) {
		t.Fatalf("audited: %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("audited %q, want %q", got[i], want[i])
		}
	}
}

func TestAccessNeedsAnAdmin(t *testing.T) {
	t.Parallel()
	access := app.Access{}
	operator := app.Actor{Name: "ann", Role: app.Operator, Through: app.ThroughAPI}
	if err := access.AddToken(t.Context(), operator, "crm", app.Admin, nil); !errors.Is(err, app.ErrForbidden) {
		t.Errorf("an operator made an admin's token: %v", err)
	}
	for _, name := range []string{"", " crm", app.AdminTokenName, "dialer"} {
		if err := access.AddUser(t.Context(), testkit.Actor, name, app.Viewer, "$"); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
}

// The provider cannot let a removed user in again until an admin allows it.
func TestUsersOfAProvider(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	access := app.Access{Store: db.DB}
	come := func(subject, name string, role app.Role) (app.User, error) {
		return access.ComeIn(t.Context(), app.User{Issuer: "https://login.example.com", Subject: subject, Name: name, Role: role})
	}
	first, err := come("7", "ann", app.Viewer)
	require.NoError(t, err)
	again, err := come("7", "ann renamed", app.Admin)
	if err != nil || again.ID != first.ID || again.Name != "ann" || again.Role != app.Admin {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := come("8", "ann", app.Viewer); !errors.Is(err, app.ErrTaken) {
		t.Errorf("another of the name: %v", err)
	}
	for _, role := range []app.Role{"", "root"} {
		if _, err := come("9", "bob", role); !errors.Is(err, app.ErrForbidden) {
			t.Errorf("the role %q: %v", role, err)
		}
	}
	require.NoError(t, access.RemoveUser(t.Context(), testkit.Actor, "ann"))
	if _, err := come("7", "ann", app.Admin); !errors.Is(err, app.ErrRemoved) {
		t.Errorf("removed: %v", err)
	}
	require.NoError(t, access.RestoreUser(t.Context(), testkit.Actor, "ann"))
	if err := access.RestoreUser(t.Context(), testkit.Actor, "ann"); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("restored twice: %v", err)
	}
	if u, err := come("7", "ann", app.Admin); err != nil || u.ID != first.ID {
		t.Errorf("restored: %+v, %v", u, err)
	}
}
