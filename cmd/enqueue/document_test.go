package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

const clinic = `name: clinic
from: ["442079460000"]
message:
  say: "Hello {{name}}, press 1 to confirm."
  keys: {"1": {result: confirmed, say: "Thank you."}, "9": opt_out}
people: {country: GB}
when: {hours: "00:00-24:00"}
`

func documentFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clinic.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestCampaignDocument(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	env := map[string]string{"DATABASE_URL": db.URL}
	csv := "name,phone\nAnn,07700 900001\n"
	command(t, strings.NewReader(csv), "--database-url", env["DATABASE_URL"], "--campaign", documentFile(t, clinic), "--until", "heard", "-").ok(t)
	stored, err := db.CampaignDocument(t.Context(), 1)
	require.NoError(t, err)
	for _, want := range []string{`"until": "heard"`, `"country": "GB"`, `"result": "confirmed"`} {
		if !strings.Contains(string(stored), want) {
			t.Errorf("stored %s, without %s", stored, want)
		}
	}
	// The same command resumes the import; other keys are refused.
	command(t, strings.NewReader(csv), "--database-url", env["DATABASE_URL"], "--campaign", documentFile(t, clinic), "--until", "heard", "-").ok(t)
	other := command(t, strings.NewReader(csv), "--database-url", env["DATABASE_URL"], "--campaign", documentFile(t, clinic), "--until", "heard", "--on-key", "2=cancelled", "-")
	if other.failure == nil || !strings.Contains(other.failure.Error(), "--on-key") {
		t.Errorf("other keys: %v", other.failure)
	}
}

func TestCampaignDocumentMistakes(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"message:>>mesage:":             `clinic.yaml:3: "mesage"`,
		"press 1>>press {{k":            "clinic.yaml:4: say",
		"Hello {{name}}>>Hello {{nom}}": `clinic.yaml:4: `,
	} {
		from, to, _ := strings.Cut(change, ">>")
		got := command(t, strings.NewReader("name,phone\nAnn,07700 900001\n"), "--dry-run", "--campaign", documentFile(t, strings.Replace(clinic, from, to, 1)), "-")
		if got.failure == nil || !strings.Contains(got.failure.Error(), want) {
			t.Errorf("%s: %v, want %s", change, got.failure, want)
		}
	}
	if code := exitCode(command(t, nil, "--campaign", documentFile(t, "name: [\n"), "-").failure); code != cli.ExitUsage {
		t.Errorf("exit code %d", code)
	}
	command(t, strings.NewReader("name,phone\nAnn,07700 900001\n"), "--dry-run", "--campaign", documentFile(t, clinic), "-").ok(t).
		prints(t, "says       Hello Ann, press 1 to confirm.", `key 1      result confirmed, says "Thank you."`, "key 9      opts out")
}
