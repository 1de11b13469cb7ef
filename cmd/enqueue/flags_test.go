package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

func TestHelp(t *testing.T) {
	t.Parallel()
	got := command(t, nil, "-h").ok(t)
	for _, want := range []string{
		"--name", "--from", "--say", "--ncco", "--answer-url", "--start", "--hours", "--days", "--except", "--zone", "--default-country", "--map",
		"--answer-method", "--dtmf-answer", "--attempts", "--retry", "--machine", "--machine-mode", "--beep-timeout", "--ringing-timer", "--length-timer", "--rejects", "--dry-run", "--follow",
		"--database-url", "$DATABASE_URL", "--calls-per-second", "$DIALER_CALLS_PER_SECOND", "Examples:", "Exit codes:",
	} {
		got.prints(t, want)
	}
	// Flags that do not exist yet are errors, not ignored.
	for _, absent := range []string{"--rate", "--callers"} {
		if strings.Contains(got.out, absent+"=") || strings.Contains(got.out, absent+" ") {
			t.Errorf("help shows %s", absent)
		}
		mistyped := command(t, strings.NewReader(""), flagsFor(nil, "--dry-run", absent, "1", "-")...)
		if exitCode(mistyped.failure) != cli.ExitUsage {
			t.Errorf("%s: %v, want a mistake in the command", absent, mistyped.failure)
		}
	}
}

func TestMistypedCommands(t *testing.T) {
	t.Parallel()
	file := write(t, people(1))
	ncco := filepath.Join(t.TempDir(), "ncco.json")
	require.NoError(t, os.WriteFile(ncco, []byte(`{"action":"talk"}`), 0o600))
	basic := []string{"--name", "water", "--from", "442079460000", "--dry-run", file}
	said := append([]string{"--say", "Hello"}, basic...)
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "<file>"},
		{[]string{"--say", "x", "--dry-run", file}, "--name is needed"},
		{append([]string{"--on-key", "1"}, said...), "--on-key"},
		{append([]string{"--on-key", "x=confirmed"}, said...), "--on-key"},
		{append([]string{"--on-key", "1=connect:nobody"}, said...), "--on-key"},
		{append([]string{"--until", "result"}, said...), "no key of the message has a result"},
		{append([]string{"--voicemail", "Bye", "--machine", "hangup"}, said...), "--voicemail"},
		{append([]string{"--until", "asleep"}, said...), "--until"},
		{[]string{"--name", "x", "--from", "442079460000", "--say", "x"}, "<file>"},
		{basic, "what do the calls say?"},
		{append([]string{"--ncco", ncco}, basic...), "NCCO"},
		{append([]string{"--ncco", ncco + ".none"}, basic...), "--ncco"},
		{append([]string{"--answer-url", "https://example.com"}, said...), "can't be used together"},
		{append([]string{"--hours", "20:00-09:00"}, said...), "20:00-09:00"},
		{append([]string{"--zone", "Mars/Base"}, said...), "Mars/Base"},
		{append([]string{"--retry", "busy"}, said...), "busy"},
		{append([]string{"--retry", "answered=1h"}, said...), "answered"},
		{append([]string{"--attempts", "0"}, said...), "attempts"},
		{append([]string{"--machine", "shout"}, said...), "--machine"},
		{append([]string{"--machine-mode", "detect"}, said...), "machine mode"},
		{append([]string{"--machine", "hangup", "--beep-timeout", "60"}, said...), "beep timeout"},
		{append([]string{"--answer-method", "GET"}, said...), "answer method"},
		{append([]string{"--answer-method", "PUT"}, said...), "--answer-method"},
		{append([]string{"--dtmf-answer", "12x"}, said...), "tones on answer"},
		{append([]string{"--ringing-timer", "121"}, said...), "ringing timer"},
		{append([]string{"--length-timer", "0"}, said...), "length timer"},
		{append([]string{"--start", "tomorrow"}, said...), "--start"},
		{append([]string{"--calls-per-second", "0"}, said...), "--calls-per-second"},
		{append([]string{"--follow"}, said...), "--follow"},
		{[]string{"--name", "x", "--from", "02079460000", "--say", "x", "--dry-run", file}, "--from: number 1"},
		{[]string{"--name", " ", "--from", "442079460000", "--say", "x", "--dry-run", file}, "--name"},
		{[]string{"--name", strings.Repeat("x", 201), "--from", "442079460000", "--say", "x", "--dry-run", file}, "--name"},
		{[]string{"--name", "x", "--from", "442079460000", "--say", "x", file}, "DATABASE_URL"},
		{[]string{"--name", "x", "--from", "442079460000", "--say", "x", "--database-url", "x", "--rejects", file, file}, "overwrite"},
		{[]string{"--name", "x", "--from", "442079460000", "--say", "x", "--database-url", "x", "--rejects", t.TempDir(), file}, "is a folder"},
		{[]string{"--name", "x", "--from", "442079460000", "--say", "x", "--database-url", "x", "--rejects", file + "/x/y", file}, "no folder"},
	} {
		got := command(t, nil, c.args...)
		var output bytes.Buffer
		if code := program(cli.Console{Err: &output}).Exit(got.failure); code != cli.ExitUsage || !strings.Contains(output.String(), c.want) {
			t.Errorf("%q: exit code %d and %q, want 2 and %q", c.args, code, output.String(), c.want)
		}
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	t.Parallel()
	got := command(t, nil, "--name", "x", "--from", "1", "--say", "x", "--hours", "9", "--retry", "x", "--start", "x", "-")
	for _, want := range []string{"--from", "hours", "retry", "--start", "--database-url"} {
		if got.failure == nil || !strings.Contains(got.failure.Error(), want) {
			t.Errorf("%v does not mention %s", got.failure, want)
		}
	}
}

