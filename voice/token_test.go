package voice

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/testkey"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// signRS256 signs any claims with the test key.
func signRS256(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(testkey.RSA())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestTokenLifetime(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, "http://provider.example")
	exp := noon.Add(30*time.Second + 999*time.Millisecond)
	signed, err := c.SignToken(Token{ID: "attempt-1", IssuedAt: noon.Add(-5 * time.Second), ExpiresAt: exp})
	if err != nil {
		t.Fatal(err)
	}
	got, err := VerifyToken(&testkey.RSA().PublicKey, testApp, signed.bearer, noon)
	if err != nil {
		t.Fatal(err)
	}
	want := TokenClaims{ID: "attempt-1", IssuedAt: noon.Add(-5 * time.Second), ExpiresAt: noon.Add(30 * time.Second)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := VerifyToken(&testkey.RSA().PublicKey, testApp, signed.bearer, noon.Add(30*time.Second)); !errors.Is(err, ErrTokenExpired) {
		t.Errorf("at its end: got %v, want ErrTokenExpired", err)
	}
}

func TestSignTokenInvalid(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, "http://provider.example")
	for _, token := range []Token{
		{ID: "a", IssuedAt: noon, ExpiresAt: noon},
		{ID: "", IssuedAt: noon, ExpiresAt: noon.Add(time.Minute)},
		{ID: "a"},
	} {
		_, err := c.SignToken(token)
		wantError(t, err, VerdictRefused, 0)
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: got %v, want %v", token, err, ErrInvalid)
		}
	}
}

func TestUnsignedTokenIsNotSent(t *testing.T) {
	t.Parallel()
	s := newCutter(t, func(int64) string { return createdReply })
	_, err := newTestClient(t, s.url()).CreateCall(t.Context(), nil, SignedToken{Token: testToken().Token}, testRequest())
	wantError(t, err, VerdictRefused, 0)
	if got := s.arrived.Load(); got != 0 || !errors.Is(err, ErrInvalid) {
		t.Errorf("%d requests arrived, %v; want none and %v", got, err, ErrInvalid)
	}
}

