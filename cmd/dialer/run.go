package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/storage"
	"dialer/voice"
)

type runCommand struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" secret:"" placeholder:"URL" help:"Postgres, for example postgres://dialer@localhost/dialer."`
	RedisURL    string `name:"redis-url" env:"REDIS_URL" secret:"" placeholder:"URL" help:"Redis with maxmemory-policy noeviction, for example redis://localhost:6379/0. It needs no persistence."`
	Data        string `name:"data" env:"DIALER_DATA" placeholder:"FOLDER" help:"Start a Postgres and a Redis of its own instead, with the data in this folder: for one machine and a first campaign."`
	providerFlags
	PublicURL   string        `name:"public-url" env:"DIALER_PUBLIC_URL" placeholder:"URL" help:"Where Vonage reaches this process (default: the address that it listens on, which only a simulator on this machine reaches)."`
	Listen      string        `name:"listen" env:"DIALER_LISTEN" default:"127.0.0.1:8080" placeholder:"ADDRESS" help:"Where webhooks and /healthz are served (default: ${default})."`
	AdminListen string        `name:"admin-listen" env:"DIALER_ADMIN_LISTEN" default:"127.0.0.1:8081" placeholder:"ADDRESS" help:"Where the pages, the API, /metrics and /readyz are served; empty: nowhere (default: ${default})."`
	AdminToken  string        `name:"admin-token" env:"DIALER_ADMIN_TOKEN" secret:"" placeholder:"TOKEN" help:"Requests with this bearer token may use the API as an admin, and read /metrics (default: requests from this machine may read /metrics)."`
	Countries   []string      `name:"countries" env:"DIALER_COUNTRIES" placeholder:"GB,IE|all" help:"The countries that campaigns and calls of the API and the pages may reach (default: a campaign's are those of its numbers, a call's are all)."`
	InboundText string        `name:"inbound-text" env:"DIALER_INBOUND_TEXT" placeholder:"TEXT" help:"What a caller to one of your numbers hears, if no campaign lets them hear their message again (default: that nobody can take the call)."`
	InboundLang string        `name:"inbound-language" env:"DIALER_INBOUND_LANGUAGE" placeholder:"en-GB" help:"The language of --inbound-text (default: en-US)."`
	QueueAhead  time.Duration `name:"queue-ahead" env:"DIALER_QUEUE_AHEAD" default:"1m" help:"How many seconds of calls are queued in Redis (default: ${default})."`
	Workers     int           `name:"workers" env:"DIALER_WORKERS" placeholder:"N" help:"How many requests for calls this process has in progress at most (default: enough for --calls-per-second if each takes two seconds)."`
	numberFlags
	paceFlags
	costFlags
	oidcFlags   `embed:""`
	Connections int `name:"database-connections" env:"DIALER_DATABASE_CONNECTIONS" default:"20" placeholder:"N" help:"Connections to Postgres of this process (default: ${default})."`
}

func (c *runCommand) Help() string {
	return `Any number of these may run at once; together they keep to the account's rate. SIGTERM stops it gracefully: no new call is made, and requests in progress are finished and recorded.

Secrets may be in files, as an orchestrator mounts them: DATABASE_URL_FILE, REDIS_URL_FILE, VONAGE_PRIVATE_KEY_FILE, VONAGE_SIGNATURE_SECRET_FILE, DIALER_ADMIN_TOKEN_FILE and DIALER_OIDC_CLIENT_SECRET_FILE name the files.`
}

// plainDatabase warns about an unencrypted connection to another machine.
const plainDatabase = "the way to Postgres may be in plain text, with people's numbers and the password: add sslmode=verify-full, or at least sslmode=require, to DATABASE_URL"