// settingsOf parses a command line as run does.
func settingsOf(t testing.TB, args ...string) (flags, campaign.Settings) {
	t.Helper()
	var f flags
	env := map[string]string{"DATABASE_URL": "postgres://from-env", "DIALER_CALLS_PER_SECOND": "12.5"}
	require.NoError(t, parse(&f, args, program(cli.Console{Out: io.Discard, Err: io.Discard, Getenv: func(name string) string { return env[name] }})))
	s, err := f.settings()
	require.NoError(t, err)
	return f, s
}

func TestSettingsFromFlags(t *testing.T) {
	t.Parallel()
	_, got := settingsOf(t, "--name", "water", "--from", "442079460000", "--say", "Hello", "people.csv")
	if want := `{"name":"water","from":["442079460000"],"message":{"say":"Hello"}}`; string(got.Document) != want {
		t.Errorf("document %s, want %s", got.Document, want)
	}
	got.Document = nil
	daytime := campaign.Daily(9*60, 20*60)
	daytime.Margin = campaign.DefaultMargin
	want := campaign.Settings{
		From: []string{"442079460000"}, Message: campaign.Message{Say: "Hello"},
		Hours: daytime, Zone: "recipient", Countries: campaign.Countries{"GB"},
		Retry: campaign.DefaultPolicy(), RingingTimer: 60, LengthTimer: 60,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("by default (-want +got)\n%s", diff)
	}
	f, got := settingsOf(t, "--name", "water", "--from", "+44 20 7946 0000,12015550123,442079460000", "--say", "Hello",
		"--start", "2026-12-01 09:30", "--hours", "08:00-21:15", "--days", "mon-fri", "--except", "2026-12-26,2026-12-25", "--zone", "Europe/Paris", "--default-country", "FR",
		"--map", "to=portable,zone=fuseau", "--attempts", "5", "--retry", "busy=90s,machine=2h", "--machine", "hangup",
		"--ringing-timer", "25", "--length-timer", "120", "people.csv")
	got.Document = nil
	workdays := campaign.Daily(8*60, 21*60+15).On(campaign.Days{true, true, true, true, true})
	workdays.Margin, workdays.Except = campaign.DefaultMargin, []string{"2026-12-25", "2026-12-26"}
	want = campaign.Settings{
		From: []string{"442079460000", "12015550123"}, Message: campaign.Message{Say: "Hello"},
		Start: time.Date(2026, 12, 1, 8, 30, 0, 0, time.UTC), Hours: workdays, Zone: "Europe/Paris", Countries: campaign.Countries{"FR", "GB", "US"},
		Retry: campaign.Policy{Attempts: 5, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: 90 * time.Second, campaign.Machine: 2 * time.Hour,
			campaign.Unanswered: time.Hour, campaign.Timeout: time.Hour, campaign.Failed: time.Hour,
		}},
		Machine: "hangup", RingingTimer: 25, LengthTimer: 120,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	o := f.options()
	if diff := cmp.Diff(map[string]string{"to": "portable", "zone": "fuseau"}, o.Map); diff != "" || o.DefaultCountry != "FR" {
		t.Errorf("default country %q, map (-want +got)\n%s", o.DefaultCountry, diff)
	}
}