// Calls that share a token cost one signature.
func TestSharedToken(t *testing.T) {
	t.Parallel()
	sent := make(map[string]int)
	keys := 0
	c := newFakeClient(t, func(w http.ResponseWriter, r *http.Request) {
		sent[r.Header.Get("Authorization")]++
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"uuid":"u","status":"started"}`)
	}, func(cfg *Config) { cfg.CurrentKey = func() *rsa.PrivateKey { keys++; return testkey.RSA() } })
	now := time.Now()
	token, err := c.SignToken(Token{ID: "several", IssuedAt: now, ExpiresAt: now.Add(30 * time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.CreateCall(t.Context(), nil, token, testRequest()); err != nil {
			t.Fatal(err)
		}
	}
	if sent["Bearer "+token.bearer] != 3 || len(sent) != 1 || keys != 1 {
		t.Errorf("%d calls with the token, %d credentials, %d signatures; want 3, 1, 1", sent["Bearer "+token.bearer], len(sent), keys)
	}
}

// The times of a token are for Vonage's clock, so ours does not check them.
func TestExpiredTokenIsSent(t *testing.T) {
	t.Parallel()
	s := newCutter(t, func(int64) string { return createdReply })
	c := newTestClient(t, s.url(), func(cfg *Config) { cfg.Now = func() time.Time { return noon } })
	token := signTestToken(Token{ID: "a", IssuedAt: noon.Add(-2 * time.Minute), ExpiresAt: noon.Add(-time.Minute)})
	if _, err := c.CreateCall(t.Context(), nil, token, testRequest()); err != nil {
		t.Errorf("got %v, want the request sent", err)
	}
}

func TestVerifyTokenRefuses(t *testing.T) {
	t.Parallel()
	good := jwt.MapClaims{"application_id": testApp, "iat": noon.Unix(), "jti": "1", "exp": noon.Add(time.Minute).Unix()}
	with := func(key string, value any) jwt.MapClaims {
		claims := jwt.MapClaims{}
		for k, v := range good {
			claims[k] = v
		}
		claims[key] = value
		if value == nil {
			delete(claims, key)
		}
		return claims
	}
	foreign, _ := jwt.NewWithClaims(jwt.SigningMethodRS256, good).SignedString(testkey.Other())
	unsigned, _ := jwt.NewWithClaims(jwt.SigningMethodNone, good).SignedString(jwt.UnsafeAllowNoneSignatureType)
	// The public key as the secret of the other algorithm.
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(&testkey.RSA().PublicKey)})
	confused, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, good).SignedString(public)

	tests := map[string]string{
		"no token":          "",
		"scheme only":       "Bearer ",
		"nonsense":          "Bearer a.b.c",
		"too long":          signRS256(t, with("sub", strings.Repeat("a", maxToken))),
		"another key":       foreign,
		"no signature":      unsigned,
		"HS256":             confused,
		"RS512":             signRS512(t, good),
		"other application": signRS256(t, with("application_id", "else")),
		"no application":    signRS256(t, with("application_id", nil)),
		"no jti":            signRS256(t, with("jti", nil)),
		"no iat":            signRS256(t, with("iat", nil)),
		"iat ahead":         signRS256(t, with("iat", noon.Add(time.Second).Unix())),
		"expired":           signRS256(t, with("exp", noon.Unix())),
		"implied life over": signRS256(t, jwt.MapClaims{"application_id": testApp, "jti": "1", "iat": noon.Add(-15 * time.Minute).Unix()}),
	}
	for name, token := range tests {
		if claims, err := VerifyToken(&testkey.RSA().PublicKey, testApp, token, noon); err == nil {
			t.Errorf("%s: taken as %+v", name, claims)
		}
	}
	for name, token := range map[string]string{
		"plain":       signRS256(t, good),
		"bearer":      "bearer  " + signRS256(t, good),
		"without exp": "Bearer " + signRS256(t, jwt.MapClaims{"application_id": testApp, "jti": "1", "iat": noon.Add(-15*time.Minute + time.Second).Unix()}),
	} {
		if _, err := VerifyToken(&testkey.RSA().PublicKey, testApp, token, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func signRS512(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodRS512, claims).SignedString(testkey.RSA())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestParsePrivateKey(t *testing.T) {
	t.Parallel()
	pkcs8, err := x509.MarshalPKCS8PrivateKey(testkey.RSA())
	if err != nil {
		t.Fatal(err)
	}
	old := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(testkey.RSA())}))
	now := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(path, []byte(now), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"PKCS#1": old, "PKCS#8": now, "path": path, "escaped": strings.ReplaceAll(now, "\n", `\n`), "spaced": "\n  " + now,
	} {
		key, err := ParsePrivateKey(text)
		if err != nil || !key.Equal(testkey.RSA()) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestParsePrivateKeyErrorsHideKey(t *testing.T) {
	t.Parallel()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	const secret = "c2VjcmV0c2VjcmV0"
	block := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	tests := map[string]string{
		"empty":       "",
		"no file":     "/nowhere/" + secret,
		"bare base64": secret + secret,
		"no end":      "-----BEGIN PRIVATE KEY-----\n" + secret,
		"broken 1":    block("RSA PRIVATE KEY", []byte("secretsecret")),
		"broken 8":    block("PRIVATE KEY", []byte("secretsecret")),
		"EC":          block("PRIVATE KEY", ec),
		"encrypted":   block("ENCRYPTED PRIVATE KEY", []byte("secretsecret")),
		"certificate": block("CERTIFICATE", []byte("secretsecret")),
		"a directory": t.TempDir(),
		"NUL in path": "a\x00" + secret,
		"very long":   strings.Repeat(secret, 1000),
	}
	for name, text := range tests {
		_, err := ParsePrivateKey(text)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "secretsecret") {
			t.Errorf("%s: the key is shown in %q", name, err)
		}
	}
}

func TestConfigInvalid(t *testing.T) {
	t.Parallel()
	good := Config{ApplicationID: testApp, Key: testkey.RSA()}
	for name, edit := range map[string]func(*Config){
		"no key":         func(c *Config) { c.Key = nil },
		"no application": func(c *Config) { c.ApplicationID = "" },
		"no scheme":      func(c *Config) { c.BaseURL = "api.nexmo.com/v1" },
		"other scheme":   func(c *Config) { c.BaseURL = "ftp://api.nexmo.com" },
		"no host":        func(c *Config) { c.BaseURL = "https:///v1" },
		"password":       func(c *Config) { c.BaseURL = "https://me:hunter2@api.nexmo.com/v1" },
		"query":          func(c *Config) { c.BaseURL = "https://api.nexmo.com/v1?hunter2" },
		"unparsable":     func(c *Config) { c.BaseURL = "https://hunter2:%zz" },
	} {
		cfg := good
		edit(&cfg)
		_, err := NewClient(cfg)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	c, err := NewClient(good)
	if err != nil {
		t.Fatal(err)
	}
	if want := "https://api.nexmo.com/v1"; c.base != want {
		t.Errorf("got %s, want %s", c.base, want)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	cfg := Config{ApplicationID: testApp, Key: testkey.RSA()}
	v := Verifier{Secrets: [][]byte{[]byte("hunter2hunter2")}, ApplicationID: testApp}
	token := signTestToken(Token{ID: testApp, IssuedAt: noon, ExpiresAt: noon.Add(time.Minute)})
	for _, private := range []any{cfg, v, token, struct{ Inner any }{v}, struct{ Inner any }{cfg}, struct{ Inner any }{token}, &token} {
		shown := logged(t, private) + fmt.Sprintf("%v %+v %#v %s", private, private, private, private)
		for _, secret := range []string{"hunter2", "104 117 110 116", "0x68, 0x75", "aHVudGVy", testkey.RSA().D.String()[:20], testkey.RSA().N.String()[:20], token.bearer[:20]} {
			if strings.Contains(shown, secret) {
				t.Errorf("%q is shown in %s", secret, shown)
			}
		}
		if !strings.Contains(shown, testApp) {
			t.Errorf("got %s, want the application to be shown", shown)
		}
	}
}
