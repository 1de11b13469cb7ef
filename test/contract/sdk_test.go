//go:build sdk

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

// sdkReport is the output of testdata/node/drive.mjs.
type sdkReport struct {
	Created struct {
		UUID, Status, ConversationUUID string
	}
	Messages    []string
	Live, Ended sdkCall
	Listed      []sdkCall
	Gone        int
	Events      []struct {
		Status, UUID, Type                  string
		Verified, VerifiedByAnother, Hashed bool
	}
}

type sdkCall struct {
	UUID, Status, Price, Rate, Duration string
	To                                  struct{ Type, Number string }
}

// TestNodeSDK lets Vonage's own SDK use the simulator: each understands the other,
// and the SDK accepts the signatures of the callbacks. Run it with make sdk.
func TestNodeSDK(t *testing.T) {
	t.Parallel()
	sim, address := simulate(t)
	got := runScript(t, address)

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

func (s sdkReport) checkEvents(t *testing.T) {
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

// simulate starts a simulator on a socket. Its calls are 20 times as fast.
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

// runScript runs drive.mjs with the simulator.
func runScript(t *testing.T, address string) sdkReport {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	var stdout, stderr bytes.Buffer
	script := exec.CommandContext(ctx, "node", "drive.mjs")
	script.Dir, script.Stdout, script.Stderr, script.WaitDelay = filepath.Join("testdata", "node"), &stdout, &stderr, time.Second
	script.Env = slices.Concat(os.Environ(), []string{
		"VOICESIM_URL=" + address, "VOICESIM_APPLICATION=" + application,
		"VOICESIM_KEY_FILE=" + testkey.File(t), "VOICESIM_SECRET=" + string(secret),
	})
	if err := script.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.Bytes())
	}
	var seen sdkReport
	if err := json.Unmarshal(stdout.Bytes(), &seen); err != nil {
		t.Fatalf("%v in %s", err, stdout.Bytes())
	}
	return seen
}
