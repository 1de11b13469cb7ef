package csvimport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

func TestRejectsPath(t *testing.T) {
	t.Parallel()
	for csv, want := range map[string]string{
		"people.csv":       "people.rejects.csv",
		"/data/People.CSV": "/data/People.rejects.csv",
		"people.txt":       "people.txt.rejects.csv",
		"people":           "people.rejects.csv",
	} {
		if got := RejectsPath(csv); got != want {
			t.Errorf("%s: %q, want %q", csv, got, want)
		}
	}
}

func TestRejectFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "refused.csv")
	write := func(text string, keep bool) {
		r, err := NewRejectFile(path, "people.csv")
		require.NoError(t, err)
		if text != "" {
			if _, err := r.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if keep {
			require.NoError(t, r.Keep())
		}
		require.NoError(t, r.Close())
	}
	for _, step := range []struct {
		name, text string
		keep       bool
		want       string // "" for no file
	}{
		{"not kept", "first", false, ""},
		{"nothing rejected", "", true, ""},
		{"kept", "second", true, "second"},
		{"not kept, an earlier file", "third", false, "second"},
		{"nothing rejected, an earlier file", "", true, "second"},
		{"replaced", "fourth", true, "fourth"},
	} {
		write(step.text, step.keep)
		text, err := os.ReadFile(path)
		if string(text) != step.want || (err != nil) != (step.want == "") {
			t.Errorf("%s: %q (%v), want %q", step.name, text, err, step.want)
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 1 {
			t.Errorf("%s: the folder holds %v (%v)", step.name, entries, err)
		}
	}
}

func TestNewRejectFileErrors(t *testing.T) {
	t.Parallel()
	csv := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(csv, nil, 0o600))
	for path, want := range map[string]string{
		csv:                 "overwrite the CSV",
		filepath.Dir(csv):   "is a folder",
		csv + "/x/y":        "there is no folder",
		csv + ".none/z.csv": "there is no folder",
	} {
		if _, err := NewRejectFile(path, csv); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", path, err, want)
		}
	}
}
