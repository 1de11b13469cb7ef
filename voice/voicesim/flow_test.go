package voicesim_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// actions reads an NCCO for a request.
func actions(t *testing.T, ncco string) any {
	t.Helper()
	var a any
	if err := json.Unmarshal([]byte(ncco), &a); err != nil {
		t.Fatal(err)
	}
	return a
}

// picksUp is a person who answers after 5 s and stays for an hour.
func picksUp(more voicesim.Script) voicesim.Outcomes {
	more.Outcome, more.Ring, more.Talk = "answered", 5*time.Second, time.Hour
	return script(more)
}

// events are the callbacks that have this member and no status.
func (m *callbackLog) events(name string) []request {
	var found []request
	for _, r := range m.all() {
		if _, has := r.event[name]; has && r.event["status"] == nil {
			found = append(found, r)
		}
	}
	return found
}

func TestFlowDuration(t *testing.T) {
	t.Parallel()
	hundredFifty := strings.Repeat("fifteen letters", 10)
	tests := map[string]struct {
		ncco    string
		digits  []string
		seconds int
	}{
		"talk by its length":       {`[{"action":"talk","text":"` + hundredFifty + `"}]`, nil, 10},
		"talk twice":               {`[{"action":"talk","text":"` + hundredFifty + `","loop":"2"}]`, nil, 20},
		"tags are not read":        {`[{"action":"talk","text":"<speak>` + hundredFifty + `<break time='1s'/></speak>"}]`, nil, 10},
		"two actions":              {`[{"action":"talk","text":"` + hundredFifty + `"},{"action":"wait","timeout":7}]`, nil, 17},
		"stream":                   {`[{"action":"stream","streamUrl":["https://x.test/a.mp3"],"loop":3}]`, nil, 30},
		"wait's default":           {`[{"action":"wait"}]`, nil, 10},
		"barge in":                 {`[{"action":"talk","text":"` + hundredFifty + `","bargeIn":true},{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}}]`, []string{"1"}, 2},
		"no barge in":              {`[{"action":"talk","text":"` + hundredFifty + `","bargeIn":true},{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}}]`, nil, 13},
		"recording that ends":      {`[{"action":"record","endOnSilence":3}]`, nil, 8},
		"recording by a key":       {`[{"action":"record","endOnKey":"#","timeOut":3}]`, nil, 3},
		"recording that continues": {`[{"action":"record"},{"action":"wait","timeout":4}]`, nil, 4},
		"input waits":              {`[{"action":"input","type":["dtmf"],"dtmf":{"timeOut":6}}]`, nil, 6},
		"conversation has no end":  {`[{"action":"conversation","name":"x"},{"action":"talk","text":"never"}]`, nil, 3600},
		"transfer has no end":      {`[{"action":"transfer","conversationId":"CON-f972836a-550f-45fa-956c-12a2ab5b7d22"}]`, nil, 3600},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{Digits: tt.digits})})
				defer w.close()
				w.place(target, map[string]any{"ncco": actions(t, tt.ncco)})
				w.waitIdle()
				if got := w.onlyCall().DurationS; got != tt.seconds {
					t.Errorf("lasted %d s, want %d", got, tt.seconds)
				}
				by := "platform"
				if tt.seconds == 3600 {
					by = "user"
				}
				if got := w.event("completed")["disconnected_by"]; got != by {
					t.Errorf("ended by %v, want %s", got, by)
				}
			})
		})
	}
}

