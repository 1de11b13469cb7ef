package voicesim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"
)

func testNumbers(n int) []string {
	var numbers []string
	for i := range n {
		numbers = append(numbers, strconv.Itoa(447700100000+i))
	}
	return numbers
}

// everyFault has the settings for each fault of a POST.
var everyFault = map[string]voicesim.Faults{
	"none": {}, "cut_before": {CutBefore: 1}, "cut_after": {CutAfter: 1}, "error_500": {Error500: 1},
	"error_500_placed": {Error500Placed: 1}, "error_503_placed": {Error503Placed: 1}, "too_many": {TooMany: 1},
	"slow": {Slow: 1}, "stuck": {Stuck: 1}, "truncated": {Truncated: 1},
}

// The client relies on Vonage refusing expired tokens, so that no call is made
// twice. Without this check every test on this simulator would be worthless.
func TestCreateNeedsValidToken(t *testing.T) {
	t.Parallel()
	for name, faults := range everyFault {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Faults: faults})
				defer w.close()
				now := time.Now().Unix()
				bad := map[string]string{
					"none": "", "no bearer": "Basic x", "garbage": "Bearer a.b.c",
					"expired":             w.token(0),
					"long expired":        w.token(-time.Hour),
					"old without exp":     w.signed(map[string]any{"application_id": application, "iat": now - 901, "jti": "x"}),
					"another application": w.signed(map[string]any{"application_id": "other", "iat": now, "jti": "x", "exp": now + 60}),
					"no jti":              w.signed(map[string]any{"application_id": application, "iat": now, "exp": now + 60}),
					"from the future":     w.signed(map[string]any{"application_id": application, "iat": now + 600, "jti": "x", "exp": now + 660}),
				}
				for what, authorization := range bad {
					r := w.doWith(authorization, "POST", "/v1/calls", w.callBody(target, nil))
					if r.status != 401 || r.body["type"] != "UNAUTHORIZED" || r.body["error_title"] != "Unauthorized" {
						t.Errorf("%s: %d %v", what, r.status, r.body)
					}
				}
				if n := len(w.sim.Ledger()); n != 0 {
					t.Errorf("%d calls placed", n)
				}
				if n := w.sim.Summary().ExpiredTokens; n != 3 {
					t.Errorf("%d tokens counted as expired, want 3", n)
				}
			})
		})
	}
}

func TestEveryPathNeedsToken(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{})
	for _, request := range []string{"POST /v1/calls", "POST /v1/calls/", "GET /v1/calls", "GET /v1/calls/x", "PUT /v1/calls/x", "GET /v1/other", "GET /"} {
		var method, path string
		if _, err := fmt.Sscan(request, &method, &path); err != nil {
			t.Fatal(err)
		}
		if r := w.doWith("", method, path, ""); r.status != 401 {
			t.Errorf("%s without a token: %d", request, r.status)
		}
	}
	if r := w.do("GET", "/v1/other", ""); r.status != 404 {
		t.Errorf("an unknown path: %d", r.status)
	}
	if r := w.do("POST", "/v1/calls/", w.callBody(target, nil)); r.status != 201 {
		t.Errorf("a trailing slash: %d", r.status)
	}
}

func TestStuckRequestTokenIsChecked(t *testing.T) {
	t.Parallel()
	for life, want := range map[time.Duration]int{30 * time.Second: 201, 2 * time.Second: 401} {
		synctest.Test(t, func(t *testing.T) {
			w := inBubble(t, voicesim.Config{Faults: voicesim.Faults{Stuck: 1, StuckFor: 10 * time.Second}})
			defer w.close()
			r := w.doWith(w.token(life), "POST", "/v1/calls", w.callBody(target, nil))
			placed := len(w.sim.Ledger())
			if r.status != want || placed != map[int]int{201: 1, 401: 0}[want] {
				t.Errorf("token of %v: %d, %d calls; want %d", life, r.status, placed, want)
			}
		})
	}
}

