package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// create makes a manual call.
func (l *line) create(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	return l.run(t, append([]string{"call", "create", "--by", "ann", "--calls-per-second", "100"}, args...)...)
}

func (l *line) manualCalls(t *testing.T) []string {
	t.Helper()
	return testkit.Rows[string](t, l.db, `
		SELECT concat_ws('|', requested_by, to_kind, coalesce(to_number, to_address), coalesce(from_number, 'any'), detail, state, nullif(note, ''))
		FROM attempts WHERE kind = 'manual' ORDER BY id`)
}

// Every field of a call can be said on the command line, and reaches the
// provider as it was said.
func TestCallCreateSendsEveryField(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	folder := t.TempDir()
	script, secret := filepath.Join(folder, "ncco.json"), filepath.Join(folder, "secret")
	require.NoError(t, os.WriteFile(script, []byte(stay), 0o600))
	require.NoError(t, os.WriteFile(secret, []byte("Bearer hidden\n"), 0o600))
	const from, shown = `"from":{"type":"phone","number":"447700900000"}`, "447700900000"
	for _, test := range []struct {
		args     []string
		body     string
		recorded string
	}{
		{
			[]string{
				"--to", "+44 7700 900100", "--dtmf-answer", "p12#", "--shaken", "identity", "--from", shown, "--say", "Hello & good <day>",
				"--event-url", l.hooks + "/webhooks/event", "--event-method", "GET",
				"--machine", "continue", "--machine-mode", "detect_beep", "--beep-timeout", "60", "--ringing-timer", "25", "--length-timer", "600",
			},
			`{"to":[{"type":"phone","number":"447700900100","dtmfAnswer":"p12#","shaken":"identity"}],` + from + `,
			"ncco":[{"action":"talk","text":"Hello & good <day>"}],"event_url":["` + l.hooks + `/webhooks/event"],"event_method":"GET",
			"machine_detection":"continue","advanced_machine_detection":{"behavior":"continue","mode":"detect_beep","beep_timeout":60},
			"ringing_timer":25,"length_timer":600}`,
			"ann|phone|447700900100|447700900000|says Hello & good <day>|accepted",
		},
		{
			[]string{"--to", person(1), "--random-from", "--answer-url", l.hooks + "/webhooks/answer?key=secret", "--answer-method", "POST", "--machine", "hangup"},
			`{"to":[{"type":"phone","number":"447700900101"}],"random_from_number":true,
			"answer_url":["` + l.hooks + `/webhooks/answer?key=secret"],"answer_method":"POST","machine_detection":"hangup"}`,
			"ann|phone|447700900101|any|asks " + l.hooks + "/webhooks/answer|accepted",
		},
		{
			[]string{"--sip", "sip:desk@sip.test", "--header", "tenant=7,8;9", "--header", "b=c=d", "--user-to-user", "a1", "--from", "sip:us@sip.test", "--ncco", script},
			`{"to":[{"type":"sip","uri":"sip:desk@sip.test","headers":{"tenant":"7,8;9","b":"c=d"},"standard_headers":{"User-to-User":"a1"}}],
			"from":{"type":"phone","number":"sip:us@sip.test"},"ncco":` + stay + `}`,
			"ann|sip|sip:desk@sip.test|sip:us@sip.test|an NCCO of 2 actions|accepted",
		},
		{
			[]string{"--websocket", "wss://socket.test/a?key=secret", "--header", "customer=7", "--authorization", secret, "--from", shown, "--say", "Hello"},
			`{"to":[{"type":"websocket","uri":"wss://socket.test/a?key=secret","content-type":"audio/l16;rate=16000","headers":{"customer":"7"},
			"authorization":{"type":"custom","value":"Bearer hidden"}}],` + from + `,"ncco":[{"action":"talk","text":"Hello"}]}`,
			"ann|websocket|wss://socket.test/a|447700900000|says Hello|accepted",
		},
		{
			[]string{"--websocket", "wss://socket.test/b", "--content-type", "audio/l16;rate=24000", "--authorization", "vonage", "--from", shown, "--say", "Hello"},
			`{"to":[{"type":"websocket","uri":"wss://socket.test/b","content-type":"audio/l16;rate=24000","authorization":{"type":"vonage"}}],` + from + `,
			"ncco":[{"action":"talk","text":"Hello"}]}`,
			"ann|websocket|wss://socket.test/b|447700900000|says Hello|accepted",
		},
		{
			[]string{"--vbc", "123", "--from", shown, "--say", "Hello"},
			`{"to":[{"type":"vbc","extension":"123"}],` + from + `,"ncco":[{"action":"talk","text":"Hello"}]}`,
			"ann|vbc|123|447700900000|says Hello|accepted",
		},
		{
			[]string{"--app", "jamie", "--from", shown, "--say", "Hello"},
			`{"to":[{"type":"app","user":"jamie"}],` + from + `,"ncco":[{"action":"talk","text":"Hello"}]}`,
			"ann|app|jamie|447700900000|says Hello|accepted",
		},
	} {
		code, out, errOut := l.create(t, test.args...)
		if code != cli.ExitOK || !strings.HasSuffix(out, ": created: started\n") {
			t.Fatalf("%q: exit %d, said %q %q", test.args, code, out, errOut)
		}
		sent := l.requests()
		if diff := cmp.Diff(anyJSON(t, test.body), anyJSON(t, sent[len(sent)-1])); diff != "" {
			t.Errorf("%q: body (-want +got):\n%s", test.args, diff)
		}
		recorded := l.manualCalls(t)
		if diff := cmp.Diff(test.recorded, recorded[len(recorded)-1]); diff != "" {
			t.Errorf("recorded (-want +got):\n%s", diff)
		}
		id, _, _ := strings.Cut(out, ":")
		if _, out, _ := l.run(t, "call", "show", id); !strings.Contains(out, "create by ann") {
			t.Errorf("call show does not say who made it:\n%s", out)
		}
	}
	// No dialer runs that would read the prices.
	_, out, errOut := dialer(t, "verify", "--database-url", l.db.URL, "--ledger", strings.TrimSuffix(l.api, "/v1"))
	if !strings.Contains(out, "7 calls at Vonage, 7 attempts here, 7 of them manual") || regexp.MustCompile("BROKEN I[1-5]").MatchString(out) {
		t.Errorf("verify said %q %q", out, errOut)
	}
	if _, out, _ := dialer(t, "why", person(0), "--database-url", l.db.URL); !strings.Contains(out, "manual call by ann (says Hello & good <day>): ") {
		t.Errorf("why does not tell of the call:\n%s", out)
	}
}