func TestInput(t *testing.T) {
	t.Parallel()
	notEnabled := map[string]any{"error": "Speech was not enabled"}
	tests := map[string]struct {
		action string
		person voicesim.Script
		dtmf   any
		speech any
	}{
		"as many as wanted": {
			`{"type":["dtmf"],"dtmf":{"maxDigits":2}}`, voicesim.Script{Digits: []string{"1234"}},
			map[string]any{"digits": "12", "timed_out": false}, notEnabled,
		},
		"hash": {
			`{"type":["dtmf"],"dtmf":{"submitOnHash":true}}`, voicesim.Script{Digits: []string{"12#"}},
			map[string]any{"digits": "12", "timed_out": false}, notEnabled,
		},
		"too few": {
			`{"type":"dtmf"}`, voicesim.Script{Digits: []string{"12"}},
			map[string]any{"digits": "12", "timed_out": true}, notEnabled,
		},
		"flat form": {
			`{"maxDigits":"1"}`, voicesim.Script{Digits: []string{"9"}},
			map[string]any{"digits": "9", "timed_out": false}, notEnabled,
		},
		"speech": {
			`{"type":["speech"]}`, voicesim.Script{Speech: []string{"yes"}},
			map[string]any{"digits": nil, "timed_out": false},
			map[string]any{"timeout_reason": "end_on_silence_timeout", "results": []any{map[string]any{"text": "yes", "confidence": "0.9405097"}}},
		},
		"silence": {
			`{"type":["speech"]}`, voicesim.Script{},
			map[string]any{"digits": nil, "timed_out": false}, map[string]any{"timeout_reason": "start_timeout", "results": []any{}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: picksUp(tt.person)})
				defer w.close()
				uuid := w.place(target, map[string]any{"ncco": actions(t, `[{"action":"input",`+tt.action[1:]+`]`)})
				w.waitIdle()
				got := w.callbacks.events("dtmf")
				if len(got) != 1 {
					t.Fatalf("%d input events", len(got))
				}
				e := got[0].event
				if diff := cmp.Diff(tt.dtmf, e["dtmf"]) + cmp.Diff(tt.speech, e["speech"]); diff != "" {
					t.Error(diff)
				}
				if e["uuid"] != uuid || e["to"] != target || e["direction"] != nil {
					t.Errorf("event %v", e)
				}
			})
		})
	}
}

func TestInputReply(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{Digits: []string{"1"}})})
		defer w.close()
		w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
			if r.URL.Path == "/menu" {
				fmt.Fprint(rw, `[{"action":"wait","timeout":20}]`)
			}
		}
		w.place(target, map[string]any{"ncco": actions(t, `[
			{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1},"eventUrl":["http://dialer.test/menu"]},
			{"action":"wait","timeout":1000}]`)})
		w.waitIdle()
		if got := w.onlyCall().DurationS; got != 21 { // half a second for the key
			t.Errorf("lasted %d s, want 21", got)
		}
	})
}

func TestAsynchronousInput(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{Digits: []string{"123456"}})})
		defer w.close()
		uuid := w.place(target, map[string]any{"ncco": actions(t, `[{"action":"input","type":["dtmf"],"mode":"asynchronous"},{"action":"wait"}]`)})
		path := "/v1/calls/" + uuid + "/input/dtmf"
		for len(w.callbacks.events("dtmf")) < 2 {
			time.Sleep(10 * time.Millisecond)
		}
		if r := w.do("PUT", path, `{"event_url":["http://dialer.test/keys"]}`); r.status != 200 {
			t.Errorf("subscribe: %d %v", r.status, r.body)
		}
		for len(w.callbacks.events("dtmf")) < 4 {
			time.Sleep(10 * time.Millisecond)
		}
		if r := w.do("DELETE", path, ""); r.status != 200 {
			t.Errorf("unsubscribe: %d %v", r.status, r.body)
		}
		w.waitIdle()
		var got []string
		for _, r := range w.callbacks.events("dtmf") {
			got = append(got, r.path+" "+r.event["dtmf"].(map[string]any)["digits"].(string))
		}
		if diff := cmp.Diff([]string{"/webhooks/event 1", "/webhooks/event 2", "/keys 3", "/keys 4"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestActionEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{})})
		defer w.close()
		w.place(target, map[string]any{"ncco": actions(t, `[
			{"action":"record"},
			{"action":"notify","payload":{"a":[1]},"eventUrl":["http://dialer.test/notify"]},
			{"action":"wait","timeout":30},
			{"action":"transfer","conversationId":"CON-f972836a-550f-45fa-956c-12a2ab5b7d22"}]`)})
		w.waitIdle()
		notify := w.callbacks.events("payload")
		if len(notify) != 1 || notify[0].path != "/notify" || !cmp.Equal(notify[0].event["payload"], any(map[string]any{"a": []any{1.0}})) {
			t.Errorf("notify: %v", notify)
		}
		moved := w.callbacks.events("conversation_uuid_to")
		if len(moved) != 1 || moved[0].event["conversation_uuid_to"] != "CON-f972836a-550f-45fa-956c-12a2ab5b7d22" || moved[0].event["type"] != "transfer" {
			t.Errorf("transfer: %v", moved)
		}
		recorded := w.callbacks.events("recording_url")
		if len(recorded) != 1 || recorded[0].event["size"] != 3600*16000.0 || recorded[0].event["uuid"] != nil {
			t.Errorf("record: %v", recorded)
		}
	})
}

