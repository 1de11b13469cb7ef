package voice

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
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

// The forms in which people store their key, and the errors for other forms.
func TestPrivateKeyForms(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	in64 := base64.StdEncoding.EncodeToString([]byte(text))
	forms := map[string]string{
		"as it is": text, "PKCS#1": string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"a line break at the end": text + "\n", "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "in double quotes": `"` + text + `"`, "in single quotes": "'" + text + "'",
		"escaped": strings.ReplaceAll(text, "\n", `\n`), "escaped twice": strings.ReplaceAll(text, "\n", `\\n`), "escaped, in quotes": `"` + strings.ReplaceAll(text, "\n", `\n`) + `\n"`,
		"escaped CRLF": strings.ReplaceAll(text, "\n", `\r\n`), "blanks for line breaks": strings.ReplaceAll(text, "\n", " "), "no line breaks": strings.ReplaceAll(text, "\n", ""),
		"indented": strings.ReplaceAll(text, "\n", "\n    "), "a BOM": "\uFEFF" + text, "after something else": "Bag Attributes\n" + text,
		"base64": in64, "base64 with line breaks": in64[:64] + "\n" + in64[64:] + "\n", "base64 without padding": strings.TrimRight(in64, "="), "base64 in quotes": `"` + in64 + `"`,
	}
	for name, form := range forms {
		path := filepath.Join(t.TempDir(), "key")
		writeFile(t, path, []byte(form), time.Now())
		for source, given := range map[string]string{"text": form, "file": path, "file, with a line break": path + "\n"} {
			if got, err := ParsePrivateKey(given); err != nil || !got.Equal(key) {
				t.Errorf("%s as %s: %v", name, source, err)
			}
			if keys, err := OpenKey(given, slog.New(slog.DiscardHandler)); err != nil || !keys.Key().Equal(key) {
				t.Errorf("%s as %s, opened: %v", name, source, err)
			}
		}
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, form := range map[string]string{
		"cut off": text[:len(text)/2], "damaged": strings.Replace(text, "\n", "\n!", 1), "a public key": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		"encrypted": strings.ReplaceAll(text, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "nothing": "", "a word": "hunter2",
		"encrypted, PKCS#1": "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\naGVsbG8=\n-----END RSA PRIVATE KEY-----",
	} {
		_, err := ParsePrivateKey(form)
		if err == nil || strings.Contains(err.Error(), text[60:70]) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want an error that shows nothing of it", name, err)
		}
		if strings.HasPrefix(name, "encrypted") && (err == nil || !strings.Contains(err.Error(), "passphrase")) {
			t.Errorf("%s: %v, want the reason", name, err)
		}
	}
}
