package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// seenBySDK is what testdata/node/drive.mjs tells.
type seenBySDK struct {
	Created struct {
		UUID, Status, ConversationUUID string
	}
	Messages    []string
	Live, Ended recordOfSDK
	Listed      []recordOfSDK
	Gone        int
	Events      []struct {
		Status, UUID, Type                  string
		Verified, VerifiedByAnother, Hashed bool
	}
}

type recordOfSDK struct {
	UUID, Status, Price, Rate, Duration string
	To                                  struct{ Type, Number string }
}

// TestNodeSDK has Vonage's own SDK drive the simulator: what it sends is
// understood, what it is answered it understands, and its verifier takes the
// signatures of the callbacks. It needs Node and the SDK's packages (make sdk).
func TestNodeSDK(t *testing.T) {
	t.Parallel()
	folder := installed(t)
	sim, address := simulate(t)
	got := drive(t, folder, address)

	ledger := sim.Ledger()
	if len(ledger) != 1 || ledger[0].UUID != got.Created.UUID || got.Created.Status != "started" || got.Created.ConversationUUID == "" {
		t.Fatalf("created %+v\nledger %+v", got.Created, ledger)
	}
	call := ledger[0]
	want := []string{"Talk started", "Talk stopped", "Stream started", "Stream stopped", "DTMF sent"}
	if diff := cmp.Diff(want, got.Messages); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(voicesim.Control{DTMF: "17#", Transfers: 1}, call.Control); diff != "" {
		t.Error(diff)
	}
	if got.Live.Status != "answered" || got.Ended.Status != "completed" || got.Ended.Price != call.Price.StringFixed(8) ||
		got.Ended.To.Number != "447700900101" || len(got.Listed) != 1 || got.Listed[0] != got.Ended || got.Gone != 404 {
		t.Errorf("live %+v\nended %+v\nlisted %+v\nafter the end %d", got.Live, got.Ended, got.Listed, got.Gone)
	}
	got.checkEvents(t)
}

func (s seenBySDK) checkEvents(t *testing.T) {
	t.Helper()
	var words []string
	for _, e := range s.Events {
		if !e.Verified || e.VerifiedByAnother || !e.Hashed {
			t.Errorf("event %s: verified %t, by another secret %t, hash %t", e.Status, e.Verified, e.VerifiedByAnother, e.Hashed)
		}
		words = append(words, e.Status+e.Type)
	}
	if diff := cmp.Diff([]string{"started", "ringing", "answered", "transfer", "completed"}, words); diff != "" {
		t.Error(diff)
	}
}

// installed is the folder of the script, if the packages that it needs are
// there. A test does not fetch them.
func installed(t *testing.T) string {
	t.Helper()
	folder := filepath.Join("testdata", "node")
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: %s is not installed", program)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", "ls", "--all")
	command.Dir, command.WaitDelay = folder, time.Second
	if output, err := command.CombinedOutput(); err != nil {
		t.Skipf("skipped: the SDK's packages are not installed: type `make sdk`\n%s", output)
	}
	return folder
}

// simulate starts a simulator on a socket, in which a second takes 50 ms.
func simulate(t *testing.T) (*voicesim.Sim, string) {
	t.Helper()
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: &testkey.RSA().PublicKey, ApplicationID: application, SignatureSecret: secret, APIKey: "abcd1234", Speed: 20,
		Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
			"447700900101": {{Outcome: "answered", Talk: 2 * time.Hour}},
		}},
	})
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.Close()
		if err := sim.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return sim, server.URL
}

// drive runs the script against the simulator.
func drive(t *testing.T, folder, address string) seenBySDK {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	script := exec.CommandContext(ctx, "node", "drive.mjs")
	script.Dir, script.Stdout, script.Stderr, script.WaitDelay = folder, &stdout, &stderr, time.Second
	script.Env = slices.Concat(os.Environ(), []string{
		"VOICESIM_URL=" + address, "VOICESIM_APPLICATION=" + application,
		"VOICESIM_KEY_FILE=" + testkey.File(t), "VOICESIM_SECRET=" + string(secret),
	})
	if err := script.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var seen seenBySDK
	if err := json.Unmarshal(stdout.Bytes(), &seen); err != nil {
		t.Fatalf("%v in %s", err, stdout.Bytes())
	}
	return seen
}
