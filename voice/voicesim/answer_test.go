package voicesim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

func TestAnswerURL(t *testing.T) {
	t.Parallel()
	const flow = `[{"action":"wait","timeout":20}]`
	type step struct {
		status int
		body   string
	}
	tests := map[string]struct {
		method   string
		steps    []step // of the answer URL; the last one repeats
		fallback step
		asked    string // paths in order
		seconds  int
		reason   string // in an error event
	}{
		"GET":                       {"", []step{{200, flow}}, step{}, "/answer", 20, ""},
		"POST":                      {"POST", []step{{200, flow}}, step{}, "/answer", 20, ""},
		"the second try":            {"", []step{{503, ""}, {200, flow}}, step{}, "/answer /answer", 21, ""},
		"fallback after two tries":  {"", []step{{504, ""}}, step{200, flow}, "/answer /answer /fallback", 21, ""},
		"fallback at once":          {"", []step{{404, ""}}, step{200, flow}, "/answer /fallback", 20, ""},
		"both fail":                 {"", []step{{404, ""}}, step{500, ""}, "/answer /fallback", 0, ""},
		"an NCCO that is none":      {"", []step{{200, `{"action":"talk"}`}}, step{}, "/answer", 0, "Syntax error in NCCO. Invalid value type or action."},
		"an action that is unknown": {"", []step{{200, `[{"action":"dance"}]`}}, step{}, "/answer", 0, "Syntax error in NCCO. Invalid value type or action."},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{FallbackAnswerURL: "http://dialer.test/fallback", Outcomes: picksUp(voicesim.Script{})})
				defer w.close()
				var asked []string
				w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
					step := tt.fallback
					switch r.URL.Path {
					case "/answer":
						step = tt.steps[min(len(asked), len(tt.steps)-1)]
					case "/fallback":
					default:
						return
					}
					asked = append(asked, r.URL.Path)
					rw.WriteHeader(step.status)
					fmt.Fprint(rw, step.body)
				}
				order := map[string]any{"ncco": nil, "answer_url": []any{"http://dialer.test/answer?x=1"}}
				if tt.method != "" {
					order["answer_method"] = tt.method
				}
				uuid := w.place(target, order)
				w.waitIdle()
				if got := strings.Join(asked, " "); got != tt.asked {
					t.Errorf("asked %s, want %s", got, tt.asked)
				}
				if got := w.onlyCall().DurationS; got != tt.seconds {
					t.Errorf("lasted %d s, want %d", got, tt.seconds)
				}
				w.checkNCCORequest(tt.method, uuid)
				if errs := w.callbacks.events("reason"); tt.reason != "" && (len(errs) != 1 || errs[0].event["reason"] != tt.reason) {
					t.Errorf("error events %v", errs)
				}
			})
		})
	}
}

// checkNCCORequest checks the first request for an NCCO.
func (w *testSim) checkNCCORequest(method, uuid string) {
	w.t.Helper()
	for _, r := range w.callbacks.all() {
		if r.path != "/answer" {
			continue
		}
		q, err := url.ParseQuery(r.query)
		if err != nil || q.Get("x") != "1" {
			w.t.Errorf("query %q: the answer URL's own was not kept", r.query)
		}
		if method == "POST" && (r.method != "POST" || r.event["uuid"] != uuid || r.event["to"] != target) {
			w.t.Errorf("%s %v", r.method, r.event)
		}
		if method == "" && (r.method != "GET" || q.Get("uuid") != uuid || q.Get("to") != target) {
			w.t.Errorf("%s %s", r.method, r.query)
		}
		return
	}
}

func TestFallbackAnswerURL(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{FallbackAnswerURL: "http://dialer.test/fallback", Outcomes: picksUp(voicesim.Script{})})
		defer w.close()
		w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
			if r.URL.Path != "/webhooks/event" {
				rw.WriteHeader(404)
			}
		}
		w.place(target, map[string]any{"ncco": nil, "answer_url": []any{"http://dialer.test/answer"}, "answer_method": "POST"})
		w.waitIdle()
		got := w.callbacks.events("original_request")
		want := map[string]any{"url": "http://dialer.test/answer", "type": "answer"}
		if len(got) != 1 || got[0].event["reason"] != "status 404" || !cmp.Equal(got[0].event["original_request"], any(want)) {
			t.Errorf("fallback heard %v", got)
		}
	})
}

func TestAdvancedDetection(t *testing.T) {
	t.Parallel()
	const begun, reply = "http://dialer.test/begun", `[{"action":"wait","timeout":100}]`
	tests := map[string]struct {
		outcome, amd string
		beep         time.Duration
		want         string // events, with "begun" where the NCCO starts
		reply        string // to the first machine event
	}{
		"default starts at once":         {"machine", `{"mode":"default"}`, 5 * time.Second, "answered begun machine machine:beep_start", ""},
		"detect waits for the verdict":   {"machine", `{"mode":"detect"}`, 5 * time.Second, "answered machine begun", ""},
		"detect is the default mode":     {"human", `{}`, 0, "answered human begun", ""},
		"detect_beep waits for it":       {"machine", `{"mode":"detect_beep"}`, 5 * time.Second, "answered machine machine:beep_start begun", ""},
		"detect_beep and no beep":        {"machine", `{"mode":"detect_beep","beep_timeout":50}`, time.Minute, "answered machine machine:beep_timeout begun", ""},
		"detect_beep and a person":       {"human", `{"mode":"detect_beep"}`, 0, "answered human begun", ""},
		"hangup":                         {"machine", `{"mode":"detect","behavior":"hangup"}`, 0, "answered machine", ""},
		"a reply brings another flow":    {"machine", `{"mode":"detect"}`, 0, "answered machine", reply},
		"plain detection starts at once": {"machine", ``, 0, "answered begun machine", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: tt.outcome, Talk: 3 * time.Minute, Beep: tt.beep})})
				defer w.close()
				w.callbacks.answer = func(n int, r *http.Request, rw http.ResponseWriter) {
					if w.callbacks.all()[n-1].event["status"] == "machine" {
						fmt.Fprint(rw, tt.reply)
					}
				}
				order := map[string]any{"ncco": actions(t, `[{"action":"notify","payload":{"state":"begun"},"eventUrl":["`+begun+`"]},{"action":"wait","timeout":150}]`)}
				if tt.amd == "" {
					order["machine_detection"] = "continue"
				} else {
					order["advanced_machine_detection"] = actions(t, tt.amd)
				}
				w.place(target, order)
				w.waitIdle()
				var got []string
				for _, r := range w.callbacks.all() {
					switch status := r.event["status"]; {
					case r.path == "/begun":
						got = append(got, "begun")
					case r.event["sub_state"] != nil:
						got = append(got, fmt.Sprint(status, ":", r.event["sub_state"]))
					case status == "answered" || status == "human" || status == "machine":
						got = append(got, status.(string))
					}
				}
				if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
