package webhooks

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/testkey"
)

const answered = `{"status":"answered","uuid":"63f61863-4a51-4f6b-86e1-46edebcf9356"}`

func TestForgeriesAreRefused(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	h := newHandler(store)
	for name, authorization := range forgeries(t) {
		for path, method := range map[string]string{"event": http.MethodPost, "answer": http.MethodGet} {
			if method == http.MethodGet && strings.HasPrefix(name, "body:") {
				continue // what Vonage hashes for a GET is not documented
			}
			r := httptest.NewRequest(method, "/webhooks/"+path+"?status=answered&uuid=u", strings.NewReader(answered))
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			if got := serve(h, r).Code; got != http.StatusUnauthorized {
				t.Errorf("%s %s: status %d, want 401", method, name, got)
			}
		}
	}
	if len(store.events) != 0 {
		t.Errorf("%d forged events were stored", len(store.events))
	}
}

// forgeries are tokens that must be refused. Each is wrong in one way.
func forgeries(t *testing.T) map[string]string {
	good := func() claims { return goodClaims(answered) }
	valid := hs256(good(), secret)
	parts := strings.Split(valid, ".")
	list := map[string]string{
		"no token":                  "",
		"empty bearer":              "Bearer ",
		"not a bearer":              "Basic " + valid,
		"not a token":               "Bearer hello",
		"no signature":              "Bearer " + parts[0] + "." + parts[1],
		"empty signature":           "Bearer " + parts[0] + "." + parts[1] + ".",
		"cut signature":             "Bearer " + valid[:len(valid)-4],
		"a fourth segment":          "Bearer " + valid + ".x",
		"alg none":                  "Bearer " + segment(claims{"alg": "none", "typ": "JWT"}) + "." + parts[1] + ".",
		"alg none, signed":          "Bearer " + hmacToken("none", good()),
		"alg nOnE, signed":          "Bearer " + hmacToken("nOnE", good()),
		"no alg":                    "Bearer " + token(claims{"typ": "JWT"}, good(), sha256.New, secret),
		"HS384":                     "Bearer " + hmacToken("HS384", good()),
		"HS512":                     "Bearer " + hmacToken("HS512", good()),
		"RS256 named, HMAC signed":  "Bearer " + hmacToken("RS256", good()),
		"other secret":              "Bearer " + hs256(good(), "another account's signature secret, as long as ours"),
		"cut secret":                "Bearer " + hs256(good(), secret[:16]),
		"empty secret":              "Bearer " + hs256(good(), ""),
		"key id to an empty file":   "Bearer " + token(claims{"alg": "HS256", "kid": "/dev/null"}, good(), sha256.New, ""),
		"key brought along":         "Bearer " + token(claims{"alg": "HS256", "jwk": claims{"kty": "oct", "k": "a2V5"}}, good(), sha256.New, "key"),
		"claims swapped":            "Bearer " + parts[0] + "." + segment(good().with("jti", "x")) + "." + parts[2],
		"claims are no object":      "Bearer " + hs256(`"answered"`, secret),
		"too old":                   "Bearer " + hs256(good().with("iat", noon.Add(-6*time.Minute).Unix()), secret),
		"from the future":           "Bearer " + hs256(good().with("iat", noon.Add(6*time.Minute).Unix()), secret),
		"expired":                   "Bearer " + hs256(good().with("exp", noon.Add(-time.Minute).Unix()), secret),
		"not valid yet":             "Bearer " + hs256(good().with("nbf", noon.Add(time.Minute).Unix()), secret),
		"no time":                   "Bearer " + hs256(good().with("iat", nil), secret),
		"time as text":              "Bearer " + hs256(good().with("iat", "now"), secret),
		"other application":         "Bearer " + hs256(good().with("application_id", "00000000-0000-0000-0000-000000000000"), secret),
		"body: hash of another":     "Bearer " + hs256(goodClaims(answered+" "), secret),
		"body: no hash":             "Bearer " + hs256(good().with("payload_hash", nil), secret),
		"body: empty hash":          "Bearer " + hs256(good().with("payload_hash", ""), secret),
		"body: hash of the empty":   "Bearer " + hs256(goodClaims(""), secret),
		"body: hash, first half":    "Bearer " + hs256(good().with("payload_hash", good()["payload_hash"].(string)[:32]), secret),
		"body: hash is not a text":  "Bearer " + hs256(good().with("payload_hash", 1), secret),
		"two tokens in one header":  "Bearer " + hs256(good(), "wrong") + ", Bearer " + valid,
		"padded with another token": "Bearer " + valid + " " + valid,
	}
	for name, authorization := range asymmetric(t, good()) {
		list[name] = authorization
	}
	return list
}

// asymmetric are the forgeries that need a key pair: a real RS256 signature, and
// one with the public key as an HMAC secret.
func asymmetric(t *testing.T, payload claims) map[string]string {
	t.Helper()
	key := testkey.RSA()
	input := segment(claims{"alg": "RS256", "typ": "JWT"}) + "." + segment(payload)
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	return map[string]string{
		"RS256":                        "Bearer " + input + "." + base64.RawURLEncoding.EncodeToString(signature),
		"HS256 with an RSA public key": "Bearer " + hs256(payload, string(text)),
	}
}

// Without this test a handler that refuses everything would pass the others.
func TestValidSignatures(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{"the secret": secret, "the one before it": oldSecret} {
		store := new(memoryStore)
		r := httptest.NewRequest(http.MethodPost, "/webhooks/event", strings.NewReader(answered))
		r.Header.Set("Authorization", "Bearer "+hs256(goodClaims(answered), key))
		if got := serve(newHandler(store), r).Code; got != http.StatusOK || len(store.events) != 1 {
			t.Errorf("signed with %s: status %d and %d events stored, want 200 and 1", name, got, len(store.events))
		}
	}
}

func TestTokenInQueryIsIgnored(t *testing.T) {
	t.Parallel()
	store := new(memoryStore)
	r := httptest.NewRequest(http.MethodPost, "/webhooks/event?Authorization=Bearer+"+hs256(goodClaims(answered), secret), strings.NewReader(answered))
	if got := serve(newHandler(store), r).Code; got != http.StatusUnauthorized || len(store.events) != 0 {
		t.Errorf("status %d and %d events stored, want 401 and 0", got, len(store.events))
	}
}
