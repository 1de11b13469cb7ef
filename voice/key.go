package voice

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

const maxKeyFile = 64 << 10

// ParsePrivateKey reads an RSA key, PKCS#1 or PKCS#8, from PEM text or from a
// file. The text may be written in the ways in which environment variables and
// secret stores mangle it: in quotes, with line breaks as \n or as blanks, with a
// BOM, or in base64 as a whole. Its errors show nothing of the text.
func ParsePrivateKey(pathOrPEM string) (*rsa.PrivateKey, error) {
	text, ok := keyText(pathOrPEM)
	if !ok {
		read, err := readKeyFile(strings.TrimSpace(pathOrPEM))
		if err != nil {
			return nil, err
		}
		if text, ok = keyText(read); !ok {
			return nil, errors.New("private key: no PEM block found")
		}
	}
	block, err := keyBlock(text)
	if err != nil {
		return nil, err
	}
	return parseKeyBlock(block)
}

const pemBegin = "-----BEGIN"

// keyText returns the text with the PEM block, decoded if it is in base64. ok is false
// for anything else, for example a path.
func keyText(s string) (text string, ok bool) {
	if strings.Contains(s, pemBegin) {
		return s, true
	}
	s = strings.Join(strings.Fields(strings.Trim(strings.TrimPrefix(s, "\uFEFF"), "\"' \r\n\t")), "")
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		if decoded, err := encoding.DecodeString(s); err == nil && bytes.Contains(decoded, []byte(pemBegin)) {
			return string(decoded), true
		}
	}
	return "", false
}

var (
	// lineBreaks are the ways to write a line break: escaped once, escaped twice, or
	// plain.
	lineBreaks = strings.NewReplacer(`\\r`, "", `\\n`, "\n", `\r`, "", `\n`, "\n")
	pemBlock   = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END`)
)

// keyBlock finds the private key's block and repairs its lines.
func keyBlock(text string) (*pem.Block, error) {
	found := pemBlock.FindStringSubmatch(lineBreaks.Replace(text))
	if found == nil {
		return nil, errors.New("private key: no PEM block of a private key found, or one that is cut off")
	}
	if strings.Contains(found[2], "ENCRYPTED") {
		return &pem.Block{Type: "ENCRYPTED PRIVATE KEY"}, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(found[2]), ""))
	if err != nil {
		return nil, errors.New("private key: the PEM block is damaged: its text is no base64")
	}
	return &pem.Block{Type: found[1], Bytes: der}, nil
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
