package embedded

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// startTime bounds the start of a private server, including initdb, on a busy
// machine.
const startTime = 2 * time.Minute

// Postgres returns the server in DATABASE_URL. Otherwise it starts a private one,
// from the programs on PATH or in the usual folders, or from a download if that
// is allowed. ctx bounds the start only.
func Postgres(ctx context.Context, o Options) (*Server, error) {
	return thisMachine(o).postgres(ctx, o.AllowDownload)
}

func (m machine) postgres(ctx context.Context, download bool) (*Server, error) {
	if u := m.getenv("DATABASE_URL"); u != "" {
		m.log("Postgres: the one that DATABASE_URL names")
		return &Server{URL: u, Origin: "DATABASE_URL"}, nil
	}
	bin, err := m.findPostgres()
	if errors.Is(err, errNotFound) && !download {
		return nil, fmt.Errorf("no Postgres on this machine; set DATABASE_URL, or type: %s", m.installer.postgres)
	}
	h, err := m.postgresFolder()
	if err != nil {
		return nil, err
	}
	if bin == "" {
		if bin, err = m.download(ctx, h); err != nil {
			return nil, errors.Join(err, h.remove())
		}
	}
	s, err := m.privatePostgres(ctx, h, bin)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a private Postgres from %s: %w", bin, err), h.remove())
	}
	m.log("Postgres: a private one, from " + bin)
	return s, nil
}

func (m machine) privatePostgres(ctx context.Context, h folder, bin string) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	data := filepath.Join(h.dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := m.initdb(ctx, h, bin, data); err != nil {
			return nil, err
		}
	}
	settings := []string{"-c", "listen_addresses=", "-c", "max_connections=300"}
	if !h.kept {
		settings = append(settings, untilTheMachineCrashes...)
	}
	serve := func(ctx context.Context) (*process, error) {
		p, err := h.start("INT", m.getenv("PATH"), append([]string{filepath.Join(bin, "postgres"), "-D", data, "-k", h.dir}, settings...)...)
		if err != nil {
			return nil, err
		}
		if err := p.waitReady(ctx, func() bool { return postgresReady(data, h.serverPID()) }); err != nil {
			return nil, errors.Join(err, p.end())
		}
		return p, nil
	}
	own, err := startPrivate(ctx, serve, quit)
	if err != nil {
		return nil, err
	}
	return own.server(socketURL(h.dir, "postgres"), bin), nil
}

// socketURL is a database of the server whose socket is in dir.
func socketURL(dir, database string) string {
	query := url.Values{"host": {dir}, "user": {"postgres"}}
	return "postgres:///" + database + "?" + query.Encode()
}

// untilTheMachineCrashes: without fsync a commit reaches the operating system but not
// the disk. So it survives the crash of any process, which tests cause, but not
// of the machine. synchronous_commit stays on, or an immediate stop would lose
// commits.
var untilTheMachineCrashes = []string{
	"-c", "fsync=off",
	"-c", "full_page_writes=off",
}

func (m machine) initdb(ctx context.Context, h folder, bin, data string) error {
	p, err := h.start("TERM", m.getenv("PATH"), filepath.Join(bin, "initdb"),
		"-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	if err := p.wait(ctx); err != nil {
		return errors.Join(fmt.Errorf("initdb: %w", err), p.end())
	}
	return nil
}

// postgresReady reads what pg_ctl reads: the first line of postmaster.pid is the
// server's process id, the eighth its state. After a crash it may still be the
// old server's file.
func postgresReady(data string, server int) bool {
	pid, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(pid), "\n")
	return len(lines) > 7 && lines[0] == strconv.Itoa(server) && strings.TrimSpace(lines[7]) == "ready"
}
