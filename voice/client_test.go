package voice

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"dialer/internal/testkit/testkey"
)

const testApp = "00000000-0000-4000-8000-00000000a001"

// newTestClient is a client of the server at url, with the package's own
// transport unless edit says otherwise.
func newTestClient(t testing.TB, url string, edit ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{BaseURL: url + "/v1", ApplicationID: testApp, Key: testkey.RSA()}
	for _, f := range edit {
		f(&cfg)
	}
	c, err := NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// testToken is a token that is good now.
func testToken() SignedToken {
	now := time.Now()
	return signTestToken(Token{ID: "0190c0de-0000-7000-8000-000000000001", IssuedAt: now.Add(-5 * time.Second), ExpiresAt: now.Add(30 * time.Second)})
}

func signTestToken(t Token) SignedToken {
	c := &Client{appID: testApp, key: testkey.RSA}
	signed, err := c.SignToken(t)
	if err != nil {
		panic(err)
	}
	return signed
}

func testRequest() CallRequest {
	return CallRequest{
		To: []Endpoint{Phone{Number: "447700900123"}}, From: "447700900000",
		NCCO: NCCO{Talk{Text: "Hello"}}, EventURL: "https://dialer.example/webhooks/event?attempt=1", EventMethod: "POST",
	}
}

func TestCreateCallOnTheWire(t *testing.T) {
	t.Parallel()
	var got, path, auth string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got, path, auth = string(body), r.Method+" "+r.URL.Path, r.Header.Get("Authorization")
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"uuid":"63f61863","status":"started","direction":"outbound","conversation_uuid":"CON-1"}`)
	}))
	defer srv.Close()

	created, err := newTestClient(t, srv.URL).CreateCall(context.Background(), nil, testToken(), testRequest())
	if err != nil {
		t.Fatal(err)
	}
	if want := (Created{UUID: "63f61863", ConversationUUID: "CON-1", Status: "started", Direction: "outbound"}); created != want {
		t.Errorf("got %+v, want %+v", created, want)
	}
	if want := "POST /v1/calls"; path != want {
		t.Errorf("got %s, want %s", path, want)
	}
	want := `{"to":[{"type":"phone","number":"447700900123"}],"from":{"type":"phone","number":"447700900000"},` +
		`"ncco":[{"action":"talk","text":"Hello"}],"event_url":["https://dialer.example/webhooks/event?attempt=1"],"event_method":"POST"}`
	if got != want {
		t.Errorf("got body %s\nwant %s", got, want)
	}
	claims, err := VerifyToken(&testkey.RSA().PublicKey, testApp, auth, time.Now())
	if err != nil || claims.ID != testToken().ID {
		t.Errorf("token: got %+v, %v", claims, err)
	}
}
