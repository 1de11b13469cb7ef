//go:build failpoints

package failpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test binary a program with failpoints.
const asProgram = "FAILPOINT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		program()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// program reaches one point three times, one never, one at the end of a step
// that may fail, and one when an answer arrives.
func program() {
	for range 3 {
		Hit("place.loaded")
		fmt.Println("loaded")
	}
	HitIf(false, "sweep.expired")
	if err := AtEnd("record.commit", func(string) error { return errors.New("its own") })(""); err.Error() != "its own" {
		panic(err)
	}
	fmt.Println("record:", AtEnd("record.commit", func(string) error { return nil })(""))
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	r, err := http.NewRequestWithContext(OnAnswer(context.Background(), "place.answering"), http.MethodPost, server.URL, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println("asking")
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		panic(err)
	}
	fmt.Println("answer:", res.StatusCode, res.Body.Close())
}

func TestActionAtHit(t *testing.T) {
	t.Parallel()
	const whole = "loaded loaded loaded record: <nil> asking answer: 404 <nil>"
	for _, test := range []struct {
		setting, output, hits string
		killed                bool
	}{
		{"", whole, "", false},
		{"place.loaded 2 kill", "loaded", "place.loaded 1 place.loaded 2", true},
		{"place.loaded 4 kill", whole, "place.loaded 1 place.loaded 2 place.loaded 3", false},
		{"place.loaded 1 1ms", whole, "place.loaded 1", false},
		{"sweep.expired 1 kill", whole, "", false},
		{"record.commit 1 error", strings.Replace(whole, "record: <nil>", "record: failpoint: injected error", 1), "record.commit 1", false},
		{"record.commit 2 kill", whole, "record.commit 1", false},
		{"place.answering 1 kill", "loaded loaded loaded record: <nil> asking", "place.answering 1", true},
	} {
		log := filepath.Join(t.TempDir(), "hits")
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), asProgram+"=1", "FAILPOINT="+test.setting, "FAILPOINT_LOG="+log)
		out, _ := cmd.Output() // the state says more
		if killed := cmd.ProcessState.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL; killed != test.killed {
			t.Errorf("%q: %v", test.setting, cmd.ProcessState)
		}
		if got := strings.Join(strings.Fields(string(out)), " "); got != test.output {
			t.Errorf("%q: output %q, want %q", test.setting, got, test.output)
		}
		logged, _ := os.ReadFile(log) // missing without hits
		got := strings.ReplaceAll(string(logged), fmt.Sprintf("%d ", cmd.ProcessState.Pid()), "")
		if got := strings.Join(strings.Fields(got), " "); got != test.hits {
			t.Errorf("%q: hits %q, want %q", test.setting, got, test.hits)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"place.gated":             "want a point, a number and",
		"place.nowhere 1 kill":    `"place.nowhere", which is not a failpoint`,
		"place.gated 0 kill":      `hit "0"`,
		"place.gated x kill":      `hit "x"`,
		"place.gated 1 sometimes": `"sometimes", want kill`,
	} {
		if _, err := parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q in it", text, err, want)
		}
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	pause, err := actionOf("20ms")
	if err != nil {
		t.Fatal(err)
	}
	if begun := time.Now(); pause() != nil || time.Since(begun) < 20*time.Millisecond {
		t.Errorf("the pause took %v", time.Since(begun))
	}
}
