package embedded

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
)

// parentVar makes the test binary a parent of servers that a test kills.
const parentVar = "EMBEDDED_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentVar) != "" {
		runParent()
	}
	os.Exit(m.Run())
}

// serverURLs is what a parent prints once its servers are ready.
type serverURLs struct{ Postgres, Redis string }

// runParent starts both servers, prints their URLs and waits to be killed. Like a
// program with an orderly stop it does not die of SIGINT.
func runParent() {
	signal.Ignore(syscall.SIGINT)
	ctx, o := context.Background(), Options{Getenv: withoutURLs(os.Getenv("TMPDIR"))}
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
	if err := json.NewEncoder(os.Stdout).Encode(serverURLs{pg.URL, rd.URL}); err != nil {
		os.Exit(1)
	}
	select {}
}
