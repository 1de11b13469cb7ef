// Package testkey has RSA keys for tests. It imports nothing of ours, so that
// every package's own tests can use it.
package testkey

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// RSA is the key of the application under test. There is one in a process,
// because making one takes a tenth of a second.
var RSA = sync.OnceValue(generate)

// Other is a key that is not the application's.
var Other = sync.OnceValue(generate)

func generate() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// PEM is a private key as Vonage's dashboard gives it out.
func PEM(key *rsa.PrivateKey) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err) // an RSA key can always be written
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// File writes the application's key to a file of the test and returns its
// path.
func File(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "private.key")
	if err := os.WriteFile(path, PEM(RSA()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
