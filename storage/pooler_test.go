package storage_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/storage"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pooler imitates PgBouncer between us and Postgres: it refuses most startup
// parameters, and gives its clients its own process ids.
type pooler struct {
	server      *pgx.ConnConfig
	transaction bool // each transaction may get another connection; here all share one

	mu     sync.Mutex // held for one transaction
	shared *pgproto3.Frontend
}

func (p *pooler) listen(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _ = p.serve(c) }() // a client that disconnects is no failure
		}
	}()
	return l.Addr().String()
}

func (p *pooler) serve(c net.Conn) error {
	client := pgproto3.NewBackend(c, c)
	first, err := client.ReceiveStartupMessage()
	if _, ssl := first.(*pgproto3.SSLRequest); ssl {
		_, _ = c.Write([]byte("N"))
		first, err = client.ReceiveStartupMessage()
	}
	startup, ok := first.(*pgproto3.StartupMessage)
	if err != nil || !ok {
		return errors.Join(err, io.ErrUnexpectedEOF)
	}
	for name := range startup.Parameters {
		switch strings.ToLower(name) {
		case "user", "database", "application_name", "timezone", "client_encoding":
		default:
			client.Send(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "08P01", Message: "unsupported startup parameter: " + name})
			return client.Flush()
		}
	}
	server, err := p.connect(startup)
	if err != nil {
		return err
	}
	client.Send(&pgproto3.AuthenticationOk{})
	client.Send(&pgproto3.ParameterStatus{Name: "standard_conforming_strings", Value: "on"})
	client.Send(&pgproto3.ParameterStatus{Name: "client_encoding", Value: "UTF8"})
	client.Send(&pgproto3.BackendKeyData{ProcessID: 4_000_000_000, SecretKey: []byte{1, 2, 3, 4}})
	client.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	if err := client.Flush(); err != nil {
		return err
	}
	if !p.transaction {
		go func() {
			for {
				m, err := client.Receive()
				if err != nil {
					_ = c.Close()
					return
				}
				server.Send(m)
				_ = server.Flush() // the other direction ends
			}
		}()
		for {
			m, err := server.Receive()
			if err != nil {
				return err
			}
			client.Send(m)
			if err := client.Flush(); err != nil {
				return err
			}
		}
	}
	return p.transactions(client, server)
}

// connect returns a connection to Postgres, after reading its greeting.
func (p *pooler) connect(startup *pgproto3.StartupMessage) (*pgproto3.Frontend, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.transaction && p.shared != nil {
		return p.shared, nil
	}
	network, address := pgconn.NetworkAddress(p.server.Host, p.server.Port)
	conn, err := net.Dial(network, address)
	if err != nil {
		return nil, err
	}
	server := pgproto3.NewFrontend(conn, conn)
	server.Send(startup)
	if err := server.Flush(); err != nil {
		return nil, err
	}
	for {
		m, err := server.Receive()
		if err != nil {
			return nil, err
		}
		if _, ready := m.(*pgproto3.ReadyForQuery); ready {
			p.shared = server
			return server, nil
		}
	}
}

// transactions gives the client the connection for one transaction at a time.
func (p *pooler) transactions(client *pgproto3.Backend, server *pgproto3.Frontend) error {
	held := false
	defer func() {
		if held {
			p.mu.Unlock()
		}
	}()
	for {
		m, err := client.Receive()
		if err != nil {
			return err
		}
		if !held {
			p.mu.Lock()
			held = true
		}
		server.Send(m)
		if err := server.Flush(); err != nil {
			return err
		}
		switch m.(type) {
		case *pgproto3.Query, *pgproto3.Sync:
		default:
			continue
		}
		for {
			m, err := server.Receive()
			if err != nil {
				return err
			}
			client.Send(m)
			if ready, ok := m.(*pgproto3.ReadyForQuery); ok {
				if err := client.Flush(); err != nil {
					return err
				}
				if ready.TxStatus == 'I' {
					held = false
					p.mu.Unlock()
				}
				break
			}
		}
	}
}

// PgBouncer works in session mode. In transaction mode there is one error that says
// what to do, instead of many that do not.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	server, err := pgx.ParseConfig(db.URL)
	require.NoError(t, err)
	through := func(transaction bool) string {
		p := &pooler{server: server, transaction: transaction}
		return "postgres://" + server.User + "@" + p.listen(t) + "/" + server.Database + "?sslmode=disable"
	}
	session, err := storage.Open(t.Context(), through(false))
	if err != nil {
		t.Fatalf("session mode: %v", err)
	}
	defer session.Close()
	if _, err := session.Migrate(t.Context()); err != nil {
		t.Errorf("migrate in session mode: %v", err)
	}
	var limit string
	check(t, session.InTx(t.Context(), func() string { return `SELECT 1` }))
	check(t, session.QueryRow(t.Context(), `SELECT current_setting('statement_timeout') || current_setting('jit')`).Scan(&limit))
	if limit != "15soff" {
		t.Errorf("the session's settings are %q, want those of a direct connection", limit)
	}
	shared, err := storage.Open(context.WithoutCancel(t.Context()), through(true))
	if err == nil {
		shared.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "pool_mode = session") {
		t.Errorf("transaction mode: %v, want a refusal that says what to do", err)
	}
}

// Errors about DATABASE_URL do not show it: the driver takes the text after a / or ? in
// a password for the host or a port, and shows it and looks it up.
func TestNoPartOfAPasswordIsShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"postgres://user:hunter2/x@127.0.0.1:1/db", "postgres://user:a@hunter2/x@127.0.0.1:1/db", "postgres://user:1?hunter2@127.0.0.1:1/db",
		"postgres://user:1/hunter2@127.0.0.1:1/db", "postgres://user:hunter2#x@127.0.0.1:1/db", "postgres://user:hunter2%zz@127.0.0.1:1/db",
		"postgres://user:hunter2@127.0.0.1:port/db", "host=127.0.0.1 port=x password=hunter2", "hunter2",
		"postgres://user:hunter2@127.0.0.1:1/db?sslmode=hunter2", "postgres://user:x@127.0.0.1:1/db?default_query_exec_mode=simple_protocol",
	} {
		_, err := storage.Open(t.Context(), url)
		_, _, scratch := storage.Scratch(t.Context(), url, "x")
		for _, err := range []error{err, scratch} {
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%s: %v, want an error without the password", url, err)
			}
		}
		if !strings.Contains(err.Error(), "DATABASE_URL") {
			t.Errorf("%s: %v, want the setting's name", url, err)
		}
	}
}
