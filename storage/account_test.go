package storage_test

import (
	"errors"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

var (
	simulator = campaign.Account{ApplicationID: "app", APIHost: "loopback"}
	live      = campaign.Account{ApplicationID: "app", APIHost: "api.nexmo.com"}
	another   = campaign.Account{ApplicationID: "other", APIHost: "loopback"}
)

// The calls due in a database were meant for the account that it called with. With
// another application, or another host of the API, nobody is called before a person
// decides.
func TestAnotherAccountLocks(t *testing.T) {
	t.Parallel()
	for _, asks := range []campaign.Account{live, another} {
		t.Run(asks.String(), func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 2))
			require.NoError(t, db.UseAccount(t.Context(), simulator))
			was := checkpoint(t, db.DB, unasked)
			if was.Account != simulator || was.Lock.Reason != "" {
				t.Fatalf("bound to %v, locked for %q", was.Account, was.Lock.Reason)
			}
			queued := claim(t, db, 1)[0]
			other := restarted(t, db)
			require.NoError(t, other.UseAccount(t.Context(), asks))
			d := checkpoint(t, other, unasked)
			if d.Lock.Reason != campaign.LockedAccount || !d.Lock.AwaitsPerson() || d.Account != simulator || d.Lock.OtherAccount != asks {
				t.Fatalf("%+v", d)
			}
			if _, err := db.Gate(t.Context(), queued, tokenLife); !errors.Is(err, campaign.ErrDialLocked) {
				t.Errorf("Gate = %v, want ErrDialLocked", err)
			}
			if ids := claim(t, db, 10); len(ids) != 0 {
				t.Errorf("%d attempts claimed", len(ids))
			}
			if got := testkit.Rows[string](t, db, `SELECT detail FROM alarms WHERE kind = 'dial_locked'`); len(got) != 1 ||
				got[0] != "nobody is called: this database calls with application app at loopback, and a dialer with "+asks.String()+" was started on it" {
				t.Errorf("alarms %q", got)
			}
			released, err := db.Release(t.Context(), by("ann"), time.Hour, false)
			require.NoError(t, err)
			if released.Account != asks || released.Lock.Reason != "" || released.ID == was.ID {
				t.Errorf("%+v, want it to call with the other account, under a new name", released)
			}
			if _, err := db.Gate(t.Context(), queued, tokenLife); err != nil {
				t.Errorf("Gate = %v once it was released", err)
			}
			// A process with the first account locks it again.
			if d := checkpoint(t, db.DB, unasked); d.Lock.OtherAccount != simulator {
				t.Errorf("locked for %q, want another account", d.Lock.Reason)
			}
		})
	}
}

func TestKeepAccount(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	require.NoError(t, db.UseAccount(t.Context(), simulator))
	if _, err := db.KeepAccount(t.Context(), by("ann")); !errors.Is(err, campaign.ErrNotLocked) {
		t.Errorf("KeepAccount = %v, want ErrNotLocked", err)
	}
	other := restarted(t, db)
	require.NoError(t, other.UseAccount(t.Context(), live))
	kept, err := db.KeepAccount(t.Context(), by("ann"))
	require.NoError(t, err)
	if kept.Account != simulator || kept.Lock.Reason != "" {
		t.Errorf("%+v", kept)
	}
	// The process with the other account still runs.
	if d := checkpoint(t, other, unasked); d.Lock.OtherAccount != live {
		t.Errorf("locked for %q, want another account", d.Lock.Reason)
	}
}

// A copy that was started with another account waits for both.
func TestAnotherAccountOnACopy(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	require.NoError(t, db.UseAccount(t.Context(), simulator))
	was := checkpoint(t, db.DB, unasked)
	other := restarted(t, db)
	require.NoError(t, other.UseAccount(t.Context(), live))
	d := checkpoint(t, other, redisIs(was.CheckpointAt.Add(time.Hour)))
	if d.Lock.Reason != campaign.LockedRestored || d.Lock.OtherAccount != live {
		t.Fatalf("%+v", d.Lock)
	}
	d, err := db.Release(t.Context(), by("ann"), time.Hour, false)
	require.NoError(t, err)
	if d.Lock.Reason != campaign.LockedRestored || d.Lock.AwaitsPerson() || d.Account != live {
		t.Errorf("%+v, want it to be read back with the other account", d)
	}
}
