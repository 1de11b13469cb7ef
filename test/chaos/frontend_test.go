package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"testing"

	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// packet is a message of the protocol; its strings end with a zero.
func packet(kind byte, fields ...string) []byte {
	var body []byte
	for _, f := range fields {
		body = append(append(body, f...), 0)
	}
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(body)+4)), body...)
}

func startup(code uint32) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 8), code)
}

// commits reads all packets and returns the statements that they commit. The forwarded
// bytes must equal the bytes sent.
func commits(t *testing.T, packets ...[]byte) []string {
	t.Helper()
	sent := slices.Concat(packets...)
	f := newFrontend(bytes.NewReader(sent))
	var forwarded []byte
	var found []string
	for {
		m, err := f.next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		forwarded = append(forwarded, m.raw...)
		if m.commits != "" {
			found = append(found, m.commits)
		}
	}
	if !bytes.Equal(forwarded, sent) {
		t.Errorf("forwarded %q, sent %q", forwarded, sent)
	}
	return found
}

func TestFrontendFindsCommits(t *testing.T) {
	t.Parallel()
	const update = "\n\tUPDATE attempts a SET x = 1"
	run := func(name string) [][]byte {
		return [][]byte{packet('B', "", name), packet('E', ""), packet('S')}
	}
	for _, test := range []struct {
		name    string
		packets [][]byte
		want    []string
	}{
		{"a transaction", [][]byte{packet('Q', "begin"), packet('Q', "commit")}, []string{"commit"}},
		{"one that is rolled back", [][]byte{packet('Q', "begin"), packet('Q', "insert into a"), packet('Q', "ROLLBACK;")}, nil},
		{"a statement of its own", slices.Concat([][]byte{packet('P', "s1", update)}, run("s1"), run("s1")), []string{"update attempts", "update attempts"}},
		{"the same within a transaction", slices.Concat([][]byte{packet('Q', "begin isolation level serializable"), packet('P', "s1", update)}, run("s1"), [][]byte{packet('Q', "COMMIT")}), []string{"commit"}},
		{"after a savepoint was rolled back", slices.Concat([][]byte{packet('Q', "begin"), packet('Q', "rollback to savepoint a"), packet('P', "s1", update)}, run("s1")), nil},
		{"commit, prepared", slices.Concat([][]byte{packet('P', "b", "begin"), packet('P', "c", "commit")}, run("b"), run("c")), []string{"commit"}},
		{"prepared and not run", [][]byte{packet('P', "s1", update), packet('D', "Ss1"), packet('S')}, nil},
		{"only reads", slices.Concat([][]byte{packet('Q', "-- ping"), packet('Q', "select 1"), packet('P', "", "SELECT 1")}, run("")), nil},
		{"nothing", [][]byte{packet('Q', ""), packet('S'), packet('X')}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := commits(t, append([][]byte{startup(startV3)}, test.packets...)...)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFrontendBeforeStartup(t *testing.T) {
	t.Parallel()
	const sslRequest = 80877103
	got := commits(t, startup(sslRequest), startup(startV3), packet('Q', "begin"), packet('Q', "commit"))
	if diff := cmp.Diff([]string{"commit"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFrontendRejectsImpossibleLengths(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"\x00\x00\x00\x03", "\xff\xff\xff\xff"} {
		if _, err := newFrontend(bytes.NewReader([]byte(head))).next(); err == nil {
			t.Errorf("a startup message that begins with %q is taken", head)
		}
		f := newFrontend(bytes.NewReader([]byte("Q" + head)))
		f.started = true
		if _, err := f.next(); err == nil {
			t.Errorf("a message that begins with %q is taken", head)
		}
	}
}

func FuzzFrontend(f *testing.F) {
	f.Add(slices.Concat(startup(startV3), packet('P', "s", "update a"), packet('B', "", "s"), packet('E', ""), packet('S')))
	f.Add([]byte("\x00\x00\x00\x08"))
	f.Fuzz(func(t *testing.T, in []byte) {
		front := newFrontend(bytes.NewReader(in))
		var forwarded []byte
		for {
			m, err := front.next()
			if err != nil {
				break
			}
			forwarded = append(forwarded, m.raw...)
		}
		if !bytes.HasPrefix(in, forwarded) {
			t.Errorf("forwarded %q of %q", forwarded, in)
		}
	})
}
