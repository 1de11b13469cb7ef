package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"

	"github.com/google/uuid"
)

// lock runs a command about the dial lock, and checks its exit code and these words.
func lock(t *testing.T, db *testkit.DB, args []string, code int, says ...string) {
	t.Helper()
	got, out, errOut := dialer(t, append(append([]string{"lock"}, args...), "--database-url", db.URL)...)
	if got != code {
		t.Errorf("%v: exit %d, want %d; said %q %q", args, got, code, out, errOut)
	}
	for _, word := range says {
		if !strings.Contains(out+errOut, word) {
			t.Errorf("%v said %q %q, want %q in it", args, out, errOut, word)
		}
	}
}

func identity(t *testing.T, db *testkit.DB) campaign.DatabaseIdentity {
	t.Helper()
	i, _, err := db.Identity(t.Context())
	require.NoError(t, err)
	return i
}

// After a backup was restored, nobody is called. "show" says why, "release" says what it
// does, and the scans do the rest.
func TestRestoredDatabaseIsShownAndReleased(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	show, release := []string{"show"}, []string{"release", "--by", "ann"}
	lock(t, db, show, cli.ExitOK, "nowhere yet: it never dialed", "It dials.")
	was, err := db.Checkpoint(t.Context(), campaign.ExternalMark{})
	require.NoError(t, err)
	lock(t, db, show, cli.ExitOK, was.ID, "system "+was.Server.System, "got as far as", "It dials.")
	lock(t, db, release, cli.ExitOK, "Nothing to release", "It dials.")

	_, err = db.Checkpoint(t.Context(), campaign.ExternalMark{Asked: true, Known: true, At: was.CheckpointAt.Add(time.Hour)})
	require.NoError(t, err)
	lock(t, db, show, cli.ExitOK, "LOCKED since", "an older one, as from a backup", "dialer lock release", "It knows what happened until")
	lock(t, db, append(release, "--accept-incomplete-list"), cli.ExitFailed, "waits to be released first")
	if i := identity(t, db); !i.Lock.AwaitsPerson() || i.ID != was.ID {
		t.Errorf("released by a command that was refused: %+v", i)
	}
	lock(t, db, release, cli.ExitOK, "Released as database", "Campaign outage will continue")
	i := identity(t, db)
	if i.Lock.AwaitsPerson() || i.Lock.Reason != campaign.LockedRestored || i.ID == was.ID {
		t.Errorf("after release: %+v, want it locked until it has been read back, under a new name", i)
	}
	lock(t, db, show, cli.ExitOK, i.ID, "0 of 2 scans are done", "Released by ann at")
	lock(t, db, release, cli.ExitOK, "Nothing to release", "0 of 2 scans are done")
	for range campaign.LockedRestored.ScansToRelease() {
		_, err := db.CountScan(t.Context(), identity(t, db).Lock)
		require.NoError(t, err)
	}
	lock(t, db, show, cli.ExitOK, "It dials.")
}

func TestReleaseOfABackupThatIsTooOld(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.Checkpoint(t.Context(), campaign.ExternalMark{})
	require.NoError(t, err)
	db.Exec(t, `UPDATE database_identity SET checkpoint_at = checkpoint_at - interval '50 hours'`)
	_, err = db.Checkpoint(t.Context(), campaign.ExternalMark{Asked: true, Known: true, At: time.Now()})
	require.NoError(t, err)
	lock(t, db, []string{"release", "--by", "ann"}, cli.ExitFailed, "cannot be found out", "--despite-gap")
	lock(t, db, []string{"release", "--by", "ann", "--despite-gap"}, cli.ExitOK, "Released as database")
	lock(t, db, []string{"show"}, cli.ExitOK, "0 of 2 scans")
}

// After a failover the scans keep lacking a known call. A person sees that, and the
// possible decisions.
func TestIncompleteScanIsShownAndAccepted(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.Checkpoint(t.Context(), campaign.ExternalMark{})
	require.NoError(t, err)
	show, release, accept := []string{"show"}, []string{"release", "--by", "ann"}, []string{"release", "--by", "ann", "--accept-incomplete-list"}
	lock(t, db, accept, cli.ExitOK, "Nothing to release: this database is not locked")
	db.Exec(t, `UPDATE database_identity SET locked_for = 'failover', locked_at = now(), known_until = now()`)
	lock(t, db, accept, cli.ExitFailed, "no scan of Vonage's list has lacked a call")
	require.NoError(t, db.RejectScan(t.Context(), identity(t, db).Lock, 4))
	retry := cli.Time(identity(t, db).Lock.RetryAt())
	for _, command := range [][]string{show, release} {
		lock(t, db, command, cli.ExitOK, "0 of 2 scans", "lacked 4 calls", "read again at "+retry, "--accept-incomplete-list")
	}
	lock(t, db, append(accept, "--despite-gap"), cli.ExitUsage, "--despite-gap")
	lock(t, db, accept, cli.ExitOK, "if they lack no more than the last one: 4 calls")
	if i := identity(t, db); i.Lock.Reason != campaign.LockedFailover || i.Lock.AcceptedAt.IsZero() {
		t.Errorf("after the decision: %+v, want it locked until it has been read back", i.Lock)
	}
	lock(t, db, show, cli.ExitOK, "scans that lack no more than that count")
}

