package voice

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeKey(t *testing.T, path string, at time.Time) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), at)
	return key
}

func writeFile(t *testing.T, path string, text []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

// After the key file was replaced the next token is signed with the new key. A file
// that is half written has no effect.
func TestKeyFileIsReloaded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "private.key")
	now := time.Now()
	first := writeKey(t, path, now)
	keys, err := OpenKey(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	client, err := NewClient(Config{ApplicationID: "app", CurrentKey: keys.Key})
	if err != nil {
		t.Fatal(err)
	}
	signedBy := func(want *rsa.PrivateKey, when string) {
		t.Helper()
		token, err := client.sign(client.freshToken())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyToken(&want.PublicKey, "app", token.bearer, time.Now()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	signedBy(first, "at first")
	writeFile(t, path, []byte("-----BEGIN RSA PRIVATE KEY-----\nhalf a"), now.Add(time.Second))
	signedBy(first, "half written")
	second := writeKey(t, path, now.Add(2*time.Second))
	signedBy(second, "replaced")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	signedBy(second, "removed")
	if text := fmt.Sprintf("%v %+v %#v", keys, keys, keys); strings.Contains(text, "N:") {
		t.Errorf("the key is printed: %.60s", text)
	}
}
