package main

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"time"

	"dialer/internal/cli"
)

func pace(t *testing.T, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// A small measurement. How many calls are made depends on the machine; the
// output and the exit code must agree.
func TestMeasurement(t *testing.T) {
	t.Parallel()
	code, out, errOut := pace(t, "--rate", "3", "--processes", "1", "--duration", "2s")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], " processors, load ") || lines[1] != header {
		t.Fatalf("exit %d, printed\n%s%s", code, out, errOut)
	}
	columns := strings.Fields(lines[2])
	if len(columns) != len(strings.Fields(header)) || columns[0] != "3" || columns[1] != "1" {
		t.Fatalf("printed %q under %q", lines[2], header)
	}
	share, err := strconv.ParseFloat(columns[2], 64)
	if err != nil || share < 0 {
		t.Errorf("a share of %q", columns[2])
	}
	if most, err := strconv.Atoi(columns[5]); err != nil || most < 1 {
		t.Errorf("%q calls in a second, though it ended", columns[5])
	}
	wantCode, wantErr := cli.ExitOK, ""
	if columns[6] != "0" {
		wantCode, wantErr = cli.ExitFailed, "pace: the rate was exceeded\n"
	}
	if code != wantCode || errOut != wantErr {
		t.Errorf("exit %d and %q, want %d and %q after\n%s", code, errOut, wantCode, wantErr, out)
	}
}

func TestInvalidFlags(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args string
		says string
	}{
		{"--rate 0", "--rate must be whole numbers from 1 to 1000"},
		{"--rate 3,2.5", "--rate must be whole numbers from 1 to 1000"},
		{"--rate 1001", "--rate must be whole numbers from 1 to 1000"},
		{"--processes 1,0", "--processes must be from 1 to 64"},
		{"--processes 65", "--processes must be from 1 to 64"},
		{"--random-429 1", "--random-429 must be from 0 to below 1"},
		{"--enforce 0", "--enforce must be above 0, and at most 1"},
		{"--duration 1999ms", "--duration must be from 2s to 1h"},
		{"--duration 61m", "--duration must be from 2s to 1h"},
		{"--dialer /nowhere/dialer", "--dialer"},
		{"--fast", "--fast"},
	} {
		code, out, errOut := pace(t, strings.Fields(test.args)...)
		if code != cli.ExitUsage || out != "" || !strings.Contains(errOut, test.says) || !strings.HasSuffix(errOut, "Try 'pace --help'.\n") {
			t.Errorf("%s: exit %d, %q and %q, want %d and %q", test.args, code, out, errOut, cli.ExitUsage, test.says)
		}
	}
	if code, out, errOut := pace(t, "--help"); code != cli.ExitOK || !strings.Contains(out, "--processes") || errOut != "" {
		t.Errorf("--help: exit %d, %q and %q", code, out, errOut)
	}
}

func TestOptionsValidate(t *testing.T) {
	t.Parallel()
	for _, o := range []options{
		{Rates: []float64{1, 1000}, Processes: []int{1, 64}, Duration: 2 * time.Second, Enforce: 1},
		{Rates: []float64{3, 30}, Processes: []int{1, 2, 4}, Duration: time.Hour, Random429: 0.05, Enforce: 0.5},
	} {
		if err := o.Validate(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	all := options{Rates: []float64{0.5}, Processes: []int{0}}.Validate()
	for _, name := range []string{"--rate", "--processes", "--duration"} {
		if all == nil || !strings.Contains(all.Error(), name) {
			t.Errorf("of three mistakes %v leaves out %s", all, name)
		}
	}
}