// While a newer program is rolled out, an older one says which schema it does not know.
func TestProgramRefusesASchemaThatNeedsALater(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.Exec(t, `UPDATE database_identity SET needs_schema = 99999`)
	for _, command := range [][]string{
		{"report"}, {"lock", "show"},
		{"run", "--redis-url", "redis://127.0.0.1:1/0", "--application-id", "app", "--private-key", testkey.File(t), "--signature-secret", "the-secret-of-the-account"},
	} {
		code, out, errOut := dialer(t, append(command, "--database-url", db.URL)...)
		if code != cli.ExitFailed || !strings.Contains(errOut, "needs a program that knows its schema 99999") {
			t.Errorf("%v: exit %d, said %q %q; want a refusal that names the schema", command, code, out, errOut)
		}
	}
}

// While the account's secret is replaced, requests signed with either secret are
// accepted, in whatever form both are given.
func TestEitherSecretIsTakenWhileItIsReplaced(t *testing.T) {
	for name, given := range map[string]struct {
		env   string
		flags []string
	}{
		"two flags":       {"", []string{"--signature-secret", "the-new-one-of-them", "--signature-secret", "the-old-one-of-them"}},
		"one flag":        {"", []string{"--signature-secret", "the-new-one-of-them,the-old-one-of-them"}},
		"the environment": {"the-new-one-of-them,the-old-one-of-them", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if given.env != "" {
				t.Setenv("VONAGE_SIGNATURE_SECRET", given.env)
			}
			db := testkit.New(t)
			require.NoError(t, db.KeepPartitions(t.Context())) // an event that comes while its day's partition is made is answered 503
			address := runs(t, db, given.flags...)
			for secret, want := range map[string]int{
				"the-new-one-of-them": http.StatusOK, "the-old-one-of-them": http.StatusOK, "another": http.StatusUnauthorized, "the-new-one-of-them,the-old-one-of-them": http.StatusUnauthorized,
			} {
				if got := signedEvent(t, address, secret); got != want {
					t.Errorf("an event signed with %q: %d, want %d", secret, got, want)
				}
			}
		})
	}
}

// runs makes the program dial for the whole test, and returns its address. It has no
// provider.
func runs(t *testing.T, db *testkit.DB, flags ...string) (address string) {
	t.Helper()
	redis := testkit.Redis(t)
	address = freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	key := testkey.File(t)
	go func() {
		defer close(ended)
		args := []string{"run", "--listen", address, "--admin-listen", "", "--redis-url", redis, "--database-url", db.URL,
			"--api-url", "http://127.0.0.1:1/v1", "--application-id", "app", "--private-key", key}
		if code := run(ctx, append(args, flags...), console{In: strings.NewReader(""), Out: t.Output(), Err: t.Output()}); code != cli.ExitOK {
			t.Errorf("run: exit %d", code)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	awaitHTTP(t, "http://"+address+"/healthz")
	return address
}

// signedEvent sends an event like Vonage and returns the answer's code.
func signedEvent(t *testing.T, address, secret string) int {
	t.Helper()
	body := fmt.Appendf(nil, `{"uuid":%q,"conversation_uuid":"CON-1","status":"ringing","direction":"outbound","to":"447700900101","from":"447700900100","timestamp":%q}`,
		uuid.NewString(), time.Now().UTC().Format(time.RFC3339))
	authorization, err := voice.SignCallback([]byte(secret), simulatedAPIKey, "app", body, time.Now())
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/webhooks/event?attempt="+uuid.NewString(), bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	response.Body.Close()
	return response.StatusCode
}

// After a change from the simulator to the real account nobody is called, not even by
// hand, before a person allows it.
func TestAnotherAccountIsShownAndReleased(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	first := campaign.Account{ApplicationID: "demo", APIHost: "api.nexmo.com"}
	require.NoError(t, l.db.UseAccount(t.Context(), first))
	call := []string{"--to", person(1), "--from", "447700900000", "--say", "Hello"}
	if code, _, errOut := l.create(t, call...); code != cli.ExitFailed || !strings.Contains(errOut, "dialer lock show") {
		t.Errorf("exit %d, said %q", code, errOut)
	}
	if n := l.sim.Summary().Creates; n != 0 {
		t.Errorf("%d POSTs", n)
	}
	both := []string{"application demo at api.nexmo.com", "application app at loopback"}
	lock(t, l.db, []string{"show"}, cli.ExitOK, append(both, "LOCKED", "dialer lock release", "--keep-account")...)
	lock(t, l.db, []string{"release", "--by", "ann"}, cli.ExitOK, "It calls with application app at loopback")
	if code, out, errOut := l.create(t, call...); code != cli.ExitOK {
		t.Errorf("exit %d once it was released, said %q %q", code, out, errOut)
	}
}
