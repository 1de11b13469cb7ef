package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The environment wins over the file for each setting separately. An ambiguous line is
// refused by its number, without showing it.
func TestDotEnv(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, file string
		env        map[string]string
		want       secretGrammar
		says       string
	}{
		{"plain", "TALLY_WORD=a\nTALLY_OPEN=b # why\n", nil, secretGrammar{Word: "a", Open: "b"}, ""},
		{"quotes and blanks", "export TALLY_WORD = \"a b\"\r\nTALLY_OPEN='c#d $E'\r\n", nil, secretGrammar{Word: "a b", Open: "c#d $E"}, ""},
		{"a BOM, and # inside a word", "\uFEFFTALLY_WORD=a#b\n", nil, secretGrammar{Word: "a#b"}, ""},
		{"several lines", "TALLY_KEY=\"-----BEGIN\nx\n-----END\"\n", nil, secretGrammar{Key: "-----BEGIN\nx\n-----END"}, ""},
		{"a list", "TALLY_LIST=new,old\n", nil, secretGrammar{List: []string{"new", "old"}}, ""},
		{"a file of a secret", "TALLY_WORD_FILE=" + secret + "\n", nil, secretGrammar{Word: "sesame"}, ""},
		{"the environment wins", "TALLY_WORD=a\nTALLY_OPEN=b\n", map[string]string{"TALLY_WORD": "z"}, secretGrammar{Word: "z", Open: "b"}, ""},
		{"it wins over a file of a secret", "TALLY_WORD_FILE=" + secret + "\n", map[string]string{"TALLY_WORD": "z"}, secretGrammar{Word: "z"}, ""},
		{"no assignment", "TALLY_WORD=a\nhunter2 hunter2!\n", nil, secretGrammar{}, "line 2"},
		{"an open quote", "# x\nTALLY_WORD=\"hunter2\n", nil, secretGrammar{}, "line 2"},
		{"a sign that is replaced", "TALLY_OPEN=x\nTALLY_WORD=hunter2$HOME\n", nil, secretGrammar{}, "line 2"},
		{"the same in quotes", "TALLY_WORD=\"hunter2${HOME}\"\n", nil, secretGrammar{}, "line 1"},
	} {
		path := filepath.Join(t.TempDir(), DotEnv)
		if err := os.WriteFile(path, []byte(test.file), 0o600); err != nil {
			t.Fatal(err)
		}
		var got secretGrammar
		_, err := Program{Name: "tally", DotEnv: path, Getenv: func(name string) string { return test.env[name] }}.Parse(&got, nil)
		switch {
		case test.says == "" && (err != nil || got.Word != test.want.Word || got.Open != test.want.Open || got.Key != test.want.Key || strings.Join(got.List, ",") != strings.Join(test.want.List, ",")):
			t.Errorf("%s: %+v, %v, want %+v", test.name, got, err, test.want)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s: %v, want %q and nothing of the line", test.name, err, test.says)
		}
	}
	var got secretGrammar
	if _, err := (Program{Name: "tally", DotEnv: filepath.Join(t.TempDir(), DotEnv)}).Parse(&got, nil); err != nil {
		t.Errorf("without the file: %v", err)
	}
}

// The process's own environment also wins if its value is blank.
func TestDotEnvAndTheProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), DotEnv)
	if err := os.WriteFile(path, []byte("TALLY_WORD=a\nTALLY_OPEN=b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TALLY_OPEN", "")
	var got secretGrammar
	if _, err := (Program{Name: "tally", DotEnv: path}).Parse(&got, nil); err != nil || got.Word != "a" || got.Open != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

// The error about a missing setting names its flag and its variable.
func TestMissingSettingNamesItsVariable(t *testing.T) {
	t.Parallel()
	var g struct {
		Word  string `env:"TALLY_WORD" required:"" placeholder:"WORD"`
		Other string `required:""`
	}
	_, err := Program{Name: "tally", Getenv: func(string) string { return "" }}.Parse(&g, nil)
	if err == nil || !strings.Contains(err.Error(), "--word=WORD (TALLY_WORD)") || !strings.Contains(err.Error(), "--other") || !strings.Contains(err.Error(), DotEnv) {
		t.Errorf("%v", err)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	var g struct{ VersionFlag }
	var out strings.Builder
	_, err := Program{Name: "tally", Out: &out, Getenv: func(string) string { return "" }}.Parse(&g, []string{"--version"})
	if err != ErrHelpShown || !strings.HasPrefix(out.String(), "tally ") || !strings.Contains(out.String(), "go1.") {
		t.Errorf("%v, printed %q", err, out.String())
	}
}
