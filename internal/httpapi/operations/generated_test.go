package operations

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"dialer/internal/testkit/require"
)

// update generates the operations again: go test ./internal/httpapi/operations -run
// References -update
var update = flag.Bool("update", false, "generate operations.gen.go anew from openapi.json")

const (
	generated = "operations.gen.go"
	footer    = "\n// SHA-256 of this and what it is made of: "
)

// The operations are those of the document, and nobody has edited them. Only -update
// needs the generator, so the test needs no network.
func TestReferencesAreGenerated(t *testing.T) {
	t.Parallel()
	if *update {
		generator := exec.CommandContext(t.Context(), "go", "tool", "-modfile=../../../tools.mod", "oapi-codegen", "-config", "config.yaml", "../openapi.json")
		if out, err := generator.CombinedOutput(); err != nil {
			t.Fatalf("oapi-codegen: %v\n%s", err, out)
		}
		text := read(t, generated)
		require.NoError(t, os.WriteFile(generated, []byte(text+footer+sum(t, text)+"\n"), 0o644))
	}
	text, noted, _ := strings.Cut(read(t, generated), footer)
	if sum(t, text) != strings.TrimSpace(noted) {
		t.Errorf("%s is not what openapi.json, config.yaml and overlay.yaml say: make references", generated)
	}
}

// sum is the checksum of the generated text and of its source files.
func sum(t *testing.T, text string) string {
	t.Helper()
	for _, from := range []string{"../openapi.json", "config.yaml", "overlay.yaml"} {
		text += read(t, from)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return strings.ReplaceAll(string(text), "\r\n", "\n") // as some check it out
}
