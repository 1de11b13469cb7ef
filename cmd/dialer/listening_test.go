package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"
)

// howMany is the number of people in TestPeopleAtRandom and
// TestTwoBrowsersAndTheAPIAgree: go test ./cmd/dialer -run TestPeopleAtRandom -people
// 10000 -timeout 1h
var howMany = flag.Int("people", 100, "how many people TestPeopleAtRandom calls, and TestTwoBrowsersAndTheAPIAgree has")

// TestPeopleAtRandom calls people who press keys early, late, wrong or not at all,
// hang up in the middle of a sentence, let a machine answer or ring back, while events of
// keys are lost, late and doubled. Afterwards it checks every call. Exactly the keys that
// were delivered are in the attempt, or in the incoming call, at their turns. Each
// opt-out was a suppression before its confirmation was fetched. A message counts as
// heard if it was played to its end.
func TestPeopleAtRandom(t *testing.T) {
	t.Parallel()
	seen := &witness{}
	w := startListening(t, voicesim.Config{
		Speed: 5, // an answer of ours takes five times as long in the call's time
		Seed:  7, Client: &http.Client{Transport: seen}, Callbacks: 64,
		Outcomes: voicesim.Outcomes{
			Weights: map[string]float64{"human": 12, "machine": 2, "busy": 1, "unanswered": 1},
			Keys:    map[string]float64{"1": 6, "2": 2, "3": 2, "9": 4},
			Habits:  map[string]float64{"prompt": 5, "early": 3, "late": 2, "wrong": 2, "silent": 2, "leaves": 2, "rings": 2},
		},
		Faults: voicesim.Faults{
			InputLost: .04, InputLate: .04, InputDoubled: .1, AnswerTwice: .3, EventDoubled: .1, EventShuffled: .05, EventLate: .05, LateFor: 3 * time.Second,
		},
	})
	seen.db.Store(w.db)
	w.db.StartCampaignOf(t, "clinic", testkit.ContactRows(0, *howMany), func(s *campaign.Settings) {
		s.Retry = campaign.Policy{Attempts: 2, Until: campaign.UntilAnswered, Again: map[campaign.Disposition]time.Duration{campaign.Busy: time.Minute, campaign.Unanswered: time.Minute}}
		s.Machine, s.MachineMode, s.LengthTimer = "continue", "default", 300
		s.Message = campaign.Message{
			Say: "Hello {{name}}. Press 1 to confirm, 2 to cancel, 3 to hear this again, 9 not to be called again.", RingBack: true,
			Voicemail: "Please call us back.", Wrong: "Sorry.", Silent: "Are you there?", Tries: 2,
			Keys: map[string]campaign.Key{"1": {Result: "confirmed", Say: "Thank you."}, "2": {Result: "cancelled"}, "3": {Repeat: true}, "9": {OptOut: true}},
		}
	})
	w.awaitQuiet(t, time.Minute+time.Duration(*howMany)*100*time.Millisecond)
	t.Logf("%d calls, %d came in, %d keys, %d opt-outs; faults: %v", len(w.sim.Ledger()), w.sim.Summary().Inbound, len(seen.keys), seen.optOuts, w.sim.Summary().Faults)

	stored := map[string]string{}
	for _, k := range testkit.Rows[storedKeys](t, w.db, `
		SELECT id::text, keys FROM attempts WHERE keys <> '{}' UNION ALL SELECT id::text, keys FROM inbound_calls WHERE keys <> '{}'`) {
		for turn, pressed := range k.Keys {
			if pressed != "" {
				stored[fmt.Sprint(k.ID, " ", turn+1)] = pressed
			}
		}
	}
	for at, pressed := range seen.keys {
		if stored[at] != pressed {
			t.Errorf("key %s was delivered at %s, and %q is stored", pressed, at, stored[at])
		}
		delete(stored, at)
	}
	for at, pressed := range stored {
		t.Errorf("key %s is stored at %s and was not delivered", pressed, at)
	}
	for _, late := range seen.late {
		t.Error(late)
	}
	if seen.optOuts == 0 || len(seen.keys) == 0 || w.sim.Summary().Inbound == 0 {
		t.Errorf("%d opt-outs, %d keys and %d calls that came in: too few for a test", seen.optOuts, len(seen.keys), w.sim.Summary().Inbound)
	}
	w.compareHeard(t, seen)
	if n := testkit.Value[int](t, w.db, `SELECT count(*) FROM contacts k WHERE EXISTS (SELECT FROM attempts a WHERE a.contact_id = k.id AND a.result IS NOT NULL) AND k.result IS NULL`); n > 0 {
		t.Errorf("%d contacts have no result, and one of their calls has", n)
	}
	broken, err := w.db.CheckInvariants(t.Context())
	require.NoError(t, err)
	for _, v := range broken {
		t.Errorf("%s: %s: %v", v.Invariant, v.What, v.Examples)
	}
}

type storedKeys struct {
	ID   string
	Keys []string
}

