package embedded

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// parentVar makes the test binary a parent of servers, to be killed.
const parentVar = "EMBEDDED_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVar) != "" {
		beParent()
	}
	os.Exit(m.Run())
}

// family is what a parent prints once its servers are ready.
type family struct{ Postgres, Redis string }

// beParent starts both servers, prints where they are and waits to be killed.
// Like a program that stops in good order, it does not die of SIGINT.
func beParent() {
	signal.Ignore(syscall.SIGINT)
	ctx, o := signalContext(), Options{Getenv: withoutURLs(os.Getenv("TMPDIR"))}
	pg, err := Postgres(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	rd, err := Redis(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(family{pg.URL, rd.URL}); err != nil {
		os.Exit(1)
	}
	select {}
}