func (c *runCommand) Run(ctx context.Context, con console) (err error) {
	if err := c.validate(); err != nil {
		return err
	}
	log := slog.New(newOnceAWhile(con.Logger().Handler()))
	c.warn(ctx, log)
	if storage.MayBePlain(c.DatabaseURL) {
		log.WarnContext(ctx, plainDatabase)
	}
	key, err := c.keys(log)
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if c.Data != "" {
		own, failed := c.startOwn(ctx, log)
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, own.close()) }()
	}
	db, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	pagesDB, err := storage.OpenPool(ctx, c.DatabaseURL, pagesConnections)
	if err != nil {
		return err
	}
	defer pagesDB.Close()
	n := c.node(db, pagesDB, key, log)
	if err := c.listen(&n); err != nil {
		return err
	}
	log.InfoContext(ctx, "starting", "listen", n.listener.Addr().String(), "admin_listen", addressOf(n.admin), "calls_per_second", c.CallsPerSecond, "requests_per_second", c.RequestsPerSecond)
	c.warnOfOpenPages(ctx, pagesDB, log)
	limits, err := c.costFlags.store(ctx, db, log)
	if err != nil {
		return errors.Join(err, n.closeListeners())
	}
	return n.runWatched(ctx, limits)
}

// startOwn starts a Postgres and a Redis of the process's own, and uses them.
func (c *runCommand) startOwn(ctx context.Context, log *slog.Logger) (*servers, error) {
	own, err := startServers(ctx, c.Data, func(line string) { log.InfoContext(ctx, line) })
	if err != nil {
		return nil, err
	}
	c.DatabaseURL, c.RedisURL = own.databaseURL, own.redisURL
	log.InfoContext(ctx, "other commands reach the database while this runs", "DATABASE_URL", own.databaseURL)
	return own, nil
}

// node is the process that the flags describe, without its listeners.
func (c *runCommand) node(db, pagesDB *storage.DB, key *voice.KeySource, log *slog.Logger) node {
	return node{
		db: db, pagesDB: pagesDB, redisURL: c.RedisURL, log: log,
		apiURL: c.APIURL, applicationID: c.ApplicationID, key: key.Key, secrets: c.secrets(), adminToken: c.AdminToken,
		defaultCountry: c.DefaultCountry, countries: c.Countries,
		pace: c.paceFlags, queueAhead: c.QueueAhead, workers: c.Workers,
		inboundText: c.InboundText, inboundLanguage: c.InboundLang, login: c.login(),
	}
}

// listen opens the listeners. What Vonage can reach depends on where they are.
func (c *runCommand) listen(n *node) (err error) {
	if n.listener, n.admin, err = c.listeners(); err != nil {
		return err
	}
	if n.publicURL, err = c.publicURL(c.PublicURL, n.listener.Addr()); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", cli.ErrUsage, err), n.closeListeners())
	}
	return nil
}

// runWatched runs the node. Meanwhile the log tells how the campaigns go, and an
// alarm is raised if other limits than these are stored.
func (n node) runWatched(ctx context.Context, limits campaign.AccountLimits) error {
	watching, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { newNarrator(n.db, n.log).run(watching) })
	wg.Go(func() { compareLimits(watching, n.db, limits, n.log) })
	err := n.run(ctx)
	stop()
	wg.Wait()
	n.log.InfoContext(ctx, "stopped")
	return err
}

// warnOfOpenPages says that nobody has to log in yet.
func (c *runCommand) warnOfOpenPages(ctx context.Context, db *storage.DB, log *slog.Logger) {
	if users, err := db.Users(ctx); err != nil || len(users) > 0 || c.Issuer != "" || c.AdminListen == "" {
		return
	}
	log.WarnContext(ctx, "there is no user: whoever is at this machine may do everything at the pages, and so may whoever comes through a proxy on it that does not say so; before there is one: dialer user add --name NAME --role admin")
}

// listeners opens both. admin is nil if there is to be none.
func (c *runCommand) listeners() (hooks, admin net.Listener, err error) {
	if hooks, err = net.Listen("tcp", c.Listen); err != nil {
		return nil, nil, listenError("--listen (DIALER_LISTEN)", err)
	}
	if c.AdminListen == "" {
		return hooks, nil, nil
	}
	if admin, err = net.Listen("tcp", c.AdminListen); err != nil {
		return nil, nil, errors.Join(listenError("--admin-listen (DIALER_ADMIN_LISTEN), which may be empty", err), hooks.Close())
	}
	return hooks, admin, nil
}