// A stuck request continues after its client has given up, also over a socket.
func TestStuckRequestOutlivesItsClient(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Faults: voicesim.Faults{Stuck: 1, StuckFor: time.Second}})
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", w.url+"/v1/calls", strings.NewReader(w.callBody(target, nil)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", w.token(time.Minute))
	left := make(chan error, 1)
	go func() {
		resp, err := w.client.Do(req)
		if err == nil {
			err = errors.Join(errors.New("answered "+resp.Status), resp.Body.Close())
		}
		left <- err
	}()
	w.waitFor("the request arrives", func() bool { return w.sim.Summary().Faults["stuck"] == 1 })
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("the client did not give up: %v", err)
	}
	w.waitFor("its call is made", func() bool { return len(w.sim.Ledger()) == 1 })
}

func TestCreateFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		status, calls int
		broken        bool
	}{
		"none": {201, 1, false}, "cut_before": {0, 0, true}, "cut_after": {0, 1, true}, "error_500": {500, 0, false},
		"error_500_placed": {500, 1, false}, "error_503_placed": {503, 1, false}, "too_many": {429, 0, false},
		"truncated": {201, 1, true}, "slow": {201, 1, false}, "stuck": {201, 1, false},
	}
	for name, want := range tests {
		faults := everyFault[name]
		faults.SlowFor, faults.StuckFor = 30*time.Millisecond, 30*time.Millisecond
		for kind, start := range map[string]func(*testing.T, voicesim.Config) *testSim{"socket": overHTTP, "in process": inProcess} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				w := start(t, voicesim.Config{Faults: faults})
				r := w.do("POST", "/v1/calls", w.callBody(target, nil))
				if calls := len(w.sim.Ledger()); r.status != want.status || calls != want.calls || (r.err != nil) != want.broken {
					t.Errorf("got %d (%v), %d calls; want %+v", r.status, r.err, calls, want)
				}
				if n := w.sim.Summary().Faults[name]; name != "none" && n != 1 {
					t.Errorf("counted %d times", n)
				}
			})
		}
	}
}

func inProcess(t *testing.T, cfg voicesim.Config) *testSim {
	w := inBubble(t, cfg)
	t.Cleanup(w.close)
	return w
}

func TestSlowResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Faults: voicesim.Faults{Slow: 1}})
		defer w.close()
		w.client.Timeout = 10 * time.Second
		r := w.do("POST", "/v1/calls", w.callBody(target, nil))
		if r.err == nil || len(w.sim.Ledger()) != 1 {
			t.Errorf("%d (%v), %d calls; want a timeout and a call", r.status, r.err, len(w.sim.Ledger()))
		}
	})
}

func TestCreateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{CallsPerSecond: 3})
		defer w.close()
		statuses := func(n int) (got []int) {
			for range n {
				got = append(got, w.do("POST", "/v1/calls", w.callBody(target, nil)).status)
			}
			return got
		}
		if got := fmt.Sprint(statuses(5)); got != "[201 201 201 429 429]" {
			t.Errorf("at once: %s", got)
		}
		time.Sleep(999 * time.Millisecond)
		if got := fmt.Sprint(statuses(1)); got != "[429]" {
			t.Errorf("within the second: %s", got)
		}
		time.Sleep(time.Millisecond)
		if got := fmt.Sprint(statuses(4)); got != "[201 201 201 429]" {
			t.Errorf("a second later: %s", got)
		}
		m := w.sim.Summary()
		if m.MaxCreatesPerSecond != 6 || m.MaxPlacedPerSecond != 3 || m.Creates != 10 || m.Placed != 6 || m.Refused[429] != 4 {
			t.Errorf("%+v", m)
		}
	})
}

func TestRequestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{CallsPerSecond: 1, RequestsPerSecond: 2})
		defer w.close()
		uuid := w.place(target, nil)
		for i, want := range []int{200, 200, 429} {
			r := w.do("GET", "/v1/calls/"+uuid, "")
			if r.status != want {
				t.Errorf("request %d: %d, want %d", i, r.status, want)
			}
			if want == 429 && r.body["title"] != "Rate Limit Hit" {
				t.Errorf("body %v", r.body)
			}
		}
	})
}

