package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is the dialer's database. Its methods may be called by many goroutines
// and processes at once.
type DB struct {
	pool  *pgxpool.Pool
	news  *together[news]
	loads *together[*loading]
	gates *together[*gating]
	place *placeGuard

	// placing and webhooks are this database by connections of their own; nil
	// where it has no others.
	placing, webhooks *DB
}

// defaultConns is the size of the pool where the URL does not say
// pool_max_conns.
const defaultConns = 16

// Shares are the connections that one process may have, each share in a pool of
// its own, so that a flood of webhooks does not keep a call from its gate, nor
// the other way round.
type Shares struct {
	Placing  int // loading, gates, outcomes, and the pace of calls
	Webhooks int // storing events, answering for NCCOs
	Others   int // feeding, sweeping, settling, reconciling, and the pace of requests
}

// sessionDefaults are the settings of each connection, where the URL does not
// say otherwise. The timeouts bound what a stuck statement can hold up.
var sessionDefaults = map[string]string{
	"application_name":                    "dialer",
	"timezone":                            "UTC",
	"statement_timeout":                   "15s",
	"lock_timeout":                        "5s",
	"idle_in_transaction_session_timeout": "30s",
	// Compiling the claim, whose cost the planner overrates, took a second
	// where running it takes milliseconds.
	"jit": "off",
}

// lookupDefaults are the settings of the connections that place calls and store
// events. Their statements look up rows by ids, uuids and numbers, some hundred
// times a second, and nothing else: so their plans are made once and are always
// lookups, however small the tables were when they were made.
var lookupDefaults = map[string]string{
	"plan_cache_mode":  "force_generic_plan",
	"enable_seqscan":   "off",
	"enable_hashjoin":  "off",
	"enable_mergejoin": "off",
}

// Open connects to the primary that url names. It refuses a standby, whose
// rows may be late, and refuses to let a commit be acknowledged before it is on
// disk, because the gate's commit is what stands between a person and a second
// call.
func Open(ctx context.Context, url string) (*DB, error) {
	return openPool(ctx, url, 0, new(placeGuard), sessionDefaults)
}

// OpenShared is Open for a process that dials: each part of its work has its
// own share of the connections, whatever the URL says of the pool.
func OpenShared(ctx context.Context, url string, s Shares) (*DB, error) {
	db, err := openPool(ctx, url, s.Others, new(placeGuard), sessionDefaults)
	if err != nil {
		return nil, err
	}
	if db.placing, err = openPool(ctx, url, s.Placing, db.place, sessionDefaults, lookupDefaults); err == nil {
		db.webhooks, err = openPool(ctx, url, s.Webhooks, db.place, sessionDefaults, lookupDefaults)
	}
	if err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openPool opens a pool of conns connections; 0: as many as the URL says.
func openPool(ctx context.Context, url string, conns int, place *placeGuard, settings ...map[string]string) (*DB, error) {
	cfg, err := poolConfig(url, settings...)
	if err != nil {
		return nil, err
	}
	if conns > 0 {
		cfg.MaxConns, cfg.MinConns = int32(conns), min(cfg.MinConns, int32(conns))
	}
	cfg.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		if err := prepareConn(ctx, conn); err != nil {
			return err
		}
		return place.check(ctx, conn)
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	db := &DB{pool: pool, place: place}
	db.news = newTogether(newsMost, newsApart, newsLimit, db.storeNews)
	db.loads = newTogether(placingMost, placingApart, loadLimit, db.loadAll)
	db.gates = newTogether(placingMost, placingApart, gateLimit, db.passAll)
	return db, nil
}

// Close ends every connection; it waits for those in use.
func (db *DB) Close() {
	db.pool.Close()
	for _, other := range []*DB{db.placing, db.webhooks} {
		if other != nil {
			other.Close()
		}
	}
}

// forPlacing is the database by the connections that place calls.
func (db *DB) forPlacing() *DB { return cmp.Or(db.placing, db) }

// forWebhooks is the database by the connections that store events.
func (db *DB) forWebhooks() *DB { return cmp.Or(db.webhooks, db) }

// Now is the database's clock.
func (db *DB) Now(ctx context.Context) (time.Time, error) {
	var now time.Time
	if err := db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return now, nil
}

func poolConfig(url string, settings ...map[string]string) (*pgxpool.Config, error) {
	plain, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database's URL: %w", err) // pgx leaves the password out
	}
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("read the database's URL: %w", err)
	}
	if _, set := plain.RuntimeParams["pool_max_conns"]; !set {
		cfg.MaxConns = defaultConns
	}
	for _, some := range settings {
		for name, value := range some {
			if _, set := cfg.ConnConfig.RuntimeParams[name]; !set {
				cfg.ConnConfig.RuntimeParams[name] = value
			}
		}
	}
	return cfg, nil
}

var errStandby = errors.New("the server is a standby: its rows may be late, so the dialer uses the primary only")

// prepareConn runs on each new connection, so that a failover to a standby is
// noticed too.
func prepareConn(ctx context.Context, conn *pgx.Conn) error {
	var standby bool
	err := conn.QueryRow(ctx, `
		SELECT pg_is_in_recovery(),
		       CASE WHEN current_setting('synchronous_commit') IN ('off', 'local')
		            THEN set_config('synchronous_commit', 'on', false) END`).Scan(&standby, nil)
	if err != nil {
		return fmt.Errorf("prepare connection: %w", err)
	}
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