// listenError says what to do if the port is taken, most often by another dialer.
func listenError(flag string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: another program has the port, perhaps another dialer: end it, or give this one another port: %w", flag, err)
	}
	return fmt.Errorf("%s: %w", flag, err)
}

// serversNamed requires Postgres and Redis, or a folder for private ones.
func (c *runCommand) serversNamed() error {
	var missing []string
	if c.Data == "" && c.DatabaseURL == "" {
		missing = append(missing, "--database-url (DATABASE_URL)")
	}
	if c.Data == "" && c.RedisURL == "" {
		missing = append(missing, "--redis-url (REDIS_URL)")
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%s needed, or --data (DIALER_DATA) for servers of its own; `dialer init` writes a %s", strings.Join(missing, " and ")+map[bool]string{true: " is", false: " are"}[len(missing) == 1], cli.DotEnv)
}

// pagesConnections are the connections for pages, API and webhooks out. They are separate,
// so that no reader delays a call.
const pagesConnections = 8

func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// adminTokenLeast is the length below which a token might be guessed.
const adminTokenLeast = 16

func (c *runCommand) validate() error {
	if err := errors.Join(c.serversNamed(), c.providerFlags.validate()); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if err := c.oidcFlags.validate(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if c.PublicURL != "" {
		if err := c.checkURL("--public-url (DIALER_PUBLIC_URL)", c.PublicURL); err != nil {
			return fmt.Errorf("%w: %w", cli.ErrUsage, err)
		}
	}
	if c.QueueAhead < time.Second || c.QueueAhead > time.Hour {
		return fmt.Errorf("%w: --queue-ahead (DIALER_QUEUE_AHEAD) must be from 1s to 1h, not %v", cli.ErrUsage, c.QueueAhead)
	}
	if strings.ContainsFunc(c.AdminToken, blankOrQuote) {
		return fmt.Errorf("%w: --admin-token (DIALER_ADMIN_TOKEN) has a blank, a line break or a quote, which nobody can send", cli.ErrUsage)
	}
	if c.AdminToken != "" && len(c.AdminToken) < adminTokenLeast {
		return fmt.Errorf("%w: --admin-token (DIALER_ADMIN_TOKEN) must have at least %d characters", cli.ErrUsage, adminTokenLeast)
	}
	if c.Connections < storage.LeastConns || c.Connections > 1000 {
		return fmt.Errorf("%w: --database-connections (DIALER_DATABASE_CONNECTIONS) must be from %d to 1000, not %d", cli.ErrUsage, storage.LeastConns, c.Connections)
	}
	if greeting := (voice.NCCO{voice.Talk{Text: c.InboundText, Language: c.InboundLang}}); c.InboundText != "" && greeting.Validate() != nil {
		return fmt.Errorf("%w: --inbound-text (DIALER_INBOUND_TEXT), --inbound-language (DIALER_INBOUND_LANGUAGE): %w", cli.ErrUsage, greeting.Validate())
	}
	if c.Workers < 0 {
		return fmt.Errorf("%w: --workers (DIALER_WORKERS) must not be negative", cli.ErrUsage)
	}
	if err := campaign.CheckCountry(c.DefaultCountry); err != nil {
		return fmt.Errorf("%w: --default-country (DIALER_DEFAULT_COUNTRY): %w", cli.ErrUsage, err)
	}
	if _, _, err := campaign.ParseCountries(c.Countries); err != nil {
		return fmt.Errorf("%w: --countries (DIALER_COUNTRIES): %w", cli.ErrUsage, err)
	}
	if _, err := c.costFlags.limits(); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	if err := c.paceFlags.validate(c.APIURL); err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	return nil
}

// open opens the database for dialing, and brings its schema up to date. Any
// number of processes may do so at once.
func (c *runCommand) open(ctx context.Context) (*storage.DB, error) {
	db, err := storage.OpenPool(ctx, c.DatabaseURL, c.Connections)
	return migrated(ctx, db, err)
}

// migrated brings the schema of an open database up to date.
func migrated(ctx context.Context, db *storage.DB, err error) (*storage.DB, error) {
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openMigrated opens the database for a command that does not migrate it.
func openMigrated(ctx context.Context, url string) (*storage.DB, error) {
	return storage.OpenMigrated(ctx, url)
}
