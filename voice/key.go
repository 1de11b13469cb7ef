package voice

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

const maxKeyFile = 64 << 10

// ParsePrivateKey reads an RSA key, PKCS#1 or PKCS#8, from PEM text or from a
// file. Line breaks in the text may be written as \n, as is usual in an
// environment variable. Its errors show nothing of the text.
func ParsePrivateKey(pathOrPEM string) (*rsa.PrivateKey, error) {
	text := pathOrPEM
	if !strings.Contains(text, "-----BEGIN") {
		read, err := readKeyFile(pathOrPEM)
		if err != nil {
			return nil, err
		}
		text = read
	}
	block, _ := pem.Decode([]byte(strings.TrimSpace(strings.ReplaceAll(text, `\n`, "\n"))))
	if block == nil {
		return nil, errors.New("private key: no PEM block found")
	}
	return parseKeyBlock(block)
}

func readKeyFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", hidePath(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return "", hidePath(err)
	}
	return string(text), nil
}

// hidePath removes the path, which may be a broken key.
func hidePath(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return fmt.Errorf("private key: it is not PEM text, and no file at that path can be read: %w", err)
}

func parseKeyBlock(block *pem.Block) (*rsa.PrivateKey, error) {
	switch block.Type {
	case "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("private key: PKCS#1 block cannot be parsed")
		}
		return key, nil
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("private key: PKCS#8 block cannot be parsed")
		}
		if key, ok := parsed.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, errors.New("private key: not an RSA key")
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("private key: it is encrypted; remove its passphrase")
	}
	return nil, errors.New("private key: PEM block is not a private key")
}
