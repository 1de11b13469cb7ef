package storage

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// unreachable is the error of a first connection in one line: the setting, the host,
// the reason, and what to do. The driver's own text has a line for each try.
type unreachable struct {
	text string
	err  error
}

func (u unreachable) Error() string { return u.text }

func (u unreachable) Unwrap() error { return u.err }

// SQLSTATE codes of a server that answers but refuses the connection.
const (
	noDatabase      = "3D000"
	wrongPassword   = "28P01"
	notAuthorized   = "28000"
	tooManySessions = "53300"
	startingUp      = "57P03"
)

// explainConnect explains in one line why there is no connection. Other errors stay as
// they are.
func explainConnect(cfg *pgx.ConnConfig, err error) error {
	failed, ok := errors.AsType[*pgconn.ConnectError](err)
	if !ok {
		return err
	}
	at := net.JoinHostPort(cfg.Host, strconv.Itoa(int(cfg.Port)))
	if strings.HasPrefix(cfg.Host, "/") {
		at = "the socket in " + cfg.Host
	}
	return unreachable{fmt.Sprintf("Postgres at %s (DATABASE_URL, --database-url): %s", at, connectReason(cfg, failed)), err}
}

func connectReason(cfg *pgx.ConnConfig, err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	pg, isPg := errors.AsType[*pgconn.PgError](err)
	switch {
	case isState(err, noDatabase):
		return fmt.Sprintf("there is no database %q; `dialer migrate up --create-database` makes it", cfg.Database)
	case isState(err, wrongPassword, notAuthorized):
		return fmt.Sprintf("it does not let in the user %q; correct the user or the password in the setting", cfg.User)
	case isState(err, tooManySessions):
		return "it has no connection left; raise its max_connections, or lower DIALER_DATABASE_CONNECTIONS"
	case isState(err, startingUp):
		return "it is starting up; try again in a moment"
	case isPg:
		return pg.Message
	case isDNS && dns.IsNotFound:
		return "there is no host of this name; correct the setting"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		return "it does not answer; is the host right, and does a firewall let you through?"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOENT):
		return "nothing listens there; start Postgres, or correct the setting (`dialer run --data FOLDER` starts one of its own)"
	}
	return "no connection: " + lastLine(errors.Unwrap(err))
}

func isTimeout(err error) bool {
	failed, ok := errors.AsType[net.Error](err)
	return ok && failed.Timeout()
}

func lastLine(err error) string {
	if err == nil {
		return "no reason was given"
	}
	text := strings.TrimSpace(err.Error())
	return strings.TrimSpace(text[strings.LastIndexByte(text, '\n')+1:])
}
