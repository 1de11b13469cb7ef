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

// installation runs a command about the database, and wants its exit code and
// all these words.
func installation(t *testing.T, db *testkit.DB, args []string, code int, says ...string) {
	t.Helper()
	got, out, errOut := dialer(t, append(append([]string{"installation"}, args...), "--database-url", db.URL)...)
	if got != code {
		t.Errorf("%v: exit %d, want %d; said %q %q", args, got, code, out, errOut)
	}
	for _, word := range says {
		if !strings.Contains(out+errOut, word) {
			t.Errorf("%v said %q %q, want %q in it", args, out, errOut, word)
		}
	}
}

func standing(t *testing.T, db *testkit.DB) campaign.Installation {
	t.Helper()
	i, _, err := db.Standing(t.Context())
	require.NoError(t, err)
	return i
}

// A backup that was put in place: nothing is called, show says why, adopt says
// what it does, and the readings do the rest.
func TestRestoredDatabaseIsShownAndAdopted(t *testing.T) {
	t.Parallel()
	db := withCampaign(t, "outage")
	show, adopt := []string{"show"}, []string{"adopt", "--by", "ann"}
	installation(t, db, show, cli.ExitOK, "nowhere yet: it never dialed", "It dials.")
	was, err := db.Mark(t.Context(), campaign.Witness{})
	require.NoError(t, err)
	installation(t, db, show, cli.ExitOK, "installation "+was.ID, "system "+was.Place.System, "got as far as", "It dials.")
	installation(t, db, adopt, cli.ExitOK, "Nothing to adopt", "It dials.")

	_, err = db.Mark(t.Context(), campaign.Witness{Asked: true, Known: true, At: was.MarkedAt.Add(time.Hour)})
	require.NoError(t, err)
	installation(t, db, show, cli.ExitOK, "HELD since", "an older one, as from a backup", "dialer installation adopt", "It knows what happened until")
	installation(t, db, append(adopt, "--despite-missing"), cli.ExitFailed, "waits to be adopted first")
	if i := standing(t, db); !i.Hold.Waits() || i.ID != was.ID {
		t.Errorf("adopted by a command that was refused: %+v", i)
	}
	installation(t, db, adopt, cli.ExitOK, "Adopted as installation", "Campaign outage will go on")
	i := standing(t, db)
	if i.Hold.Waits() || i.Hold.Reason != campaign.HeldRestored || i.ID == was.ID {
		t.Errorf("after adopt: %+v, want it held until it has been read back, under a new name", i)
	}
	installation(t, db, show, cli.ExitOK, "installation "+i.ID, "0 of 2 readings are done", `ann said "adopt", when it was held as restored`)
	installation(t, db, adopt, cli.ExitOK, "Nothing to adopt", "0 of 2 readings are done")
	for range campaign.EnoughReadings {
		_, err := db.FinishReading(t.Context(), standing(t, db).Hold)
		require.NoError(t, err)
	}
	installation(t, db, show, cli.ExitOK, "It dials.", `ann said "adopt"`)
}

func TestAdoptingABackupThatIsTooOldNeedsAWord(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.Mark(t.Context(), campaign.Witness{})
	require.NoError(t, err)
	db.Exec(t, `UPDATE installation SET marked_at = marked_at - interval '50 hours'`)
	_, err = db.Mark(t.Context(), campaign.Witness{Asked: true, Known: true, At: time.Now()})
	require.NoError(t, err)
	installation(t, db, []string{"adopt", "--by", "ann"}, cli.ExitFailed, "cannot be found out", "--despite-gap")
	installation(t, db, []string{"adopt", "--by", "ann", "--despite-gap"}, cli.ExitOK, "Adopted as installation")
	installation(t, db, []string{"show"}, cli.ExitOK, `ann said "adopt despite gap"`)
}

