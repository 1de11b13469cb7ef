package voice

import (
	"crypto/rsa"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
)

// KeySource is the application's private key, from PEM text or from a file.
// A file is read again when it has changed, so that a key can be replaced
// while calls are being placed.
type KeySource struct {
	path string // "": the key is given as text, and stays
	log  *slog.Logger

	mu      sync.Mutex
	key     *rsa.PrivateKey
	stamp   fileStamp // of the key that is used
	refused fileStamp // of a file that was no key, and was said to be none
}

// fileStamp changes when a file does.
type fileStamp struct {
	modified time.Time
	size     int64
}

// OpenKey reads the key as ParsePrivateKey does.
func OpenKey(pathOrPEM string, log *slog.Logger) (*KeySource, error) {
	s := &KeySource{log: log}
	if !strings.Contains(pathOrPEM, "-----BEGIN") {
		s.path = pathOrPEM
		s.stamp, _ = stampOf(s.path) // a file that is not there is ParsePrivateKey's to name
	}
	key, err := ParsePrivateKey(pathOrPEM)
	s.key = key
	return s, err
}

// String keeps the key out of everything that is printed.
func (s *KeySource) String() string { return "voice.KeySource" }

// GoString keeps the key out of %#v.
func (s *KeySource) GoString() string { return s.String() }

// Key is the key as it is now. While the file is no key, as when it is just
// being written, it is the one before.
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
		if stamp != s.refused {
			s.refused = stamp
			s.log.Error("the private key's file has changed and is no key; the one before stays in use", "error", err)
		}
		return s.key
	}
	s.key, s.stamp = key, stamp
	s.log.Info("the private key was read again")
	return s.key
}

func stampOf(path string) (fileStamp, bool) {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, false
	}
	return fileStamp{info.ModTime(), info.Size()}, true
}
