package main

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// newEchoServer accepts connections. It sends what arrives to the channel, and
// answers each message.
func newEchoServer(t *testing.T) (socket string, arrived chan string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "chaos")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	t.Cleanup(func() { listener.Close() })
	arrived = make(chan string, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for f := newFrontend(conn); ; {
					m, err := f.next()
					if err != nil {
						arrived <- "gone"
						return
					}
					arrived <- string(m.raw)
					if _, err := conn.Write([]byte("reply")); err != nil {
						return
					}
				}
			}()
		}
	}()
	return socket, arrived
}

func dialCutter(t *testing.T, c *commitCutter) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", c.address())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

// send sends and returns the reply.
func send(t *testing.T, conn net.Conn, packet []byte) (string, error) {
	t.Helper()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, len("reply"))
	_, err := io.ReadFull(conn, reply)
	return string(reply), err
}

// next is the next message that the server got.
func next(t *testing.T, arrived <-chan string) string {
	t.Helper()
	select {
	case text := <-arrived:
		return text
	case <-time.After(20 * time.Second):
		t.Fatal("after 20 s, nothing arrived")
		return ""
	}
}

func TestCommitCutterDropsTheReply(t *testing.T) {
	t.Parallel()
	socket, arrived := newEchoServer(t)
	c, err := newCommitCutter(socket)
	require.NoError(t, err)
	defer c.close()
	conn := dialCutter(t, c)
	begin, commit := packet('Q', "begin"), packet('Q', "commit")
	for _, p := range [][]byte{startup(startV3), begin, commit} {
		if reply, err := send(t, conn, p); err != nil || reply != "reply" {
			t.Fatalf("%q before any cut: %q, %v", p, reply, err)
		}
		if text := next(t, arrived); text != string(p) {
			t.Fatalf("the server got %q, want %q", text, p)
		}
	}
	c.cutNext()
	if reply, err := send(t, conn, begin); err != nil || reply != "reply" {
		t.Fatalf("begin, when a commit is to be cut: %q, %v", reply, err)
	}
	next(t, arrived)
	if reply, err := send(t, conn, commit); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the reply to the commit was %q, %v; want the end of the connection", reply, err)
	}
	if text := next(t, arrived); text != string(commit) {
		t.Errorf("the server got %q, want the commit", text)
	}
	if text := next(t, arrived); text != "gone" {
		t.Errorf("the server got %q, want the end of the connection", text)
	}
	if diff := cmp.Diff(map[string]int{"commit": 1}, c.counts()); diff != "" {
		t.Errorf("cuts (-want +got):\n%s", diff)
	}
	// One cut was requested, so the next client gets its replies.
	next := dialCutter(t, c)
	for _, p := range [][]byte{startup(startV3), begin, commit} {
		if reply, err := send(t, next, p); err != nil || reply != "reply" {
			t.Errorf("%q after the cut: %q, %v", p, reply, err)
		}
	}
}

func TestCommitCutterWithoutServer(t *testing.T) {
	t.Parallel()
	c, err := newCommitCutter("/nowhere/socket")
	require.NoError(t, err)
	conn := dialCutter(t, c)
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v; want the end of the connection", n, err)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	// Dialing would not show it: another process may have the port by now.
	if _, err := c.listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close it accepts, or says %v", err)
	}
}
