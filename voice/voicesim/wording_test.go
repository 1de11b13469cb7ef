package voicesim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// listed is the only record in the list, and the only call of the ledger.
func (w *testSim) listed() (map[string]any, voicesim.LedgerCall) {
	w.t.Helper()
	r := w.do("GET", "/v1/calls", "")
	calls := r.body["_embedded"].(map[string]any)["calls"].([]any)
	if len(calls) != 1 {
		w.t.Fatalf("%d calls in the list", len(calls))
	}
	return calls[0].(map[string]any), w.onlyCall()
}

// TestWordingOfRecords: each fault changes how the record is written, but not the ledger.
func TestWordingOfRecords(t *testing.T) {
	t.Parallel()
	number := func(o any) any {
		if party, ok := o.(map[string]any); ok {
			return party["number"]
		}
		return o
	}
	tests := map[string]struct {
		faults voicesim.Faults
		see    func(map[string]any) any
		want   []any // any of these
	}{
		"number_plus":     {voicesim.Faults{NumberPlus: 1}, func(r map[string]any) any { return number(r["to"]) }, []any{"+" + target}},
		"number_00":       {voicesim.Faults{NumberZeros: 1}, func(r map[string]any) any { return number(r["from"]) }, []any{"00" + caller}},
		"number_national": {voicesim.Faults{NumberNational: 1}, func(r map[string]any) any { return number(r["to"]) }, []any{"07700900123"}},
		"number_unknown":  {voicesim.Faults{NumberUnknown: 1}, func(r map[string]any) any { return number(r["from"]) }, []any{"unknown"}},
		"number_missing":  {voicesim.Faults{NumberMissing: 1}, func(r map[string]any) any { return number(r["to"]) }, []any{nil}},
		"other_direction": {voicesim.Faults{OtherDirection: 1}, func(r map[string]any) any { return r["direction"] }, []any{nil, "OUTBOUND", "outbound-api"}},
		"other_party":     {voicesim.Faults{OtherParty: 1, NumberPlus: 1}, func(r map[string]any) any { return kindOf(r["to"]) }, []any{"array", "text", "untyped"}},
		"uuid_missing":    {voicesim.Faults{UUIDMissing: 1}, func(r map[string]any) any { return r["uuid"] }, []any{nil}},
		"member_missing":  {voicesim.Faults{MemberMissing: 1}, func(r map[string]any) any { return len(r) }, []any{12}},
		"other_conversation": {voicesim.Faults{OtherConversation: 1}, func(r map[string]any) any {
			return strings.HasPrefix(r["conversation_uuid"].(string), "CON-") && r["conversation_uuid"] == strings.ToLower(r["conversation_uuid"].(string))
		}, []any{false}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Faults: tt.faults, Outcomes: script(voicesim.Script{Outcome: "answered"})})
				defer w.close()
				uuid := w.place(target, nil)
				w.waitIdle()
				record, c := w.listed()
				if got := tt.see(record); !slices.Contains(tt.want, got) {
					t.Errorf("the record has %v, want one of %v\n%v", got, tt.want, record)
				}
				if c.To != target || c.From != caller || c.UUID != uuid || c.Direction != "outbound" || !strings.HasPrefix(c.ConversationUUID, "CON-") {
					t.Errorf("the ledger is not the truth: %+v", c)
				}
				if len(c.Wording) == 0 || w.sim.Summary().Faults[name] == 0 {
					t.Errorf("wording %v, faults %v", c.Wording, w.sim.Summary().Faults)
				}
			})
		})
	}
}

func kindOf(party any) string {
	switch p := party.(type) {
	case []any:
		return "array"
	case string:
		return "text"
	case map[string]any:
		if p["type"] == nil {
			return "untyped"
		}
		return "object"
	}
	return "nothing"
}

// Lists may show another form of the uuid. A GET takes both forms, and no third one.
func TestOtherUUID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Faults: voicesim.Faults{OtherUUID: 1}})
		defer w.close()
		uuid := w.place(target, nil)
		w.waitIdle()
		record, c := w.listed()
		shown := record["uuid"].(string)
		if shown == uuid || !strings.EqualFold(strings.ReplaceAll(shown, "-", ""), strings.ReplaceAll(uuid, "-", "")) || c.UUID != uuid {
			t.Errorf("the list shows %q for %q; the ledger has %q", shown, uuid, c.UUID)
		}
		for _, form := range []string{uuid, shown} {
			if r := w.do("GET", "/v1/calls/"+form, ""); r.status != http.StatusOK || r.body["uuid"] != form {
				t.Errorf("GET %s: %d %v", form, r.status, r.body["uuid"])
			}
		}
		if third := "CON-" + uuid; w.do("GET", "/v1/calls/"+third, "").status != http.StatusNotFound {
			t.Errorf("GET %s found the call", third)
		}
	})
}

// The wording of a call's record depends on the seed and stays the same.
func TestWordingDependsOnSeedOnly(t *testing.T) {
	t.Parallel()
	faults := voicesim.Faults{
		NumberPlus: .1, NumberZeros: .1, NumberNational: .1, NumberUnknown: .1, NumberMissing: .1,
		OtherDirection: .3, OtherUUID: .3, OtherConversation: .3, OtherParty: .3, MemberMissing: .3,
	}
	run := func(seed uint64) map[string]map[string]string {
		forms := map[string]map[string]string{}
		synctest.Test(t, func(t *testing.T) {
			w := inBubble(t, voicesim.Config{Seed: seed, Faults: faults})
			defer w.close()
			for _, number := range testNumbers(200) {
				w.place(number, nil)
			}
			for _, c := range w.sim.Ledger() {
				forms[c.To] = c.Wording
			}
		})
		return forms
	}
	first := run(7)
	if diff := cmp.Diff(first, run(7)); diff != "" {
		t.Errorf("the same seed, and another wording:\n%s", diff)
	}
	if cmp.Equal(first, run(8)) {
		t.Error("another seed, and the same wording")
	}
	seen := map[string]bool{}
	for _, forms := range first {
		for name, written := range forms {
			seen[name+" "+written] = true
		}
	}
	if len(seen) < 2*5+4+2+2+3+6 {
		t.Errorf("only %d forms in 200 calls: %v", len(seen), seen)
	}
}

