//go:build !failpoints

package failpoint

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The tests of the code behind the tag need the tag.
func TestWithTag(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("go", "test", "-count=1", "-tags", "failpoints", ".").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// A program without the tag contains nothing of this package. The same program
// with the tag does, so the check works.
func TestProgramWithoutTag(t *testing.T) {
	t.Parallel()
	for tags, want := range map[string]bool{"": false, "failpoints": true} {
		program := filepath.Join(t.TempDir(), "enqueue")
		if out, err := exec.Command("go", "build", "-tags", tags, "-o", program, "dialer/cmd/enqueue").CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"FAILPOINT", "import.committed", Points[0].When} {
			if got := bytes.Contains(text, []byte(word)); got != want {
				t.Errorf("built with tags %q it contains %q: %t, want %t", tags, word, got, want)
			}
		}
	}
}
