package voicesim_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"
)

const agent = "447700900555"

// bridge is a simulator in which target answers and is connected to agent.
func bridge(t *testing.T, outcome voicesim.Script, limit float64) *testSim {
	t.Helper()
	return inBubble(t, voicesim.Config{CallsPerSecond: limit, Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
		target: {{Outcome: "answered", Ring: 5 * time.Second, Talk: time.Hour}},
		agent:  {outcome},
	}}})
}

func connectTo(t *testing.T, more string) map[string]any {
	return map[string]any{"ncco": actions(t, `[
		{"action":"connect","endpoint":[{"type":"phone","number":"`+agent+`"}]`+more+`},
		{"action":"wait","timeout":30}]`)}
}

func TestConnect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := bridge(t, voicesim.Script{Outcome: "answered", Ring: 5 * time.Second, Talk: time.Minute}, 0)
		defer w.close()
		uuid := w.place(target, connectTo(t, ""))
		w.waitIdle()
		ledger := w.sim.Ledger()
		if len(ledger) != 2 {
			t.Fatalf("%d calls", len(ledger))
		}
		parent, leg := ledger[0], ledger[1]
		if leg.To != agent || leg.From != caller || leg.Parent != uuid || leg.AttemptID != "" || leg.JTI != "" || leg.DurationS != 60 {
			t.Errorf("leg %+v", leg)
		}
		if leg.ConversationUUID != parent.ConversationUUID {
			t.Error("the leg is in another conversation")
		}
		if parent.DurationS < 95 || parent.DurationS > 98 { // ringing, a minute, and the wait after it
			t.Errorf("the first call lasted %d s, want the leg's minute and what comes after it", parent.DurationS)
		}
		var legEvents int
		for _, r := range w.callbacks.all() {
			if r.event["uuid"] == leg.UUID {
				legEvents++
			}
		}
		if m := w.sim.Summary(); legEvents != 4 || m.Placed != 1 || m.Legs != 1 {
			t.Errorf("%d events of the leg, %d placed, %d legs", legEvents, m.Placed, m.Legs)
		}
		if found, _ := w.list("conversation_uuid=" + parent.ConversationUUID); len(found) != 2 {
			t.Errorf("%d calls listed for the conversation", len(found))
		}
	})
}

func TestLegEndsWithItsCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := bridge(t, voicesim.Script{Outcome: "answered", Ring: 5 * time.Second, Talk: 2 * time.Hour}, 0)
		defer w.close()
		w.place(target, connectTo(t, ""))
		w.waitIdle()
		ledger := w.sim.Ledger()
		if ledger[0].DurationS != 3600 || ledger[1].DurationS < 3590 || ledger[1].DurationS >= 3600 || !ledger[1].EndedAt.Equal(ledger[0].EndedAt) {
			t.Errorf("call %d s, leg %d s", ledger[0].DurationS, ledger[1].DurationS)
		}
	})
}

func TestConnectFailure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		more  string
		least int // seconds that the first call lasts, and at most 15 more
	}{
		"the flow continues":         {"", 30},
		"a reply brings another one": {`,"eventType":"synchronous"`, 200},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := bridge(t, voicesim.Script{Outcome: "busy"}, 0)
				defer w.close()
				w.callbacks.answer = func(n int, _ *http.Request, rw http.ResponseWriter) {
					if w.callbacks.all()[n-1].event["status"] == "busy" {
						fmt.Fprint(rw, `[{"action":"wait","timeout":200}]`)
					}
				}
				w.place(target, connectTo(t, tt.more))
				w.waitIdle()
				if got := w.sim.Ledger()[0].DurationS; got < tt.least || got > tt.least+15 {
					t.Errorf("lasted %d s, want %d and the ringing", got, tt.least)
				}
			})
		})
	}
}

func TestConnectCountsInLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := bridge(t, voicesim.Script{Outcome: "busy"}, 0.01) // one in 100 s
		defer w.close()
		w.place(target, connectTo(t, ""))
		w.waitIdle()
		if errs := w.callbacks.events("reason"); len(w.sim.Ledger()) != 1 || len(errs) != 1 {
			t.Errorf("%d calls, error events %v; want no leg and one", len(w.sim.Ledger()), errs)
		}
		if n := w.sim.Summary().Throttled; n != 1 {
			t.Errorf("%d connect actions throttled, want 1", n)
		}
	})
}

// A leg takes the place of a new call.
func TestConnectTakesAPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := bridge(t, voicesim.Script{Outcome: "answered", Talk: time.Minute}, 0.5) // one in 2 s
		defer w.close()
		w.place(target, connectTo(t, ""))
		w.waitFor("the leg", func() bool { return len(w.sim.Ledger()) == 2 })
		if r := w.do("POST", "/v1/calls", w.callBody(agent, nil)); r.status != http.StatusTooManyRequests {
			t.Errorf("a call within 2 s of the leg: %d", r.status)
		}
		time.Sleep(2 * time.Second)
		w.place(agent, nil)
	})
}

// The contract has no event for a call that nobody answered. The parent of such a leg
// continues all the same.
func TestContractTellsNoUnanswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{ContractShapes: true, Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
			target: {{Outcome: "answered", Talk: time.Hour}}, agent: {{Outcome: "unanswered"}},
		}}})
		defer w.close()
		w.place(target, connectTo(t, `,"eventType":"synchronous"`))
		w.waitIdle()
		parent, leg := w.sim.Ledger()[0], w.sim.Ledger()[1]
		if parent.DurationS < 30 || parent.DurationS > 45 || leg.Outcome != "unanswered" || leg.PriceShown {
			t.Errorf("parent %+v\nleg %+v", parent, leg)
		}
		for _, r := range w.callbacks.all() {
			if r.event["status"] == "unanswered" {
				t.Errorf("event %v", r.event)
			}
			for name, value := range r.event {
				if value == nil {
					t.Errorf("%v: %s is null", r.event["status"], name)
				}
			}
		}
		record := w.do("GET", "/v1/calls/"+leg.UUID, "").body
		for _, name := range []string{"rate", "price", "duration", "end_time"} {
			if value, found := record[name]; found || record["status"] != "unanswered" || record["start_time"] == nil {
				t.Errorf("%s = %v in %v", name, value, record)
			}
		}
	})
}

func TestWebsocketDisconnected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		reply   string
		seconds int // of the parent call, after the leg
	}{"the flow continues": {"", 30}, "a reply brings another one": {`[{"action":"wait","timeout":200}]`, 200}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const peer = "wss://example.com/socket"
				w := inBubble(t, voicesim.Config{Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
					target: {{Outcome: "answered", Talk: time.Hour}},
					peer:   {{Outcome: "answered", Ring: 5 * time.Second, Talk: time.Minute}},
				}}})
				defer w.close()
				w.callbacks.answer = func(n int, _ *http.Request, rw http.ResponseWriter) {
					if w.callbacks.all()[n-1].event["status"] == "disconnected" {
						fmt.Fprint(rw, tt.reply)
					}
				}
				w.place(target, map[string]any{"ncco": actions(t, `[
					{"action":"connect","endpoint":[{"type":"websocket","uri":"`+peer+`","content-type":"audio/l16;rate=16000"}]},
					{"action":"wait","timeout":30}]`)})
				w.waitIdle()
				ledger := w.sim.Ledger()
				e := w.event("disconnected")
				if e["uuid"] != ledger[1].UUID || e["direction"] != nil {
					t.Errorf("event %v", e)
				}
				after := ledger[0].EndedAt.Sub(ledger[1].EndedAt).Round(time.Second)
				if after != time.Duration(tt.seconds)*time.Second {
					t.Errorf("the call went on for %v, want %d s", after, tt.seconds)
				}
			})
		})
	}
}