// awaitQuiet waits until nobody remains to be called, all calls have ended and all events
// have come.
func (w *listening) awaitQuiet(t *testing.T, most time.Duration) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	quiet := 0
	for deadline := time.Now().Add(most); quiet < 20; <-tick.C { // late events are not counted before they are sent
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: everybody has ended; %+v", most, w.sim.Summary())
		}
		w.db.MakeDue(t)
		s := w.sim.Summary()
		quiet++
		if s.InProgress+s.EventsPending > 0 || testkit.Value[int](t, w.db, `SELECT count(*) FROM contacts WHERE state <> 'done'`) > 0 {
			quiet = 0
		}
	}
}

// compareHeard compares heard_at with the messages that were played to their end.
func (w *listening) compareHeard(t *testing.T, seen *witness) {
	t.Helper()
	heard := map[string]bool{}
	for _, id := range testkit.Rows[string](t, w.db, `SELECT id::text FROM attempts WHERE heard_at IS NOT NULL UNION ALL SELECT id::text FROM inbound_calls WHERE heard_at IS NOT NULL`) {
		heard[id] = true
	}
	inbound := map[string]string{}
	for _, in := range testkit.Rows[struct{ Call, ID string }](t, w.db, `SELECT call_uuid, id::text FROM inbound_calls`) {
		inbound[in.Call] = in.ID
	}
	n, before := 0, 0
	for _, c := range w.sim.Ledger() {
		id := c.AttemptID
		if c.Direction == "inbound" {
			id = inbound[c.UUID]
		}
		played := !c.HeardAt.IsZero() && !c.Machine
		switch {
		case heard[id] && played:
			n++
		case heard[id]:
			t.Errorf("call %s was heard, and was not played to its end to a person", c.UUID)
		case played && seen.heard[id]:
			t.Errorf("call %s was played to its end, Vonage told of it, and it is not stored", c.UUID)
		case played:
			before++ // they hung up before the notice, or the event that it follows got lost
		}
	}
	t.Logf("%d calls were heard; %d more ended, or lost an event, before the notice", n, before)
	if n == 0 {
		t.Error("no call was heard")
	}
}

// witness is the transport between the simulator and the dialer. It notes the delivered
// requests, and looks at the database when an answer arrives.
type witness struct {
	db atomicDB

	mu      sync.Mutex
	keys    map[string]string // by id and turn
	heard   map[string]bool   // by id, of notices
	late    []string          // confirmations of opt-outs that were not suppressions yet
	optOuts int
}

// atomicDB is set when the dialer runs.
type atomicDB struct {
	mu sync.Mutex
	db *testkit.DB
}

func (a *atomicDB) Store(db *testkit.DB) { a.mu.Lock(); a.db = db; a.mu.Unlock() }

func (a *atomicDB) Load() *testkit.DB { a.mu.Lock(); defer a.mu.Unlock(); return a.db }

// RoundTrip implements http.RoundTripper.
func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(got))
	if err == nil && response.StatusCode < 300 {
		w.note(r, sent, string(got))
	}
	return response, err
}

// note notes a request that was answered.
func (w *witness) note(r *http.Request, sent []byte, got string) {
	var e struct {
		From, To string
		DTMF     struct{ Digits string }
		Payload  struct{ Dialer string }
	}
	if json.Unmarshal(sent, &e) != nil {
		return
	}
	q := r.URL.Query()
	id := q.Get("attempt") + q.Get("inbound")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys, w.heard = map[string]string{}, map[string]bool{}
	}
	if e.Payload.Dialer == "heard" {
		w.heard[id] = true
	}
	if strings.HasSuffix(r.URL.Path, "/input") && e.DTMF.Digits != "" {
		at := fmt.Sprint(id, " ", q.Get("turn"))
		w.keys[at] = min(e.DTMF.Digits, orElse(w.keys[at], e.DTMF.Digits)) // of two at one turn the smaller is stored
	}
	if !strings.Contains(got, "You will not be called again") {
		return
	}
	w.optOuts++
	for s, err := range w.db.Load().Suppressions(r.Context()) {
		if err == nil && (s.Number == e.From || s.Number == e.To) {
			return
		}
	}
	w.late = append(w.late, "an opt-out was confirmed, and is no suppression yet")
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// A running dialer makes a test call, its keys are answered, and no campaign's figures
// count it.
func TestTestCallIsMade(t *testing.T) {
	t.Parallel()
	const own = "447700900199"
	w := startListening(t, voicesim.Config{Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
		own: {{Outcome: "human", Talk: time.Minute, Presses: []voicesim.Press{{Keys: "1"}}}},
	}}})
	w.enqueue(t, "--campaign", "../../docs/recipes/appointment/campaign.yaml", "--test", own, "--test-row", "2", "../../docs/recipes/appointment/people.csv")
	require.Eventually(t, "the test call has ended", func() bool {
		return testkit.Value[int](t, w.db, `SELECT count(*) FROM attempts WHERE state = 'ended'`) == 1
	})
	got := testkit.Value[string](t, w.db, `
		SELECT concat_ws(' ', kind, detail, disposition, array_to_string(array_remove(keys, ''), ','), result, heard_at IS NOT NULL) FROM attempts`)
	if got != "manual test of appointments, line 3 answered 1 confirmed t" {
		t.Errorf("the attempt is %q", got)
	}
	if n := testkit.Value[int](t, w.db, `SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM contacts) + (SELECT count(*) FROM reporting.attempts)`); n != 0 {
		t.Errorf("%d campaigns, contacts and attempts of campaigns", n)
	}
}