// TestWordingOfEvents: an event has the number, the direction or the uuid in another
// form, and is signed as it is.
func TestWordingOfEvents(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults voicesim.Faults
		usual  func(map[string]any) bool
	}{
		"event_number":    {voicesim.Faults{EventNumber: 1}, func(e map[string]any) bool { return e["to"] == target && e["from"] == caller }},
		"event_direction": {voicesim.Faults{EventDirection: 1}, func(e map[string]any) bool { return e["direction"] == "outbound" }},
		"event_uuid": {voicesim.Faults{EventUUID: 1}, func(e map[string]any) bool {
			id, ok := e["uuid"].(string)
			return ok && id == strings.ToLower(id) && len(id) == 36
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Faults: tt.faults, Outcomes: script(voicesim.Script{Outcome: "answered"})})
				defer w.close()
				w.place(target, nil)
				w.waitIdle()
				for _, r := range w.callbacks.all() {
					if tt.usual(r.event) || r.query != "attempt=a-"+target {
						t.Errorf("event %v to ?%s", r.event, r.query)
					}
				}
				if n := len(w.callbacks.all()); n != 4 || w.sim.Summary().Faults[name] != 4 {
					t.Errorf("%d events, faults %v", n, w.sim.Summary().Faults)
				}
			})
		})
	}
}

// A leg that nobody asked for joins the call. It has a record in the same
// conversation and a price, and its events name the attempt.
func TestExtraLegs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		numbers := testNumbers(40)
		scripts := map[string][]voicesim.Script{}
		for _, number := range numbers {
			scripts[number] = []voicesim.Script{{Outcome: "answered", Talk: 30 * time.Second}}
		}
		w := inBubble(t, voicesim.Config{
			Faults: voicesim.Faults{ExtraLegs: 1}, Outcomes: voicesim.Outcomes{ByNumber: scripts}, CallsPerSecond: 1000,
		})
		defer w.close()
		for _, number := range numbers {
			w.place(number, nil)
		}
		w.waitIdle()
		parents, types := map[string]voicesim.LedgerCall{}, map[string]bool{}
		for _, c := range w.sim.Ledger() {
			if c.Parent == "" {
				parents[c.UUID] = c
				continue
			}
			p := parents[c.Parent]
			if types[c.ToType] = true; c.ConversationUUID != p.ConversationUUID || c.AttemptID != "" || c.Rate.IsZero() {
				t.Errorf("leg %+v\nof %+v", c, p)
			}
			if named := w.eventsOf(c.UUID); len(named) == 0 || named[0] != "attempt="+p.AttemptID {
				t.Errorf("events of a leg at %v, want attempt=%s", named, p.AttemptID)
			}
		}
		for _, kind := range []string{"phone", "sip", "websocket", "vbc", "app"} {
			if !types[kind] {
				t.Errorf("no leg to a %s", kind)
			}
		}
		if page := w.do("GET", "/v1/calls?page_size=100", ""); page.body["count"] != 80.0 {
			t.Errorf("the list has %v calls, want those and their legs", page.body["count"])
		}
	})
}

// eventsOf is the queries of the addresses that got events about this call.
func (w *testSim) eventsOf(uuid string) []string {
	var queries []string
	for _, r := range w.callbacks.all() {
		if r.event["uuid"] == uuid {
			queries = append(queries, r.query)
		}
	}
	return queries
}

func TestListLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{ListLag: time.Second, Faults: voicesim.Faults{ListLate: .2, ListLateFor: time.Hour}})
		defer w.close()
		for _, number := range testNumbers(50) {
			w.place(number, nil)
		}
		time.Sleep(2 * time.Second)
		late := w.sim.Summary().Faults["list_late"]
		if _, page := w.list(""); page["count"] != float64(50-late) || late == 0 || late == 50 {
			t.Errorf("%v calls in the list, %d are late", page["count"], late)
		}
		time.Sleep(time.Hour)
		if _, page := w.list(""); page["count"] != 50.0 {
			t.Errorf("%v calls in the list after an hour", page["count"])
		}
	})
}

// Records, tokens and the Date header use the time of a wrong clock. The limit does not.
func TestClockAheadAndDrift(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{CallsPerSecond: 1, Faults: voicesim.Faults{ClockAhead: 10 * time.Second, ClockDrift: .5}})
		defer w.close()
		begun := time.Now()
		time.Sleep(20 * time.Second) // the clock gains 10 s
		w.place(target, nil)
		if got, want := w.onlyCall().PlacedAt, begun.Add(40*time.Second); !got.Equal(want) {
			t.Errorf("placed at %v, want %v by Vonage's clock", got, want)
		}
		time.Sleep(700 * time.Millisecond) // more than a second by the wrong clock
		if r := w.do("POST", "/v1/calls", w.callBody(agent, nil)); r.status != http.StatusTooManyRequests {
			t.Errorf("a second call within a second: %d", r.status)
		}
		if r := w.doWith(w.token(15*time.Second), "GET", "/v1/calls", ""); r.status != http.StatusUnauthorized {
			t.Errorf("a token that has expired by Vonage's clock: %d", r.status)
		}
	})
}
