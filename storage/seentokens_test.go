package storage_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// tokenOf is a webhook's token with the request that it came with.
func tokenOf(token, request string) campaign.SeenToken {
	return campaign.SeenToken{Token: sha256.Sum256([]byte(token)), Request: sha256.Sum256([]byte(request)), ExpiresAt: time.Now().Add(5 * time.Minute)}
}

func withToken(r campaign.Received, token, request string) campaign.Received {
	r.Token = tokenOf(token, request)
	return r
}

func TestATokenIsForOneRequest(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 2))
	ids := claim(t, db, 2)
	a, b := pass(t, db, ids[0]), pass(t, db, ids[1])
	check(t, db.Receive(t.Context(), withToken(event(a, "U1", "ringing"), "1", "a")))
	if err := db.Receive(t.Context(), withToken(event(b, "U1", "completed"), "1", "b")); !errors.Is(err, campaign.ErrTokenReused) {
		t.Errorf("another request: %v, want ErrTokenReused", err)
	}
	if err := db.SeeToken(t.Context(), tokenOf("1", "c")); !errors.Is(err, campaign.ErrTokenReused) {
		t.Errorf("for an answer: %v, want ErrTokenReused", err)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != 1 {
		t.Errorf("%d events stored, want 1", n)
	}
	if got := testkit.Value[string](t, db, `SELECT state FROM attempts WHERE id = $1`, b.ID); got != "dialing" {
		t.Errorf("the other attempt is %s: a token that was seen go by changed it", got)
	}
}

// The same webhook may arrive at the same moment, in one transaction or in two, and
// while another one has locked its contact.
func TestAWebhookIsStoredOnce(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 10))
	ids := claim(t, db, 10)
	var senders sync.WaitGroup
	var stored, repeated atomic.Int64
	for i, id := range ids {
		a := pass(t, db, id)
		for range 5 {
			senders.Go(func() {
				switch err := db.Receive(t.Context(), withToken(event(a, fmt.Sprint("U", i), "ringing"), fmt.Sprint(i), "same")); {
				case err == nil:
					stored.Add(1)
				case errors.Is(err, campaign.ErrRepeated):
					repeated.Add(1)
				default:
					t.Error(err)
				}
			})
		}
	}
	senders.Wait()
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM events`); n != len(ids) || int(stored.Load()) != len(ids) || int(repeated.Load()) != 4*len(ids) {
		t.Errorf("%d events stored, %d times reported as stored and %d as repeated; want %d, %d, %d", n, stored.Load(), repeated.Load(), len(ids), len(ids), 4*len(ids))
	}
}

// A webhook that could not be stored may come again.
func TestATokenOfWhatWasNotStoredIsNew(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 1))
	a := pass(t, db, claim(t, db, 1)[0])
	db.Exec(t, `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$`)
	db.Exec(t, `CREATE TRIGGER broken BEFORE UPDATE ON attempts FOR EACH ROW EXECUTE FUNCTION broken()`)
	if err := db.Receive(t.Context(), withToken(event(a, "U1", "ringing"), "1", "same")); err == nil {
		t.Fatal("stored all the same")
	}
	db.Exec(t, `DROP TRIGGER broken ON attempts`)
	check(t, db.Receive(t.Context(), withToken(event(a, "U1", "ringing"), "1", "same")))
}

func TestForgetTokens(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	old := tokenOf("old", "x")
	old.ExpiresAt = time.Now().Add(-time.Hour)
	check(t, db.SeeToken(t.Context(), old))
	check(t, db.SeeToken(t.Context(), tokenOf("young", "x")))
	n, err := db.ForgetTokens(t.Context())
	require.NoError(t, err)
	if left := testkit.Value[int](t, db, `SELECT count(*) FROM seen_tokens`); n != 1 || left != 1 {
		t.Errorf("%d forgotten and %d left, want 1 and 1", n, left)
	}
	if err := db.SeeToken(t.Context(), tokenOf("young", "x")); !errors.Is(err, campaign.ErrRepeated) {
		t.Errorf("the young one again: %v, want ErrRepeated", err)
	}
}

// An analyst's query must not fail because of one event's content.
func TestEveryEventCanBeQueried(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for body, want := range map[string]string{
		`{"status":"completed","x":"a\u0000b"}`:                  `{"status":"completed","x":"a\ufffdb"}`,
		`{"status":"completed","x":"\ud83d\ude00 \uD83D\uDE00"}`: `{"status":"completed","x":"\ud83d\ude00 \uD83D\uDE00"}`,
		`{"status":"completed","x":"\ud83d \ude00\ude00\u0041"}`: `{"status":"completed","x":"\ufffd \ufffd\ufffd\u0041"}`,
		`{"status":"completed","x":"\ud83d\ud83d\ude00"}`:        `{"status":"completed","x":"\ufffd\ud83d\ude00"}`,
		`{"status":"completed","x":"\ud83d\u0000"}`:              `{"status":"completed","x":"\ufffd\ufffd"}`,
		`{"status":"completed","x":"\\u0000 \\\u0000 \\ud800"}`:  `{"status":"completed","x":"\\u0000 \\\ufffd \\ud800"}`,
		`{"status":"completed","\ud800":"\ud800"}`:               `{"status":"completed","\ufffd":"\ufffd"}`,
	} {
		check(t, db.Receive(t.Context(), campaign.Received{Kind: "completed", Body: []byte(body)}))
		got := testkit.Value[string](t, db, `SELECT body::text FROM events ORDER BY id DESC LIMIT 1`)
		if got != want {
			t.Errorf("%s is stored as %s, want %s", body, got, want)
		}
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM reporting.events WHERE body->>'status' = 'completed' AND body::jsonb ? 'status'`); n != 7 {
		t.Errorf("%d events are found by their status, want 7", n)
	}
}