func TestCreateInvalid(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{})
	phone := func(number string) []any { return []any{map[string]any{"type": "phone", "number": number}} }
	tests := map[string]map[string]any{
		"number":            {"to": phone("12345")},
		"to":                {"to": []any{}},
		"type":              {"to": []any{map[string]any{"type": "pigeon"}}},
		"uri":               {"to": []any{map[string]any{"type": "sip"}}},
		"content-type":      {"to": []any{map[string]any{"type": "websocket", "uri": "wss://x.test"}}},
		"extension":         {"to": []any{map[string]any{"type": "vbc"}}},
		"user":              {"to": []any{map[string]any{"type": "app"}}},
		"from":              {"random_from_number": true},
		"ncco":              {"answer_url": []any{"https://x.test/answer"}},
		"answer_url":        {"ncco": nil, "answer_url": []any{"answer"}},
		"event_url":         {"event_url": []any{"no url"}},
		"event_method":      {"event_method": "PUT"},
		"machine_detection": {"machine_detection": "maybe"},
		"length_timer":      {"length_timer": 86401},
		"ringing_timer":     {"ringing_timer": 0},
		"beep_timeout":      {"advanced_machine_detection": map[string]any{"beep_timeout": 44}},
		"dtmfAnswer":        {"to": []any{map[string]any{"type": "phone", "number": target, "dtmfAnswer": "1x"}}},
	}
	for name, change := range tests {
		r := w.do("POST", "/v1/calls", w.callBody(target, change))
		wrong, _ := r.body["invalid_parameters"].([]any)
		if r.status != 400 || len(wrong) != 1 || wrong[0].(map[string]any)["name"] != name {
			t.Errorf("%s: %d %v", name, r.status, r.body)
		}
	}
	if r := w.do("POST", "/v1/calls", "{"); r.status != http.StatusBadRequest || r.body["type"] != "BAD_REQUEST" {
		t.Errorf("no JSON: %d %v", r.status, r.body)
	}
	if n := len(w.sim.Ledger()); n != 0 {
		t.Errorf("%d calls placed", n)
	}
}

// The contract has no SIP address as the caller and not all of today's endpoints.
func TestContractEndpoints(t *testing.T) {
	t.Parallel()
	for _, change := range []map[string]any{
		{"from": map[string]any{"type": "phone", "number": "sip:desk@sip.example.com"}},
		{"to": []any{map[string]any{"type": "vbc", "extension": "123"}}},
		{"to": []any{map[string]any{"type": "app", "user": "jamie"}}},
	} {
		for contract, want := range map[bool]int{false: http.StatusCreated, true: http.StatusBadRequest} {
			w := overHTTP(t, voicesim.Config{ContractShapes: contract})
			if r := w.do("POST", "/v1/calls", w.callBody(target, change)); r.status != want {
				t.Errorf("%v, contract %t: %d %v", change, contract, r.status, r.body)
			}
		}
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{})
	for _, to := range []map[string]any{
		{"type": "phone", "number": "+447700900123", "dtmfAnswer": "p*123#"},
		{"type": "sip", "uri": "sip:rebekka@sip.example.com", "headers": map[string]any{"a": "b"}},
		{"type": "websocket", "uri": "wss://example.com/socket", "content-type": "audio/l16;rate=16000", "headers": map[string]any{"a": "b"}},
		{"type": "vbc", "extension": "123"},
		{"type": "app", "user": "jamie"},
	} {
		uuid := w.place("", map[string]any{"to": []any{to}, "from": nil, "random_from_number": "true"})
		r := w.do("GET", "/v1/calls/"+uuid, "")
		if got := r.body["to"].(map[string]any)["type"]; got != to["type"] {
			t.Errorf("record's to has type %v, want %v", got, to["type"])
		}
	}
	if got := w.sim.Ledger()[0].To; got != target {
		t.Errorf("a number with a plus sign is recorded as %q", got)
	}
}
