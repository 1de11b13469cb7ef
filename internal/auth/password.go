package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a password, as OWASP advises: 19 MiB and two passes. It takes some
// 30 ms.
const (
	argonMemory = 19 << 10 // KiB
	argonTime   = 2
	saltBytes   = 16
	keyBytes    = 32
)

// LeastPassword is the length of the shortest password, in bytes.
const LeastPassword = 12

// maxPassword bounds the text that is hashed.
const maxPassword = 1024

// CheckPasswordLength refuses a password that could be guessed.
func CheckPasswordLength(password string) error {
	if len(password) < LeastPassword || len(password) > maxPassword {
		return fmt.Errorf("a password needs %d to %d characters", LeastPassword, maxPassword)
	}
	return nil
}

// HashPassword is the stored form of a password, as the argon2 tools write it.
func HashPassword(password string) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // it never fails: see its documentation
	key := argon2.IDKey([]byte(password), salt, argonTime, argonMemory, 1, keyBytes)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, argonMemory, argonTime,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// hashing bounds the total memory of logins.
var hashing = make(chan struct{}, 2)

var errHash = errors.New("the stored password cannot be read")

// CheckPassword reports whether the password is the one that was hashed. It waits for its
// turn. An empty hash, for an unknown user, takes the same time as any other.
func CheckPassword(ctx context.Context, hash, password string) (bool, error) {
	if len(password) > maxPassword {
		return false, nil
	}
	select {
	case hashing <- struct{}{}:
		defer func() { <-hashing }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	if hash == "" {
		argon2.IDKey([]byte(password), make([]byte, saltBytes), argonTime, argonMemory, 1, keyBytes)
		return false, nil
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, errHash
	}
	var version, memory, passes, threads int
	if _, err := fmt.Sscanf(parts[2]+" "+parts[3], "v=%d m=%d,t=%d,p=%d", &version, &memory, &passes, &threads); err != nil ||
		version != argon2.Version || memory < 8 || memory > 1<<20 || passes < 1 || passes > 100 || threads < 1 || threads > 16 {
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil {
		return false, errHash
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < keyBytes/2 {
		return false, errHash
	}
	got := argon2.IDKey([]byte(password), salt, uint32(passes), uint32(memory), uint8(threads), uint32(len(want)))
	//guard:false internal/auth.TestPassword: another password is refused
	if subtle.ConstantTimeCompare(got, want) != 1 {
		return false, nil
	}
	return true, nil
}
