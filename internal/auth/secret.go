package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"
)

// secretBytes is the number of random bytes in a token or a session.
const secretBytes = 32

// NewSecret makes a token or a session's name: text is for its owner, hash is stored.
func NewSecret() (text string, hash []byte) {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails: see its documentation
	text = base64.RawURLEncoding.EncodeToString(random)
	return text, HashSecret(text)
}

// HashSecret is the stored form of a secret. A secret of 256 random bits needs no slow
// hash.
func HashSecret(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Bearer is the token of a request; "": none.
func Bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// Same compares two secrets in a time that reveals nothing about them.
func Same(a, b string) bool {
	return subtle.ConstantTimeCompare(HashSecret(a), HashSecret(b)) == 1
}
