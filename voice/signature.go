package voice

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const defaultWindow = 5 * time.Minute

// ErrUnsigned: a webhook without a signature. Vonage sends one now and
// then by its own mistake, and sends it again, signed, after a 5xx.
var ErrUnsigned = errors.New("webhook is not signed")

// Verifier checks that a webhook comes from Vonage.
type Verifier struct {
	// Secrets are the account's signature secrets; any of them will do, so
	// that one can be replaced by another. With none, nothing is accepted.
	Secrets [][]byte
	// ApplicationID must match where the webhook names one; "" is not checked.
	ApplicationID string
	// Window is how old, or how far ahead, a webhook may be; 0 means 5 min.
	Window time.Duration
}

// String says which application is meant, and nothing that is secret.
func (v Verifier) String() string { return "voice.Verifier(" + v.ApplicationID + ")" }

// GoString keeps the secrets out of %#v.
func (v Verifier) GoString() string { return v.String() }

// LogValue keeps the secrets out of logs.
func (v Verifier) LogValue() slog.Value { return slog.StringValue(v.String()) }

// MarshalText keeps the secrets out of JSON.
func (v Verifier) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

type callbackClaims struct {
	jwt.RegisteredClaims
	PayloadHash   string `json:"payload_hash"`
	APIKey        string `json:"api_key,omitempty"`
	ApplicationID string `json:"application_id,omitempty"`
}

// Verify checks a webhook by its Authorization header and its raw body, before
// anything of it is parsed. What Vonage hashes for a GET is not
// documented, so of a GET the hash is not checked: its signature and age are.
func (v Verifier) Verify(authorization string, body []byte, method string, now time.Time) error {
	if cutBearer(authorization) == "" {
		return ErrUnsigned
	}
	claims, err := v.parse(authorization)
	switch {
	case err != nil:
		return fmt.Errorf("verify webhook: %w", err)
	case !v.fresh(claims.IssuedAt, now):
		return errors.New("verify webhook: signed too long ago, or in the future")
	case v.ApplicationID != "" && claims.ApplicationID != "" && claims.ApplicationID != v.ApplicationID:
		return errors.New("verify webhook: it is of another application")
	case method != http.MethodGet && subtle.ConstantTimeCompare([]byte(claims.PayloadHash), []byte(payloadHash(body))) != 1:
		return errors.New("verify webhook: the body is not the one that was signed")
	}
	return nil
}

func (v Verifier) parse(authorization string) (callbackClaims, error) {
	err := errors.New("no signature secret is configured")
	for _, secret := range v.Secrets {
		if len(secret) == 0 { // anyone can sign with an empty key
			continue
		}
		var claims callbackClaims
		if err = parseJWT(authorization, "HS256", secret, &claims); err == nil {
			return claims, nil
		}
	}
	return callbackClaims{}, err
}

func (v Verifier) fresh(issued *jwt.NumericDate, now time.Time) bool {
	if issued == nil {
		return false
	}
	window := v.Window
	if window <= 0 {
		window = defaultWindow
	}
	return now.Sub(issued.Time).Abs() <= window
}

// SignCallback signs a webhook as Vonage does: it returns the value of
// its Authorization header.
func SignCallback(secret []byte, apiKey, applicationID string, body []byte, now time.Time) (string, error) {
	claims := callbackClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:   "Vonage",
			ID:       uuid.NewString(),
			IssuedAt: jwt.NewNumericDate(now),
		},
		PayloadHash:   payloadHash(body),
		APIKey:        apiKey,
		ApplicationID: applicationID,
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign webhook: %w", err)
	}
	return "Bearer " + signed, nil
}

func payloadHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
