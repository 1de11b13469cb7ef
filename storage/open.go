package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is the dialer's database. Its methods may be called by many goroutines
// and processes at once.
type DB struct {
	pool    *pgxpool.Pool
	updates *txBatcher[callUpdate]
	loads   *txBatcher[*loadRequest]
	gates   *txBatcher[*gateRequest]
	server  *serverGuard
	token   atomic.Pointer[lastToken]
	claims  atomic.Int64
}

const (
	// defaultConns is the size of the pool if neither the URL nor the caller sets one.
	defaultConns = 20

	// LeastConns is the smallest pool of a process that dials. Each batcher has a limit on
	// its transactions, and a test checks that all of them together leave a connection
	// free. So a flood of webhooks cannot keep a call from its gate, or the other way
	// round.
	LeastConns = 16
)

// startupDefaults are sent with the request for a connection, unless the URL sets them.
// PgBouncer knows these two and refuses all others.
var startupDefaults = map[string]string{
	"application_name": "dialer",
	"timezone":         "UTC",
}

// sessionDefaults are the settings of each connection, unless the URL sets them.
var sessionDefaults = map[string]string{
	// The timeouts limit the delay that a stuck statement can cause.
	"statement_timeout":                   "15s",
	"lock_timeout":                        "5s",
	"idle_in_transaction_session_timeout": "30s",
	// The planner overestimates the cost of the claim. Compiling it took a second, while
	// running it takes milliseconds.
	"jit": "off",
	// Nearly all statements look up rows by ids, uuids and numbers, some hundred times a
	// second. So their plans are made once, and are always lookups, even if the tables
	// were small at that time. Statements that read much use the planner's own choice: see
	// read.
	"plan_cache_mode": "force_generic_plan",
	//guard:value("on") storage.TestPlacingUsesIndexes: statements of a call look rows up
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
}

// Open connects to the primary that url names, with as many connections as its
// pool_max_conns says, or 20. It refuses a standby, whose rows may be late. It also
// refuses settings that acknowledge a commit before it is on disk, because the gate's
// commit is what prevents a second call.
func Open(ctx context.Context, url string) (*DB, error) { return OpenPool(ctx, url, 0) }

// OpenPool is Open with conns connections at most, whatever the URL says.
func OpenPool(ctx context.Context, url string, conns int) (*DB, error) {
	cfg, err := poolConfig(url)
	if err != nil {
		return nil, err
	}
	if conns > 0 {
		cfg.MaxConns, cfg.MinConns = int32(conns), min(cfg.MinConns, int32(conns))
	}
	server := new(serverGuard)
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := prepareConn(ctx, conn); err != nil {
			return err
		}
		return server.check(ctx, conn)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	//guard:false storage.TestPgBouncer: a pool that shares connections between transactions is refused
	if err := refuseSharedConns(ctx, pool); err != nil {
		if isState(err, duplicateStatement, noStatement) {
			err = errSharedConns
		}
		pool.Close()
		return nil, fmt.Errorf("open database: %w", explainConnect(cfg.ConnConfig, err))
	}
	db := &DB{pool: pool, server: server}
	db.token.Store(&lastToken{})
	db.updates = newTxBatcher(maxUpdates, extraUpdateTxs, updatesTimeout, db.storeUpdates)
	db.loads = newTxBatcher(maxLoads, extraLoadTxs, loadTimeout, db.loadAll)
	db.gates = newTxBatcher(maxGates, extraGateTxs, gateTimeout, db.admitBatch)
	return db, nil
}

// Close ends every connection; it waits for those in use.
func (db *DB) Close() { db.pool.Close() }

// Now is the database's clock.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return now, nil
}

// ErrURL: DATABASE_URL is no valid URL. The driver's reasons would show parts of a
// password with a character that has a meaning in URLs.
var ErrURL = errors.New("DATABASE_URL (--database-url) cannot be read: write it as postgres://user:password@host:5432/database, " +
	"and the signs / @ : ? # % of a password as %2F %40 %3A %3F %23 %25")

func poolConfig(url string) (*pgxpool.Config, error) {
	plain, err := parseURL(url)
	if err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, ErrURL
	}
	if _, set := plain.RuntimeParams["pool_max_conns"]; !set {
		cfg.MaxConns = defaultConns
	}
	for name, value := range startupDefaults {
		if _, set := cfg.ConnConfig.RuntimeParams[name]; !set {
			cfg.ConnConfig.RuntimeParams[name] = value
		}
	}
	return cfg, nil
}

// parseURL reads the URL. It refuses one in which the driver would take a part of the
// password for the host, and look it up. It also refuses modes in which values become
// part of the statements: an error of Postgres would show them.
func parseURL(url string) (*pgx.ConnConfig, error) {
	if _, rest, ok := strings.Cut(url, "://"); ok {
		rest, options, _ := strings.Cut(rest, "?")
		_, path, _ := strings.Cut(rest, "/")
		//guard:false storage.TestNoPartOfAPasswordIsShown: no part of a password is taken for the host
		if strings.Contains(path+options, "@") || strings.Contains(rest, "#") {
			return nil, ErrURL
		}
	}
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, ErrURL
	}
	switch cfg.DefaultQueryExecMode {
	case pgx.QueryExecModeCacheStatement, pgx.QueryExecModeCacheDescribe:
		return cfg, nil
	}
	return nil, errors.New("DATABASE_URL has a default_query_exec_mode that sends values as text, which errors would show: leave it out")
}

var errStandby = errors.New("the server is a standby: its rows may be late, so the dialer uses the primary only")

// prepareConn runs on each new connection, so that a failover to a standby is
// noticed too.
func prepareConn(ctx context.Context, conn *pgx.Conn) error {
	var names, values []string
	for name, value := range sessionDefaults {
		if _, set := conn.Config().RuntimeParams[name]; !set {
			names, values = append(names, name), append(values, value)
		}
	}
	var standby bool
	err := conn.QueryRow(ctx, `
		SELECT pg_is_in_recovery(),
		       -- guard:value storage.TestOpenRefusesToAcknowledgeBeforeTheDisk: a commit is acknowledged after it is on disk
		       CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
		            THEN set_config('synchronous_commit', 'on', false) END,
		       (SELECT count(set_config(name, value, false)) FROM unnest($1::text[], $2::text[]) AS s (name, value))`,
		names, values).Scan(&standby, nil, nil)
	if err != nil {
		return fmt.Errorf("prepare connection: %w", err)
	}
	//guard:false storage.TestOpenRefusesAStandby: a standby is refused
	if standby {
		return errStandby
	}
	conn.TypeMap().RegisterType(&pgtype.Type{
		Name:  "timestamptz",
		OID:   pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC},
	})
	return nil
}
