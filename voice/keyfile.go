package voice

import (
	"crypto/rsa"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// KeySource holds the application's private key, from PEM text or from a file.
// It reads the file again after a change, so that a key can be replaced while
// the program runs.
type KeySource struct {
	path string // "" if the key was given as text
	log  *slog.Logger

	mu      sync.Mutex
	key     *rsa.PrivateKey
	stamp   fileStamp // of the key in use
	invalid fileStamp // of the last file without a key, which was logged
}

// fileStamp changes when the file changes.
type fileStamp struct {
	modified time.Time
	size     int64
}

// OpenKey reads the key as ParsePrivateKey does.
func OpenKey(pathOrPEM string, log *slog.Logger) (*KeySource, error) {
	s := &KeySource{log: log}
	if _, isText := keyText(pathOrPEM); !isText {
		s.path = strings.TrimSpace(pathOrPEM)
		s.stamp, _ = stampOf(s.path) // ParsePrivateKey reports a missing file
	}
	key, err := ParsePrivateKey(pathOrPEM)
	s.key = key
	return s, err
}

// String keeps the key out of printed text.
func (s *KeySource) String() string { return "voice.KeySource" }

// GoString keeps the key out of %#v.
func (s *KeySource) GoString() string { return s.String() }

// Key is the current key. While the file contains no key, for example because it is being
// written, Key returns the last one.
func (s *KeySource) Key() *rsa.PrivateKey {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return s.key
	}
	stamp, ok := stampOf(s.path)
	if !ok || stamp == s.stamp {
		return s.key
	}
	key, err := ParsePrivateKey(s.path)
	if err != nil {
		if stamp != s.invalid {
			s.invalid = stamp
			s.log.Error("the private key file changed but holds no key; the last key stays in use", "error", err)
		}
		return s.key
	}
	s.key, s.stamp = key, stamp
	s.log.Info("the private key was reloaded")
	return s.key
}

func stampOf(path string) (fileStamp, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, false
	}
	return fileStamp{info.ModTime(), info.Size()}, true
}