func anyJSON(t *testing.T, text string) (v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

func TestCallCreateUsageErrors(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	mistyped := filepath.Join(t.TempDir(), "mistyped")
	require.NoError(t, os.WriteFile(mistyped, []byte(`[{"action":"tlak"}]`), 0o600))
	for _, test := range []struct{ args, says string }{
		{"--from 447700900000 --say x", "missing flags"},
		{"--to 447700900100 --say x", "missing flags"},
		{"--to 447700900100 --from 447700900000", "missing flags"},
		{"--to 447700900100 --vbc 1 --from 447700900000 --say x", "can't be used together"},
		{"--to 447700900100 --random-from --from 447700900000 --say x", "can't be used together"},
		{"--to 447700900100 --from 447700900000 --say x --answer-url https://a.test", "can't be used together"},
		{"--to 07700900100 --from 447700900000 --say x", "--to"},
		{"--to 447700900100 --from 0770 --say x", "--from"},
		{"--to 447700900100 --from 447700900000 --say x --header a=b", "--header means something only with --sip or --websocket"},
		{"--to 447700900100 --from 447700900000 --say x --user-to-user a", "--user-to-user means something only with --sip"},
		{"--to 447700900100 --from 447700900000 --say x --content-type a", "--content-type means something only with --websocket"},
		{"--to 447700900100 --from 447700900000 --say x --authorization vonage", "--authorization means something only with --websocket"},
		{"--app jamie --from 447700900000 --say x --dtmf-answer 1 --shaken a", "--shaken means something only with --to"},
		{"--app jamie --from 447700900000 --say x --answer-method GET", "--answer-method means something only with --answer-url"},
		{"--app jamie --from 447700900000 --say x --event-method GET", "--event-method means something only with --event-url"},
		{"--app jamie --from 447700900000 --say x --machine-mode detect", "--machine-mode means something only with --machine"},
		{"--app jamie --from 447700900000 --say x --machine hangup --beep-timeout 60", "--beep-timeout means something only with --machine-mode detect_beep"},
		{"--app jamie --from 447700900000 --say x --machine hangup --machine-mode detect_beep --beep-timeout 44", "--beep-timeout: 44 s is not between 45 and 120"},
		{"--to 447700900100 --from 447700900000 --say x --dtmf-answer 1x", "dtmfAnswer"},
		{"--sip " + strings.Repeat("s", 51) + " --from 447700900000 --say x", "uri: has 51 characters"},
		{"--websocket https://a.test --from 447700900000 --say x", "uri"},
		{"--websocket wss://a.test --from 447700900000 --say x --authorization /nowhere/secret", "--authorization"},
		{"--websocket wss://a.test --from 447700900000 --say x --authorization " + empty, "exactly one line"},
		{"--vbc x1 --from 447700900000 --say x", "extension"},
		{"--app jamie --from 447700900000 --ncco /nowhere/ncco.json", "--ncco"},
		{"--app jamie --from 447700900000 --ncco " + mistyped, `the action "tlak"; correct it, or send it as it is with --allow-unknown`},
		{"--app jamie --from 447700900000 --say x --ringing-timer 121", "--ringing-timer: 121 s"},
		{"--app jamie --from 447700900000 --say x --length-timer 7201", "--length-timer: 7201 s"},
		{"--app jamie --from 447700900000 --say x --calls-per-second 0", "--calls-per-second"},
		{"--app jamie --from 447700900000 --say x --settle-after 25h", "--settle-after"},
	} {
		code, _, errOut := l.create(t, strings.Fields(test.args)...)
		if code != cli.ExitUsage || !strings.Contains(errOut, test.says) {
			t.Errorf("%s: exit %d, said %q; want exit 2 and a word of %q", test.args, code, errOut, test.says)
		}
	}
	if got := l.manualCalls(t); len(got) != 0 || len(l.requests()) != 0 {
		t.Errorf("recorded %q, and %d requests were sent", got, len(l.requests()))
	}
}

// The outcome of a request that was cut off is not known: it was sent once, is
// on record, and is not sent again by a second command.
func TestCallCreateUnknownIsNotRepeated(t *testing.T) {
	t.Parallel()
	l := newFaultyLine(t, voicesim.Faults{CutAfter: 1})
	call := []string{"--to", person(0), "--from", "447700900000", "--say", "Hello"}
	code, out, errOut := l.create(t, call...)
	if code != cli.ExitFailed || out != "" {
		t.Errorf("exit %d, said %q", code, out)
	}
	told := regexp.MustCompile(`(?s)it is not known whether the call was made: create call: unknown: .*` +
		`Do not repeat it before (\S+ \S+ \S+)\. .*dialer call list --date-start (\S+)\n.*dialer call show (\S+)\n`).FindStringSubmatch(errOut)
	if told == nil {
		t.Fatalf("said %q", errOut)
	}
	id, err := uuid.Parse(told[3])
	require.NoError(t, err)
	expires := testkit.Value[time.Time](t, l.db, `SELECT token_expires_at FROM attempts WHERE id = $1`, id)
	if until := cli.Time(expires.Add(2 * time.Minute)); told[1] != until {
		t.Errorf("not before %s, want %s", told[1], until)
	}
	if _, out, _ := l.run(t, "call", "list", "--date-start", told[2]); !strings.Contains(out, person(0)) {
		t.Errorf("the list that is named does not show the call:\n%s", out)
	}
	if code, out, _ := l.run(t, "call", "show", told[3]); code != cli.ExitOK || !strings.Contains(out, "manual call by ann (says Hello): unknown: EOF: Vonage's list will show whether there was a call") {
		t.Errorf("call show: exit %d, said %q", code, out)
	}
	if code, _, errOut := l.create(t, call...); code != cli.ExitFailed || !strings.Contains(errOut, "not called: a call to it is open, or whether there was one is not known yet; see attempt ") {
		t.Errorf("once more: exit %d, said %q", code, errOut)
	}
	if n := len(l.requests()); n != 1 {
		t.Errorf("%d requests were sent, want 1", n)
	}
	if strings.Contains(errOut, person(0)) {
		t.Errorf("the number is in the error %q", errOut)
	}
}

func TestCallCreateRefused(t *testing.T) {
	t.Parallel()
	l := newFaultyLine(t, voicesim.Faults{TooMany: 1})
	call := []string{"--to", person(0), "--from", "447700900000", "--say", "Hello"}
	if code, out, errOut := l.create(t, call...); code != cli.ExitFailed || out != "" || !strings.Contains(errOut, "no call was made: create call: refused: 429") {
		t.Errorf("exit %d, said %q %q", code, out, errOut)
	}
	if n := testkit.Value[int](t, l.db, `SELECT cardinality(refused_at) FROM pace WHERE budget = 'calls'`); n != 1 {
		t.Errorf("%d 429s are counted, want 1", n)
	}
	if got := l.manualCalls(t); len(got) != 1 || !strings.Contains(got[0], "|refused|rate") {
		t.Errorf("recorded %q", got)
	}
	if code, _, errOut := dialer(t, "suppress", "add", person(0), "--database-url", l.db.URL); code != cli.ExitOK {
		t.Fatal(errOut)
	}
	if code, _, errOut := l.create(t, call...); code != cli.ExitFailed || !strings.Contains(errOut, "not called: the number is suppressed") {
		t.Errorf("suppressed: exit %d, said %q", code, errOut)
	}
	if got, sent := l.manualCalls(t), l.requests(); len(got) != 1 || len(sent) != 1 {
		t.Errorf("%d calls recorded and %d requests sent, want 1 of each", len(got), len(sent))
	}
}

// A manual call takes its slot from the account's one row, like every other.
func TestCallCreateKeepsToThePace(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	const nextSlot = `SELECT next_at FROM pace WHERE budget = 'calls'`
	before := testkit.Value[time.Time](t, l.db, nextSlot)
	if code, _, errOut := l.create(t, "--app", "jamie", "--from", "447700900000", "--say", "Hello"); code != cli.ExitOK {
		t.Fatal(errOut)
	}
	if after := testkit.Value[time.Time](t, l.db, nextSlot); !after.After(before) {
		t.Error("the call was taken from no budget")
	}
}

// A timer of zero is a value, and not the absence of one; of two values for one
// flag none is dropped in silence.
func TestCallCreateRefusesZeros(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	for _, test := range []struct{ args, want string }{
		{"--ringing-timer 0", "--ringing-timer: 0 s is not between 1 and 120"},
		{"--length-timer 0", "--length-timer: 0 s is not between 1 and 7200"},
		{"--machine hangup --machine-mode detect_beep --beep-timeout 0", "--beep-timeout: 0 s is not between 45 and 120"},
		{"--to 447700900102", "--to is given more than once"},
		{"--say twice", "--say is given more than once"},
	} {
		args := append([]string{"--to", person(1), "--from", "447700900000", "--say", "Hello"}, strings.Fields(test.args)...)
		code, _, errOut := l.create(t, args...)
		if code != cli.ExitUsage || !strings.Contains(errOut, test.want) {
			t.Errorf("%s: exit %d, %q; want %d and %q", test.args, code, errOut, cli.ExitUsage, test.want)
		}
	}
	if calls := l.manualCalls(t); len(calls) > 0 {
		t.Errorf("called: %v", calls)
	}
}

// Numbers that nobody is called on, and those of other countries, are refused for
// calls by hand too.
func TestCallCreateRefusesNumbers(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--to", "+449098790171"}, "a premium-rate number"},
		{[]string{"--to", "070 1234 5174", "--default-country", "GB"}, "a personal number"},
		{[]string{"--to", "+881612345678"}, "a satellite telephone"},
		{[]string{"--to", "999", "--default-country", "GB"}, "too short"},
		{[]string{"--to", "+18765550119", "--countries", "GB,IE"}, "in JM, and calls go to GB,IE only"},
		{[]string{"--to", "+447700900102", "--countries", "UK"}, "--countries"},
	} {
		code, _, errOut := l.create(t, append(test.args, "--from", "447700900000", "--say", "Hello")...)
		if code != cli.ExitUsage || !strings.Contains(errOut, test.want) {
			t.Errorf("%q: exit %d, %q; want %d and %q", test.args, code, errOut, cli.ExitUsage, test.want)
		}
	}
	if calls := l.manualCalls(t); len(calls) > 0 {
		t.Errorf("called: %v", calls)
	}
}
