package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
)

// frontend reads what a client sends to Postgres, message by message, and finds
// those that commit: a COMMIT, or the end of a statement that writes outside of
// a transaction.
type frontend struct {
	in      *bufio.Reader
	started bool
	block   bool              // within BEGIN ... COMMIT
	names   map[string]string // prepared statements, by name
	portals map[string]string // statements that are bound, by portal
	ran     []string          // executed since the last Sync
}

func newFrontend(in io.Reader) *frontend {
	return &frontend{in: bufio.NewReader(in), names: map[string]string{}, portals: map[string]string{}}
}

// message is one message as received.
type message struct {
	raw     []byte
	commits string // the beginning of the statement that it commits, or ""
}

const (
	maxMessage = 64 << 20
	startV3    = 3 << 16 // protocol 3.0, 3.2 ...; requests for encryption come before it
)

func (f *frontend) next() (message, error) {
	if !f.started {
		return f.startup()
	}
	head := make([]byte, 5)
	if _, err := io.ReadFull(f.in, head); err != nil {
		return message{}, err
	}
	raw, err := f.body(head, binary.BigEndian.Uint32(head[1:]))
	if err != nil {
		return message{}, err
	}
	return message{raw, f.commits(raw[0], raw[5:])}, nil
}

// startup reads a message without a kind.
func (f *frontend) startup() (message, error) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(f.in, head); err != nil {
		return message{}, err
	}
	raw, err := f.body(head, binary.BigEndian.Uint32(head))
	if err != nil || len(raw) < 8 {
		return message{}, fmt.Errorf("read a startup message: %w", io.ErrUnexpectedEOF)
	}
	f.started = binary.BigEndian.Uint32(raw[4:])>>16 == startV3>>16
	return message{raw: raw}, nil
}

// body reads the rest of a message, whose length counts itself.
func (f *frontend) body(head []byte, length uint32) ([]byte, error) {
	if length < 4 || length > maxMessage {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	raw := append(slices.Clone(head), make([]byte, length-4)...)
	_, err := io.ReadFull(f.in, raw[len(head):])
	return raw, err
}

// commits follows the protocol and returns the statement that the message
// commits, or "".
func (f *frontend) commits(kind byte, body []byte) string {
	switch kind {
	case 'Q': // simple query
		text, _ := cstring(body)
		return f.end([]string{text})
	case 'P': // Parse: name, text
		name, rest := cstring(body)
		f.names[name], _ = cstring(rest)
	case 'B': // Bind: portal, statement
		portal, rest := cstring(body)
		name, _ := cstring(rest)
		f.portals[portal] = f.names[name]
	case 'E': // Execute: portal
		portal, _ := cstring(body)
		f.ran = append(f.ran, f.portals[portal])
	case 'S': // Sync
		ran := f.ran
		f.ran = nil
		return f.end(ran)
	}
	return ""
}

// end returns what the server commits at the end of these statements, unless a
// transaction is open.
func (f *frontend) end(statements []string) (commits string) {
	for _, text := range statements {
		words := firstWords(text)
		switch words[0] {
		case "begin", "start":
			f.block = true
		case "commit", "end":
			f.block, commits = false, "commit"
		case "rollback", "abort":
			f.block = f.block && words[1] == "to"
		case "insert", "update", "delete", "with", "merge":
			if !f.block {
				commits = strings.TrimSpace(words[0] + " " + words[1])
			}
		}
	}
	return commits
}

// firstWords are a statement's first two words in lower case.
func firstWords(text string) [2]string {
	var words [2]string
	copy(words[:], strings.Fields(strings.ToLower(strings.TrimRight(text, "; \n\t"))))
	return words
}

func cstring(b []byte) (text string, rest []byte) {
	before, after, _ := bytes.Cut(b, []byte{0})
	return string(before), after
}
