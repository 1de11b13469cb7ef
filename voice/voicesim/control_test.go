package voicesim_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"
)

// inCall is a simulator with an answered call in progress.
func inCall(t *testing.T, cfg voicesim.Config) (w *testSim, path string) {
	t.Helper()
	cfg.Outcomes = picksUp(voicesim.Script{})
	w = inBubble(t, cfg)
	path = "/v1/calls/" + w.place(target, nil)
	for !slices.Contains(w.callbacks.statuses(), "answered") {
		time.Sleep(10 * time.Millisecond)
	}
	return w, path
}

func (w *testSim) expect(status int, method, path, body string) map[string]any {
	w.t.Helper()
	r := w.do(method, path, body)
	if r.status != status {
		w.t.Errorf("%s %s %s: %d %v, want %d", method, path, body, r.status, r.body, status)
	}
	return r.body
}

func TestHangUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, path := inCall(t, voicesim.Config{})
		defer w.close()
		time.Sleep(8 * time.Second)
		w.expect(204, "PUT", path, `{"action":"hangup"}`)
		w.waitIdle()
		if c := w.onlyCall(); c.Outcome != "answered" || c.DurationS < 8 || c.DurationS > 9 {
			t.Errorf("%s after %d s", c.Outcome, c.DurationS)
		}
		if e := w.event("completed"); e["disconnected_by"] != "platform" {
			t.Errorf("disconnected by %v", e["disconnected_by"])
		}
		for _, sub := range []string{"", "/talk", "/stream", "/dtmf", "/input/dtmf"} {
			body := w.expect(404, "PUT", path+sub, `{"action":"hangup"}`)
			if body["type"] != 404.0 || body["title"] != "Not Found" {
				t.Errorf("%s after the end: %v", sub, body)
			}
		}
	})
}

func TestHangUpWhileRinging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{})})
		defer w.close()
		path := "/v1/calls/" + w.place(target, nil)
		if body := w.expect(400, "PUT", path, `{"action":"hangup"}`); body["type"] != "BAD_REQUEST" {
			t.Errorf("too early: %v, want shape B", body)
		}
		time.Sleep(1999 * time.Millisecond)
		w.expect(400, "PUT", path, `{"action":"hangup"}`)
		time.Sleep(time.Millisecond)
		w.expect(204, "PUT", path, `{"action":"hangup"}`)
		w.expect(404, "PUT", path, `{"action":"hangup"}`)
		w.waitIdle()
		if got := fmt.Sprint(w.callbacks.statuses()); got != "[started ringing cancelled completed]" {
			t.Errorf("events %s", got)
		}
		if r := w.do("GET", path, ""); r.body["status"] != "cancelled" {
			t.Errorf("record says %v", r.body["status"])
		}
	})
}

func TestControlInLedger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, path := inCall(t, voicesim.Config{})
		defer w.close()
		steps := []struct {
			method, sub, body string
			message           any
			want              voicesim.Control
		}{
			{"PUT", "", `{"action":"mute"}`, nil, voicesim.Control{Muted: true}},
			{"PUT", "", `{"action":"earmuff"}`, nil, voicesim.Control{Muted: true, Earmuffed: true}},
			{"PUT", "", `{"action":"unmute"}`, nil, voicesim.Control{Earmuffed: true}},
			{"PUT", "", `{"action":"unearmuff"}`, nil, voicesim.Control{}},
			{"PUT", "/talk", `{"text":"Hello","loop":0,"level":"0.4","voice_name":"Amy"}`, "Talk started", voicesim.Control{Talking: true}},
			{"DELETE", "/talk", ``, "Talk stopped", voicesim.Control{}},
			{"PUT", "/stream", `{"stream_url":["https://x.test/a.mp3"],"loop":"0"}`, "Stream started", voicesim.Control{Streaming: true}},
			{"DELETE", "/stream", ``, "Stream stopped", voicesim.Control{}},
			{"PUT", "/dtmf", `{"digits":"1p7#"}`, "DTMF sent", voicesim.Control{DTMF: "17#"}},
		}
		for _, step := range steps {
			status := http.StatusNoContent
			if step.message != nil {
				status = http.StatusOK
			}
			if body := w.expect(status, step.method, path+step.sub, step.body); body["message"] != step.message {
				t.Errorf("%s %s: %v", step.method, step.body, body)
			}
			if got := w.onlyCall().Control; got != step.want {
				t.Errorf("after %s %s %s: %+v", step.method, step.sub, step.body, got)
			}
		}
	})
}

func TestControlSoundEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, path := inCall(t, voicesim.Config{})
		defer w.close()
		w.expect(200, "PUT", path+"/stream", `{"stream_url":["https://x.test/a.mp3"]}`)
		if body := w.expect(400, "PUT", path+"/stream", `{"stream_url":["https://x.test/b.mp3"]}`); body["type"] != 400.0 {
			t.Errorf("a second stream: %v, want shape A", body)
		}
		time.Sleep(5 * time.Second)
		w.expect(200, "DELETE", path+"/stream", "")
		w.expect(200, "PUT", path+"/stream", `{"stream_url":["https://x.test/b.mp3"]}`)
		time.Sleep(6 * time.Second)
		if !w.onlyCall().Control.Streaming {
			t.Error("the end of the first stream ended the second")
		}
		time.Sleep(5 * time.Second)
		if w.onlyCall().Control.Streaming {
			t.Error("a stream of 10 s still plays after 11")
		}
	})
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ destination, want string }{
		"inline": {`"ncco":[{"action":"wait","timeout":20}]`, "platform"},
		"by URL": {`"url":["http://dialer.test/next"]`, "platform"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, path := inCall(t, voicesim.Config{})
				defer w.close()
				w.callbacks.mu.Lock()
				w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
					if r.URL.Path == "/next" {
						fmt.Fprint(rw, `[{"action":"wait","timeout":20}]`)
					}
				}
				w.callbacks.mu.Unlock()
				before := w.onlyCall().ConversationUUID
				w.expect(204, "PUT", path, `{"action":"transfer","destination":{"type":"ncco",`+tt.destination+`}}`)
				w.waitIdle()
				c := w.onlyCall()
				if c.DurationS < 20 || c.DurationS > 21 || c.Control.Transfers != 1 {
					t.Errorf("lasted %d s, %d transfers", c.DurationS, c.Control.Transfers)
				}
				moved := w.callbacks.events("conversation_uuid_to")
				if len(moved) != 1 || moved[0].event["conversation_uuid_from"] != before || moved[0].event["conversation_uuid_to"] != c.ConversationUUID {
					t.Errorf("transfer event %v", moved)
				}
			})
		})
	}
}

func TestControlInvalid(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, path := inCall(t, voicesim.Config{})
		defer w.close()
		for _, request := range []struct{ sub, body, name string }{
			{"", `{"action":"dance"}`, "action"}, {"", `{}`, "action"},
			{"", `{"action":"transfer"}`, "type"},
			{"", `{"action":"transfer","destination":{"type":"ncco"}}`, "destination"},
			{"", `{"action":"transfer","destination":{"type":"ncco","url":["x"]}}`, "url"},
			{"", `{"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"dance"}]}}`, "ncco"},
			{"", `{"action":"transfer","destination":{"type":"ncco","url":["http://x.test"],"ncco":[{"action":"wait"}]}}`, "destination"},
			{"/talk", `{}`, "text"}, {"/talk", `{"text":"x","loop":-1}`, "loop"}, {"/talk", `{"text":"x","level":"2"}`, "level"},
			{"/stream", `{}`, "stream_url"}, {"/dtmf", `{}`, "digits"}, {"/dtmf", `{"digits":"x"}`, "digits"},
			{"/input/dtmf", `{}`, "event_url"}, {"/input/dtmf", `{"event_url":["http://x.test"]}`, "uuid"},
		} {
			body := w.expect(400, "PUT", path+request.sub, request.body)
			wrong, _ := body["invalid_parameters"].([]any)
			if len(wrong) != 1 || wrong[0].(map[string]any)["name"] != request.name {
				t.Errorf("%s %s: %v", request.sub, request.body, body)
			}
		}
		if body := w.expect(400, "PUT", path, `{`); body["type"] != "BAD_REQUEST" {
			t.Errorf("no JSON: %v", body)
		}
		w.expect(404, "PUT", "/v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356", `{"action":"hangup"}`)
	})
}

func TestControlBeforeAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{})})
		defer w.close()
		path := "/v1/calls/" + w.place(target, nil)
		time.Sleep(3 * time.Second)
		w.expect(400, "PUT", path, `{"action":"mute"}`)
		w.expect(400, "PUT", path+"/talk", `{"text":"x"}`)
		w.expect(400, "PUT", path+"/stream", `{"stream_url":["http://x.test"]}`)
		w.expect(400, "PUT", path+"/dtmf", `{"digits":"1"}`)
		w.expect(400, "DELETE", path+"/input/dtmf", ``)
	})
}

func TestContractOperations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, path := inCall(t, voicesim.Config{ContractShapes: true})
		defer w.close()
		w.expect(400, "PUT", path, `{"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"wait"}]}}`)
		w.expect(404, "PUT", path+"/input/dtmf", `{"event_url":["http://x.test"]}`)
		w.expect(204, "PUT", path, `{"action":"mute"}`)
	})
}

func TestControlLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, path := inCall(t, voicesim.Config{RequestsPerSecond: 1})
		defer w.close()
		w.expect(204, "PUT", path, `{"action":"mute"}`)
		w.expect(429, "PUT", path, `{"action":"unmute"}`)
		if !w.onlyCall().Control.Muted {
			t.Error("a refused request had its effect")
		}
	})
}

// A reply that comes after a transfer belongs to the old flow.
func TestLateReplyIsIgnored(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]map[string]any{
		"to an answer URL": {"ncco": nil, "answer_url": []any{"http://dialer.test/slow"}},
		"to an input": {"ncco": []any{map[string]any{
			"action": "input", "type": []any{"dtmf"}, "dtmf": map[string]any{"timeOut": 1}, "eventUrl": []any{"http://dialer.test/slow"},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: picksUp(voicesim.Script{})})
				defer w.close()
				w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
					if r.URL.Path == "/slow" {
						time.Sleep(4 * time.Second)
						fmt.Fprint(rw, `[{"action":"wait","timeout":500}]`)
					}
				}
				path := "/v1/calls/" + w.place(target, order)
				for !slices.ContainsFunc(w.callbacks.all(), func(r request) bool { return r.path == "/slow" }) {
					time.Sleep(10 * time.Millisecond)
				}
				w.expect(204, "PUT", path, `{"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"wait","timeout":20}]}}`)
				w.waitIdle()
				if got := w.onlyCall().DurationS; got > 25 {
					t.Errorf("lasted %d s: the flow of the late reply was run", got)
				}
			})
		})
	}
}
