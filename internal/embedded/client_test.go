package embedded

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
)

// withoutURLs is this process's environment without the variables that name servers, and
// with another TMPDIR.
func withoutURLs(tmp string) func(string) string {
	return func(name string) string {
		switch name {
		case "DATABASE_URL", "REDIS_URL":
			return ""
		case "TMPDIR":
			return tmp
		}
		return os.Getenv(name)
	}
}

// openTempDir is a folder for private servers that every user can enter, with a
// path that is short enough for sockets. t.TempDir is neither.
func openTempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "embedded")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

func entries(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(dir + "/*")
	require.NoError(t, err)
	return names
}

// askPostgres opens a session, and returns nil if the server accepts it.
func askPostgres(dsn string) error {
	u, err := url.Parse(dsn)
	if err != nil {
		return err
	}
	conn, err := net.Dial("unix", u.Query().Get("host")+"/.s.PGSQL.5432")
	if err != nil {
		return err
	}
	defer conn.Close()
	body := "\x00\x03\x00\x00user\x00" + u.Query().Get("user") + "\x00database\x00" + strings.TrimPrefix(u.Path, "/") + "\x00\x00"
	message := binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))
	if _, err := conn.Write(append(message, body...)); err != nil {
		return err
	}
	reply := make([]byte, 9)
	if _, err := io.ReadFull(conn, reply); err != nil {
		return err
	}
	if want := "R\x00\x00\x00\x08\x00\x00\x00\x00"; string(reply) != want {
		return fmt.Errorf("answer %q, want %q", reply, want)
	}
	return nil
}

// askRedis sends one command and returns the start of the answer.
func askRedis(rawURL, command string) (string, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "", err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return "", err
	}
	words := strings.Fields(command)
	request := fmt.Sprintf("*%d\r\n", len(words))
	for _, word := range words {
		request += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		return "", err
	}
	answer := make([]byte, 512)
	n, err := conn.Read(answer)
	return string(answer[:n]), err
}
