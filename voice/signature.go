package voice

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const defaultWindow = 5 * time.Minute

// ErrUnsigned means that a webhook has no signature. Vonage sends one by mistake now and
// then, and after a 5xx sends it again with a signature.
var ErrUnsigned = errors.New("webhook is not signed")

// Verifier checks that a webhook comes from Vonage.
type Verifier struct {
	// Secrets are the account's signature secrets. A webhook may be signed
	// with any of them, so that one can be replaced. If there are none,
	// nothing is accepted.
	Secrets [][]byte
	// ApplicationID is checked if it is set and the webhook has one.
	ApplicationID string
	// Window is how far a webhook's time may differ from ours; 0 means 5 min.
	Window time.Duration
}

// String names the application and shows no secret.
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

// CallbackToken is the token of a webhook. Its signature and its times were checked.
// Covers checks whether it belongs to the webhook's body.
type CallbackToken struct {
	// Key names the token: the hash of its jti or, if it has none, of everything that was
	// signed. It leaves out the signature, which can be written in several ways.
	Key [sha256.Size]byte
	// ExpiresAt is when the token starts to be refused for its age.
	ExpiresAt time.Time

	payloadHash string
}

// Covers returns an error if the token was not made for this body.
func (t CallbackToken) Covers(body []byte) error {
	//guard:false voice.TestVerifyRefuses: a webhook has the body that was signed
	if subtle.ConstantTimeCompare([]byte(t.payloadHash), []byte(payloadHash(body))) != 1 {
		return errors.New("verify webhook: the signature is for another body")
	}
	return nil
}

// Verify checks a webhook by its Authorization header and its raw body. For a GET
// it checks the token only, because it is not documented what Vonage hashes.
func (v Verifier) Verify(authorization string, body []byte, method string, now time.Time) error {
	t, err := v.VerifyToken(authorization, now)
	if err != nil || method == http.MethodGet {
		return err
	}
	return t.Covers(body)
}

// VerifyToken checks a webhook's token without its body: the signature, the times and the
// application.
func (v Verifier) VerifyToken(authorization string, now time.Time) (CallbackToken, error) {
	if cutBearer(authorization) == "" {
		return CallbackToken{}, ErrUnsigned
	}
	claims, err := v.parse(authorization)
	switch {
	case err != nil:
		return CallbackToken{}, fmt.Errorf("verify webhook: %w", err)
	case !v.fresh(claims.IssuedAt, now):
		return CallbackToken{}, errors.New("verify webhook: signed too long ago, or in the future")
	//guard:false voice.TestVerifyRefuses: a webhook's token is used from its nbf to its exp
	case !claims.valid(now):
		return CallbackToken{}, errors.New("verify webhook: the token has expired, or is not valid yet")
	case v.ApplicationID != "" && claims.ApplicationID != "" && claims.ApplicationID != v.ApplicationID:
		return CallbackToken{}, errors.New("verify webhook: it is for another application")
	}
	return CallbackToken{Key: tokenKey(claims.ID, authorization), ExpiresAt: claims.IssuedAt.Add(v.window()), payloadHash: claims.PayloadHash}, nil
}

// clockLeeway is how far our clock may be from Vonage's. A dialer whose clock
// differs by more than a few seconds makes no calls.
const clockLeeway = 30 * time.Second

// valid reports whether now is between nbf and exp. Vonage documents neither.
func (c callbackClaims) valid(now time.Time) bool {
	return (c.ExpiresAt == nil || now.Before(c.ExpiresAt.Add(clockLeeway))) &&
		(c.NotBefore == nil || !now.Before(c.NotBefore.Add(-clockLeeway)))
}

// tokenKey distinguishes one token from another.
func tokenKey(id, authorization string) [sha256.Size]byte {
	if id != "" {
		return sha256.Sum256([]byte("jti " + id))
	}
	bearer := cutBearer(authorization)
	return sha256.Sum256([]byte("all " + bearer[:strings.LastIndex(bearer, ".")]))
}

// parse checks the signature with each of the secrets.
func (v Verifier) parse(authorization string) (callbackClaims, error) {
	err := errors.New("no signature secret is configured")
	for _, secret := range v.Secrets {
		if len(secret) == 0 { // anybody can sign with an empty key
			continue
		}
		var claims callbackClaims
		//guard:true voice.TestVerifyRefuses: a webhook's signature is checked
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
	//guard:true voice.TestVerifyRefuses: a webhook was signed minutes ago
	return now.Sub(issued.Time).Abs() <= v.window()
}

func (v Verifier) window() time.Duration {
	if v.Window <= 0 {
		return defaultWindow
	}
	return v.Window
}

// SignCallback signs a webhook as Vonage does. It returns the value of the
// Authorization header.
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
