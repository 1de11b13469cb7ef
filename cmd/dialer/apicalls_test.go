package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// asksForCalls starts a dialer, and returns how a program posts to its calls.
func (l *line) asksForCalls(t *testing.T) (admin string, post func(path, body string) (status int, answer []byte)) {
	t.Helper()
	code, out, errOut := dialer(t, "token", "add", "--name", "crm", "--role", "operator", "--database-url", l.db.URL)
	if code != cli.ExitOK {
		t.Fatalf("token add: exit %d, said %s", code, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	admin = l.dials(t)
	awaitHTTP(t, "http://"+admin+"/readyz")
	return admin, func(path, body string) (int, []byte) {
		t.Helper()
		return askAPI(t, admin, lines[len(lines)-1], http.MethodPost, "calls"+path, body)
	}
}

// askAPI sends a request with a token and a JSON body to the API of a dialer.
func askAPI(t *testing.T, admin, token, method, path, body string) (status int, answer []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+admin+"/api/v1/"+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, answer
}

// A call that a program asks for is counted as those of campaigns are.
func TestCallOfTheAPIIsCounted(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	admin, post := l.asksForCalls(t)
	if status, answer := post("", `{"to": "+`+person(0)+`", "say": "Hello."}`); status != http.StatusCreated {
		t.Fatalf("POST calls: %d %s", status, answer)
	}
	_, metrics := get(t, "http://"+admin+"/metrics", nil)
	for _, want := range []string{`dialer_gates_total{result="passed"} 1`, `dialer_posts_total{outcome="created",refusal=""} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
}

// What is wrong with a call that a program asks for is told by the names of the
// members, each mistake on a line; what the program wrote is told as it wrote it.
func TestCallOfTheAPINamesMembers(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	_, post := l.asksForCalls(t)
	for _, test := range []struct{ path, body, want string }{
		{"", `{"say": "Hello."}`, "to: want a telephone number"},
		{"", `{"to": "+447700900100"}`, "want one of say, ncco and answer_url"},
		{"", `{"to": "+447700900100", "say": "Hello.", "answer_url": "https://a.test"}`, "want one of say, ncco and answer_url"},
		{"", `{"to": "+449098790171", "say": "Hello."}`, "to: this is a premium-rate number, which is never called"},
		{
			"", `{"to": "+447700900100", "from": "0770", "say": "Hello.", "ringing_timer": 0, "length_timer": 7201}`,
			"ringing_timer: 0 s is not between 1 and 120\nlength_timer: 7201 s is not between 1 and 7200\n" +
				"from: number 1: want it with its country code, as 442079460000: this number has no country code; write it as +44..., or set --default-country",
		},
		{"", `{"to": "+447700900100", "ncco": [{"action": "sing--along"}]}`, `ncco: not known in Vonage's API: ncco[0]: the action "sing--along"; correct it`},
		{"", `{"to": "+447700900100", "say": "Hello.", "machine": "shout"}`, "invalid request: machine_detection: must be continue or hangup"},
		{"", `{"to": "+447700900100", "say": 7}`, "say: want string"},
		{"", `{"to": "+447700900100", "say": "Hello.", "ringing-timer": 30}`, "the body is no JSON object of the members that are known here"},
		{"/a-call/dtmf", `{"digits": "1x"}`, "send dtmf: refused: invalid request: digits: may hold only 0-9, *, # and p"},
		{"/a-call/transfer", `{"ncco": [{"action": "tlak"}]}`, `ncco: not known in Vonage's API: ncco[0]: the action "tlak"; correct it`},
	} {
		status, answer := post(test.path, test.body)
		var problem struct{ Detail string }
		require.NoError(t, json.Unmarshal(answer, &problem))
		if diff := cmp.Diff(test.want, problem.Detail); status != http.StatusUnprocessableEntity || diff != "" {
			t.Errorf("%s %s: %d (-want +got):\n%s", test.path, test.body, status, diff)
		}
	}
	if calls := l.manualCalls(t); len(calls) > 0 {
		t.Errorf("called: %v", calls)
	}
}