func TestConversation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		numbers := testNumbers(3)
		stays := []voicesim.Script{{Outcome: "answered", Ring: 5 * time.Second, Talk: time.Hour}}
		leaves := []voicesim.Script{{Outcome: "answered", Ring: 5 * time.Second, Talk: time.Minute}}
		w := inBubble(t, voicesim.Config{Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
			numbers[0]: stays, numbers[1]: stays, numbers[2]: leaves,
		}}})
		defer w.close()
		join := func(number, more string) {
			w.place(number, map[string]any{"ncco": actions(t, `[{"action":"conversation","name":"board"`+more+`}]`)})
		}
		join(numbers[0], "")
		join(numbers[1], "")
		join(numbers[2], `,"endOnExit":"true"`)
		w.waitIdle()
		ledger := w.sim.Ledger()
		for _, c := range ledger {
			if c.ConversationUUID != ledger[0].ConversationUUID || c.DurationS > 63 {
				t.Errorf("%s was in %s for %d s, want one conversation that ends with its owner", c.To, c.ConversationUUID, c.DurationS)
			}
		}
	})
}

func TestInvalidNCCOIsRefused(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{})
	for _, ncco := range []string{
		`[{"action":"dance"}]`, `[{"text":"x"}]`, `["talk"]`, `[{"action":"talk"}]`, `[{"action":"talk","text":"x","loop":-1}]`,
		`[{"action":"talk","text":"x","level":2}]`, `[{"action":"talk","text":"` + strings.Repeat("x", 1501) + `"}]`,
		`[{"action":"stream"}]`, `[{"action":"input","type":["smell"]}]`, `[{"action":"input","type":["dtmf"],"dtmf":{"timeOut":11}}]`,
		`[{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":21}}]`, `[{"action":"notify","payload":{}}]`,
		`[{"action":"record","endOnSilence":11}]`, `[{"action":"record","timeOut":2}]`, `[{"action":"record","channels":33}]`,
		`[{"action":"connect"}]`, `[{"action":"connect","endpoint":[{"type":"phone","number":"1"}]}]`,
		`[{"action":"connect","endpoint":[{"type":"app","user":"x"}],"from":"447700900001","randomFromNumber":true}]`,
		`[{"action":"conversation"}]`, `[{"action":"wait","timeout":0}]`, `[{"action":"transfer"}]`,
	} {
		r := w.do("POST", "/v1/calls", w.callBody(target, map[string]any{"ncco": actions(t, ncco)}))
		wrong, _ := r.body["invalid_parameters"].([]any)
		if r.status != 400 || len(wrong) != 1 || wrong[0].(map[string]any)["name"] != "ncco" {
			t.Errorf("%.60s: %d %v", ncco, r.status, r.body)
		}
	}
}

// A flow that waits for a reply would wait for ever if its event was lost.
func TestEventWithReplyHasNoFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Faults: voicesim.Faults{EventLost: 1}, Outcomes: picksUp(voicesim.Script{})})
		defer w.close()
		w.place(target, map[string]any{"ncco": actions(t, `[{"action":"notify","payload":{},"eventUrl":["http://dialer.test/notify"]},{"action":"wait"}]`)})
		w.waitIdle()
		if got := w.onlyCall().DurationS; got != 10 || len(w.callbacks.events("payload")) != 1 || len(w.callbacks.statuses()) != 0 {
			t.Errorf("lasted %d s, %d notify events, statuses %v", got, len(w.callbacks.events("payload")), w.callbacks.statuses())
		}
	})
}
