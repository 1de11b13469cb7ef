package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/cli"
)

// try needs a CSV and nothing else, shows everything on the screen and leaves
// nothing behind.
func TestTry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "people.csv")
	const text = "First Name;Mobile;street\nAnn;07700 900001;High Street\nBob;+44 7700 900002;\nCid;+44 7700 900003;Low Street\nDee;0770;x\nEve;07700900001;x\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := dialer(t, "try", file)
	if code != cli.ExitOK || errOut != "" {
		t.Fatalf("exit %d\n%s\n%s", code, out, errOut)
	}
	for _, says := range []string{
		"5 rows, 3 can be called, 1 duplicate, 1 refused", `number   "Mobile"; without a country code it is taken as one of GB`,
		"Hello {{First Name|there}}, this is a message about {{street|your street}}.", "line 5, column Mobile: ",
		"Ann", "+447700900003", "Of 5 rows of the CSV:", "enqueue --name first --from YOUR_NUMBER --default-country GB", "--dry-run " + file,
	} {
		if !strings.Contains(out, says) {
			t.Errorf("it did not say %q:\n%s", says, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("it left %v, %v", left, err)
	}
	if strings.Contains(out, "\x1b") {
		t.Errorf("it is coloured although it is no terminal:\n%q", out)
	}
}

func TestTryMistakes(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte("name,mobile,landline_number\nAnn,x,y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{file + " --map to=mobile", cli.ExitFailed, "no row of " + file + " can be called"},
		{file + " --map to=work", cli.ExitFailed, "no such column"},
		{file + "x", cli.ExitFailed, "no such file"},
		{file + " --default-country XX", cli.ExitUsage, "--default-country"},
		{file + " --map to=mobile --say Hello,{{town}}", cli.ExitFailed, "town"},
	} {
		if code, _, errOut := dialer(t, append([]string{"try"}, strings.Fields(test.args)...)...); code != test.code || !strings.Contains(errOut, test.says) {
			t.Errorf("try %s: exit %d, %q, want %d and %q", test.args, code, errOut, test.code, test.says)
		}
	}
}

func TestPropose(t *testing.T) {
	t.Parallel()
	for columns, want := range map[string]string{
		"":                           "Hello, this is a test call.",
		"name":                       "Hello {{name|there}}, this is a test call.",
		"patient_id,Name,Appt Time":  "Hello {{Name|there}}, this is a reminder of your appointment: {{Appt Time}}.",
		"customer,street,until":      "Hello {{customer|there}}, this is a message about {{street|your street}}, {{until|your until}}.",
		"email,telephone,a,b,c,d":    "Hello, this is a message about {{a|your a}}, {{b|your b}}, {{c|your c}}.",
		"x}},name,appointment,place": "Hello {{name|there}}, this is a reminder of your appointment: {{appointment}}.",
	} {
		var list []string
		if columns != "" {
			list = strings.Split(columns, ",")
		}
		if got := propose(list); got != want {
			t.Errorf("%s: %q, want %q", columns, got, want)
		}
	}
}
