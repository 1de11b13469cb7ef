package webhooks

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/uuid"
)

const (
	secret        = "the account's signature secret, 32 bytes and more"
	oldSecret     = "the secret before it, which is still accepted today"
	applicationID = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
)

// noon is the time of these tests.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func verifier() voice.Verifier {
	return voice.Verifier{Secrets: [][]byte{[]byte(oldSecret), []byte(secret)}, ApplicationID: applicationID}
}

// memoryStore keeps what it gets in memory.
type memoryStore struct {
	mu        sync.Mutex
	events    []campaign.Received
	alarms    []string
	placement campaign.Placement
	tokens    map[[32]byte][32]byte
	fail      error
	asked     int
}

func (k *memoryStore) SeeToken(_ context.Context, t campaign.SeenToken) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return cmp.Or(k.fail, k.see(t))
}

func (k *memoryStore) see(t campaign.SeenToken) error {
	request, seen := k.tokens[t.Token]
	switch {
	case !seen && k.tokens == nil:
		k.tokens = map[[32]byte][32]byte{}
		fallthrough
	case !seen:
		k.tokens[t.Token] = t.Request
		return nil
	case request != t.Request:
		return campaign.ErrTokenReused
	}
	return campaign.ErrRepeated
}

func (k *memoryStore) RaiseSeldom(_ context.Context, a campaign.Alarm) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.alarms = append(k.alarms, a.Kind)
	return k.fail
}

func (k *memoryStore) Receive(ctx context.Context, r campaign.Received) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fail != nil {
		return k.fail
	}
	if err := k.see(r.Token); err != nil {
		return err
	}
	k.events = append(k.events, r)
	return ctx.Err()
}

func (k *memoryStore) Placement(context.Context, uuid.UUID) (campaign.Placement, error) {
	return k.placement, k.fail
}

func (k *memoryStore) RingBack(context.Context, campaign.InboundCall) (campaign.Placement, error) {
	return k.placement, k.fail
}

func (k *memoryStore) InboundPlacement(context.Context, uuid.UUID) (campaign.Placement, error) {
	return k.placement, k.fail
}

// MessageAsked counts.
func (k *memoryStore) MessageAsked(context.Context, uuid.UUID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return k.fail
}

func discardLog() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func newHandler(store Store) http.Handler {
	return NewHandler(Config{Verifier: verifier(), PublicURL: "https://dialer.test/", Now: func() time.Time { return noon }}, store, discardLog())
}

// signed is a request that Vonage signed.
func signed(t testing.TB, method, target, body string) *http.Request {
	t.Helper()
	authorization, err := voice.SignCallback([]byte(secret), "key", applicationID, []byte(body), noon)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", authorization)
	r.Header.Set("Content-Type", "application/json")
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// claims are the claims of Vonage's token.
type claims map[string]any

func goodClaims(body string) claims {
	sum := sha256.Sum256([]byte(body))
	return claims{
		"iat": noon.Unix(), "jti": "5c1d7ddc-1f7e-4d0c-8f2a-000000000001", "iss": "Vonage", "api_key": "key",
		"application_id": applicationID, "payload_hash": hex.EncodeToString(sum[:]),
	}
}

func (c claims) with(name string, value any) claims {
	if value == nil {
		delete(c, name)
		return c
	}
	c[name] = value
	return c
}

func segment(v any) string {
	text, isText := v.(string)
	if !isText {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		text = string(raw)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(text))
}

// token signs without a library, so that a forgery can be wrong in any way.
func token(header, payload any, algorithm func() hash.Hash, key string) string {
	input := segment(header) + "." + segment(payload)
	mac := hmac.New(algorithm, []byte(key))
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func hs256(payload any, key string) string {
	return token(map[string]any{"alg": "HS256", "typ": "JWT"}, payload, sha256.New, key)
}

func hmacToken(alg string, payload any) string {
	algorithm := sha256.New
	switch alg {
	case "HS384":
		algorithm = sha512.New384
	case "HS512":
		algorithm = sha512.New
	}
	return token(map[string]any{"alg": alg, "typ": "JWT"}, payload, algorithm, secret)
}
