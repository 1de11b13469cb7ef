package voice

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var (
	webhookSecret = []byte("a signature secret of the account")
	webhookBody   = []byte(`{"status":"answered","uuid":"u-1"}`)
)

func signHS256(t *testing.T, secret []byte, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + signed
}

func TestVerifyAccepts(t *testing.T) {
	t.Parallel()
	v := Verifier{Secrets: [][]byte{[]byte("the old secret"), webhookSecret}, ApplicationID: testApp}
	signed, err := SignCallback(webhookSecret, "api-key", testApp, webhookBody, noon)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		authorization, method string
		body                  []byte
		now                   time.Time
	}{
		"at once":      {signed, http.MethodPost, webhookBody, noon},
		"late":         {signed, http.MethodPost, webhookBody, noon.Add(5 * time.Minute)},
		"clock behind": {signed, http.MethodPost, webhookBody, noon.Add(-5 * time.Minute)},
		"lower case":   {"bearer" + strings.TrimPrefix(signed, "Bearer"), http.MethodPost, webhookBody, noon},
		"GET":          {signed, http.MethodGet, nil, noon},
		"an exp and an nbf that our clock has just missed": {signHS256(t, webhookSecret, jwt.MapClaims{"iat": noon.Unix(), "payload_hash": payloadHash(webhookBody),
			"exp": noon.Add(-clockLeeway + time.Second).Unix(), "nbf": noon.Add(clockLeeway).Unix()}), http.MethodPost, webhookBody, noon},
		"no application": {signHS256(t, webhookSecret, jwt.MapClaims{"iat": noon.Unix(), "payload_hash": payloadHash(webhookBody)}), http.MethodPost, webhookBody, noon},
	} {
		if err := v.Verify(tt.authorization, tt.body, tt.method, tt.now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	good := jwt.MapClaims{"iat": noon.Unix(), "payload_hash": payloadHash(webhookBody), "application_id": testApp}
	with := func(key string, value any) string {
		claims := jwt.MapClaims{"iat": good["iat"], "payload_hash": good["payload_hash"], "application_id": testApp}
		claims[key] = value
		if value == nil {
			delete(claims, key)
		}
		return signHS256(t, webhookSecret, claims)
	}
	unsigned, _ := jwt.NewWithClaims(jwt.SigningMethodNone, good).SignedString(jwt.UnsafeAllowNoneSignatureType)
	longer, _ := jwt.NewWithClaims(jwt.SigningMethodHS512, good).SignedString(webhookSecret)
	v := Verifier{Secrets: [][]byte{webhookSecret}, ApplicationID: testApp}
	narrow := Verifier{Secrets: v.Secrets, Window: time.Second}

	tests := []struct {
		name          string
		v             Verifier
		authorization string
		method        string
		now           time.Time
	}{
		{"other secret", v, signHS256(t, []byte("another"), good), "POST", noon},
		{"algorithm none", v, "Bearer " + unsigned, "POST", noon},
		{"algorithm HS512", v, "Bearer " + longer, "POST", noon},
		{"algorithm RS256", v, "Bearer " + signRS256(t, good), "POST", noon},
		{"nonsense", v, "Bearer x", "POST", noon},
		{"no secrets", Verifier{}, with("jti", "1"), "POST", noon},
		{"empty secret", Verifier{Secrets: [][]byte{{}, nil}}, signHS256(t, []byte{}, good), "POST", noon},
		{"too late", v, with("jti", "1"), "POST", noon.Add(5*time.Minute + time.Second)},
		{"too early", v, with("jti", "1"), "POST", noon.Add(-5*time.Minute - time.Second)},
		{"narrow window", narrow, with("jti", "1"), "POST", noon.Add(2 * time.Second)},
		{"no iat", v, with("iat", nil), "POST", noon},
		{"other body", v, with("payload_hash", payloadHash([]byte("else"))), "POST", noon},
		{"no hash", v, with("payload_hash", nil), "POST", noon},
		{"no hash, PUT", v, with("payload_hash", nil), "PUT", noon},
		{"other application", v, with("application_id", "else"), "POST", noon},
		{"expired", v, with("exp", noon.Add(-time.Minute).Unix()), "POST", noon},
		{"not valid yet", v, with("nbf", noon.Add(time.Minute).Unix()), "POST", noon},
		{"GET, expired", v, with("exp", noon.Add(-time.Minute).Unix()), "GET", noon},
		{"GET too late", v, with("jti", "1"), "GET", noon.Add(time.Hour)},
		{"GET, other secret", v, signHS256(t, []byte("another"), good), "GET", noon},
	}
	for _, tt := range tests {
		err := tt.v.Verify(tt.authorization, webhookBody, tt.method, tt.now)
		if err == nil || errors.Is(err, ErrUnsigned) {
			t.Errorf("%s: got %v, want it to be refused", tt.name, err)
			continue
		}
		if _, token, _ := strings.Cut(tt.authorization, " "); len(token) > 1 && strings.Contains(err.Error(), token) {
			t.Errorf("%s: the token is shown in %q", tt.name, err)
		}
	}
	for _, authorization := range []string{"", "Bearer", "Bearer "} {
		if err := v.Verify(authorization, webhookBody, "POST", noon); !errors.Is(err, ErrUnsigned) {
			t.Errorf("%q: got %v, want ErrUnsigned", authorization, err)
		}
	}
}

func TestSignCallbackWithoutABody(t *testing.T) {
	t.Parallel()
	signed, err := SignCallback(webhookSecret, "api-key", testApp, nil, noon)
	if err != nil {
		t.Fatal(err)
	}
	v := Verifier{Secrets: [][]byte{webhookSecret}}
	if err := v.Verify(signed, nil, http.MethodPost, noon); err != nil {
		t.Error(err)
	}
}

// The same token has the same key however it is written; another token has another key.
func TestCallbackTokenKey(t *testing.T) {
	t.Parallel()
	v := Verifier{Secrets: [][]byte{webhookSecret}}
	key := func(authorization string) [32]byte {
		t.Helper()
		token, err := v.VerifyToken(authorization, noon)
		if err != nil {
			t.Fatal(err)
		}
		if want := noon.Add(defaultWindow); !token.ExpiresAt.Equal(want) {
			t.Errorf("it expires at %v, want %v", token.ExpiresAt, want)
		}
		return token.Key
	}
	signed := func(claims jwt.MapClaims) string {
		claims["iat"] = noon.Unix()
		return signHS256(t, webhookSecret, claims)
	}
	one, same := signed(jwt.MapClaims{"jti": "1"}), signed(jwt.MapClaims{"jti": "1", "payload_hash": "another"})
	if key(one) != key(same) || key(one) == key(signed(jwt.MapClaims{"jti": "2"})) {
		t.Error("a jti does not name a token")
	}
	without := signed(jwt.MapClaims{"payload_hash": "x"})
	if key(without) == key(signed(jwt.MapClaims{"payload_hash": "y"})) {
		t.Error("two tokens without jti have one key")
	}
	// The last digit of a signature has two bits that nobody reads.
	last := without[len(without)-1]
	for _, digit := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		other := without[:len(without)-1] + string(digit)
		if token, err := v.VerifyToken(other, noon); err == nil && byte(digit) != last && token.Key != key(without) {
			t.Error("the same token written in another way has another key")
		}
	}
}