func TestAnswerSettingsFromFlags(t *testing.T) {
	t.Parallel()
	_, got := settingsOf(t, "--name", "water", "--from", "442079460000", "--answer-url", "https://example.com/ncco", "--answer-method", "POST",
		"--dtmf-answer", "p{{extension}}#", "--machine", "continue", "--machine-mode", "detect_beep", "--beep-timeout", "60", "people.csv")
	want := campaign.Message{AnswerURL: "https://example.com/ncco", AnswerMethod: "POST", DTMFAnswer: "p{{extension}}#"}
	if diff := cmp.Diff(want, got.Message); diff != "" {
		t.Errorf("message (-want +got)\n%s", diff)
	}
	if got.Machine != "continue" || got.MachineMode != "detect_beep" || got.BeepTimeout != 60 {
		t.Errorf("detection %q %q %d", got.Machine, got.MachineMode, got.BeepTimeout)
	}
}

func TestDryRunHidesTones(t *testing.T) {
	t.Parallel()
	file := write(t, "phone,pin\n+447700900001,4711\n+447700900002,47x1\n")
	got := command(t, nil, "--name", "x", "--from", "442079460000", "--say", "Hello", "--dtmf-answer", "p{{pin}}#", "--dry-run", file).ok(t)
	got.prints(t, "line 2 is sent 6 tones", "1 accepted", "line 3: tones on answer: they can hold only")
	if strings.Contains(got.out, "4711") || strings.Contains(got.out, "47x1") {
		t.Errorf("the tones are shown:\n%s", got.out)
	}
}

func TestNCCOFromFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ncco.json")
	const text = `[{"action":"talk","text":"Hello {{name}}"}]`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	if _, got := settingsOf(t, "--name", "x", "--from", "442079460000", "--ncco", path, "-"); string(got.Message.NCCO) != text {
		t.Errorf("NCCO %s, want %s", got.Message.NCCO, text)
	}
}

func TestEnvironmentIsFallback(t *testing.T) {
	t.Parallel()
	basic := []string{"--name", "x", "--from", "442079460000", "--say", "x", "-"}
	if f, _ := settingsOf(t, basic...); f.DatabaseURL != "postgres://from-env" || f.CallsPerSecond != 12.5 {
		t.Errorf("from the environment: %q and %v", f.DatabaseURL, f.CallsPerSecond)
	}
	if f, _ := settingsOf(t, append([]string{"--database-url", "postgres://from-flag"}, basic...)...); f.DatabaseURL != "postgres://from-flag" {
		t.Errorf("the environment beats the flag: %q", f.DatabaseURL)
	}
}