// A failover whose readings keep lacking a call that is known: a person sees
// that, and what he can decide.
func TestReadingsThatLackCallsAreShownAndMayBeAccepted(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	_, err := db.Mark(t.Context(), campaign.Witness{})
	require.NoError(t, err)
	show, adopt, despite := []string{"show"}, []string{"adopt", "--by", "ann"}, []string{"adopt", "--by", "ann", "--despite-missing"}
	installation(t, db, despite, cli.ExitOK, "Nothing to adopt: this database is not held")
	db.Exec(t, `UPDATE installation SET held_for = 'failover', held_since = now(), known_until = now()`)
	installation(t, db, despite, cli.ExitFailed, "no reading of Vonage's list has lacked a call")
	require.NoError(t, db.RejectReading(t.Context(), standing(t, db).Hold, 4))
	retry := standing(t, db).Hold.RetryAt().Format(timeFormat)
	for _, command := range [][]string{show, adopt} {
		installation(t, db, command, cli.ExitOK, "0 of 2 readings", "lacked 4 calls", "read again at "+retry, "--despite-missing")
	}
	installation(t, db, append(despite, "--despite-gap"), cli.ExitUsage, "--despite-")
	installation(t, db, despite, cli.ExitOK, "if they lack no more than the last one: 4 calls")
	if i := standing(t, db); i.Hold.Reason != campaign.HeldFailover || i.Hold.DespiteMissingAt.IsZero() {
		t.Errorf("after the word: %+v, want it held until it has been read back", i.Hold)
	}
	installation(t, db, show, cli.ExitOK, "readings that lack no more than that count", `ann said "despite missing", when it was held as failover`)
}

// While a newer program is rolled out, an older one says which schema it would
// have to know.
func TestProgramRefusesASchemaThatNeedsALater(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	db.Exec(t, `UPDATE installation SET needs_schema = 99999`)
	for _, command := range [][]string{
		{"report"}, {"installation", "show"},
		{"run", "--redis-url", "redis://127.0.0.1:1/0", "--application-id", "app", "--private-key", testkey.File(t), "--signature-secret", "secret"},
	} {
		code, out, errOut := dialer(t, append(command, "--database-url", db.URL)...)
		if code != cli.ExitFailed || !strings.Contains(errOut, "needs a program that knows its schema 99999") {
			t.Errorf("%v: exit %d, said %q %q; want a refusal that names the schema", command, code, out, errOut)
		}
	}
}

// While the account's secret is replaced, what is signed with either is taken,
// however both are given.
func TestEitherSecretIsTakenWhileItIsReplaced(t *testing.T) {
	for name, given := range map[string]struct {
		env   string
		flags []string
	}{
		"two flags":       {"", []string{"--signature-secret", "the new one", "--signature-secret", "the old one"}},
		"one flag":        {"", []string{"--signature-secret", "the new one,the old one"}},
		"the environment": {"the new one,the old one", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if given.env != "" {
				t.Setenv("VONAGE_SIGNATURE_SECRET", given.env)
			}
			db := testkit.New(t)
			require.NoError(t, db.KeepPartitions(t.Context())) // an event that comes while its day's is made is answered 503
			address := runs(t, db, given.flags...)
			for secret, want := range map[string]int{
				"the new one": http.StatusOK, "the old one": http.StatusOK, "another": http.StatusUnauthorized, "the new one,the old one": http.StatusUnauthorized,
			} {
				if got := signedEvent(t, address, secret); got != want {
					t.Errorf("an event signed with %q: %d, want %d", secret, got, want)
				}
			}
		})
	}
}

// runs has the program dial for as long as the test, and returns where it
// listens. Nobody is its provider.
func runs(t *testing.T, db *testkit.DB, flags ...string) (address string) {
	t.Helper()
	redis := testkit.Redis(t)
	address = freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	key := testkey.File(t)
	go func() {
		defer close(ended)
		args := []string{"run", "--listen", address, "--redis-url", redis, "--database-url", db.URL,
			"--api-url", "http://127.0.0.1:1/v1", "--application-id", "app", "--private-key", key}
		if code := run(ctx, append(args, flags...), console{In: strings.NewReader(""), Out: t.Output(), Err: t.Output()}); code != cli.ExitOK {
			t.Errorf("run: exit %d", code)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	awaitHTTP(t, "http://"+address+"/readyz")
	return address
}

// signedEvent sends an event as Vonage does and returns the answer's code.
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
