package contract_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice/voicesim"
)

// account is a simulator on a socket. Its calls last until they are hung up, and they
// can be controlled at once.
type account struct {
	t      testing.TB
	sim    *voicesim.Sim
	url    string
	bearer string
}

func newAccount(t testing.TB, contract bool) account {
	t.Helper()
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: &testkey.RSA().PublicKey, ApplicationID: application, ContractShapes: contract, Speed: 100,
		Outcomes: voicesim.Outcomes{Weights: map[string]float64{"answered": 1}, ByNumber: map[string][]voicesim.Script{
			"447700900110": {{Outcome: "answered", Talk: 1000 * time.Hour}},
		}},
	})
	require.NoError(t, err)
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, sim.Close(context.WithoutCancel(t.Context())))
	})
	return account{t, sim, server.URL, newBearer(t)}
}

// newBearer makes a token without package voice, because these tests judge without it.
func newBearer(t testing.TB) string {
	t.Helper()
	now, encode := time.Now().Unix(), base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"application_id":%q,"iat":%d,"exp":%d,"jti":"contract"}`, application, now, now+600)
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode([]byte(claims))
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, testkey.RSA(), crypto.SHA256, sum[:])
	require.NoError(t, err)
	return "Bearer " + text + "." + encode(signature)
}

// send sends a body with a token. It returns the status, and the first member that the
// response says is wrong.
func (a account) send(method, path, body string) (status int, member, reason string) {
	a.t.Helper()
	req, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", a.bearer)
	res, err := http.DefaultClient.Do(req)
	require.NoError(a.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(a.t, err)
	var got struct {
		Invalid []struct{ Name, Reason string } `json:"invalid_parameters"`
	}
	if len(text) > 0 {
		require.NoError(a.t, json.Unmarshal(text, &got))
	}
	if len(got.Invalid) > 0 {
		return res.StatusCode, got.Invalid[0].Name, got.Invalid[0].Reason
	}
	return res.StatusCode, "", ""
}

// answered is the uuid of a call in progress.
func (a account) answered() string {
	a.t.Helper()
	status, name, reason := a.send("POST", "/v1/calls", strings.ReplaceAll(changed(nil), "447700900101", "447700900110"))
	if status != http.StatusCreated {
		a.t.Fatalf("%d %s %s", status, name, reason)
	}
	for {
		ledger := a.sim.Ledger()
		if c := ledger[len(ledger)-1]; c.Answered {
			return c.UUID
		}
		select {
		case <-a.t.Context().Done():
			a.t.Fatal("the call is not answered")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// check sends a body and compares the member that is refused with want, where "" is
// none.
func (a account) check(want string, success int, method, path, body string, contract bool) {
	a.t.Helper()
	status, member, reason := a.send(method, path, body)
	if wanted := want == ""; wanted != (status == success) || !wanted && status != http.StatusBadRequest || member != want {
		a.t.Errorf("contract %t: %s\n%d, refuses %q because it %s; want %q", contract, body, status, member, reason, want)
	}
}

// waitReady starts an endless talk as soon as the call can be controlled.
func (a account) waitReady(id string) {
	a.t.Helper()
	for {
		status, member, reason := a.send("PUT", "/v1/calls/"+id+"/talk", `{"text":"Hello","voice_name":"Amy","level":"0.4","loop":0}`)
		if status == http.StatusOK {
			return
		}
		if member != "" {
			a.t.Fatalf("%s %s", member, reason)
		}
	}
}
