package main

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newServerOf takes connections and sends what arrives to the channel, and a
// reply to each.
func newServerOf(t *testing.T) (socket string, arrived chan string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "chaos")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "socket")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
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

func dialCutter(t *testing.T, c *cutter) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", c.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// say sends and returns the reply.
func say(t *testing.T, conn net.Conn, packet []byte) (string, error) {
	t.Helper()
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	reply := make([]byte, len("reply"))
	_, err := io.ReadFull(conn, reply)
	return string(reply), err
}

// got is what the server got next.
func got(t *testing.T, arrived <-chan string) string {
	t.Helper()
	select {
	case text := <-arrived:
		return text
	case <-time.After(20 * time.Second):
		t.Fatal("after 20 s, nothing arrived")
		return ""
	}
}

func TestTheCommitIsForwardedAndItsReplyIsNot(t *testing.T) {
	t.Parallel()
	socket, arrived := newServerOf(t)
	c, err := newCutter(socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	conn := dialCutter(t, c)
	begin, commit := packet('Q', "begin"), packet('Q', "commit")
	for _, p := range [][]byte{startup(startV3), begin, commit} {
		if reply, err := say(t, conn, p); err != nil || reply != "reply" {
			t.Fatalf("%q before any cut: %q, %v", p, reply, err)
		}
		if text := got(t, arrived); text != string(p) {
			t.Fatalf("the server got %q, want %q", text, p)
		}
	}
	c.cutNext()
	if reply, err := say(t, conn, begin); err != nil || reply != "reply" {
		t.Fatalf("begin, when a commit is to be cut: %q, %v", reply, err)
	}
	got(t, arrived)
	if reply, err := say(t, conn, commit); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the reply to the commit was %q, %v; want the end of the connection", reply, err)
	}
	if text := got(t, arrived); text != string(commit) {
		t.Errorf("the server got %q, want the commit", text)
	}
	if text := got(t, arrived); text != "gone" {
		t.Errorf("the server got %q, want the end of the connection", text)
	}
	if diff := cmp.Diff(map[string]int{"commit": 1}, c.done()); diff != "" {
		t.Errorf("cuts (-want +got):\n%s", diff)
	}
	// One cut was ordered, so the next client has its reply.
	next := dialCutter(t, c)
	for _, p := range [][]byte{startup(startV3), begin, commit} {
		if reply, err := say(t, next, p); err != nil || reply != "reply" {
			t.Errorf("%q after the cut: %q, %v", p, reply, err)
		}
	}
}

func TestAServerThatIsDownIsSeenAsSuch(t *testing.T) {
	t.Parallel()
	c, err := newCutter("/nowhere/socket")
	if err != nil {
		t.Fatal(err)
	}
	conn := dialCutter(t, c)
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v; want the end of the connection", n, err)
	}
	if err := c.close(); err != nil {
		t.Error(err)
	}
	// Not by dialing: the port may be another process's by now.
	if _, err := c.listener.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close it accepts, or says %v", err)
	}
}
