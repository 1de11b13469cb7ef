package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/csvimport"
	"dialer/internal/embedded"
	"dialer/internal/progress"
	"dialer/storage"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

//go:embed demo/contacts.csv
var demoFiles embed.FS

const demoCSV = "demo/contacts.csv"

type demoCommand struct {
	Seed    uint64        `default:"1" help:"Decides who answers and which faults happen (default: ${default})."`
	Faults  string        `enum:"none,some,heavy" default:"some" placeholder:"none|some|heavy" help:"How many faults the simulator has (default: ${default})."`
	Timeout time.Duration `default:"3m" help:"When to give up (default: ${default})."`
}

func (c *demoCommand) Help() string {
	return `Needs no account and no server. It uses DATABASE_URL and REDIS_URL if they are set, else private servers if their programs are installed, else a Redis inside this process and a downloaded Postgres. On a server of yours it uses a database and a queue of its own, and drops the database at the end. Everything is real except Vonage: its calls proceed twenty times faster than in reality, and tokens expire after two seconds instead of thirty.`
}

// The demo's account. With the limits of an ordinary one it would take two minutes.
const (
	demoCallsPerSecond    = 40
	demoRequestsPerSecond = 50
	demoSpeed             = 20
	demoTokenLife         = 2 * time.Second
	demoSettleAfter       = 2 * time.Second
	demoReconcileEvery    = time.Second
	demoListLag           = 500 * time.Millisecond
	demoPriceLag          = 500 * time.Millisecond
	demoLookEvery         = 250 * time.Millisecond
)

func (c *demoCommand) Run(ctx context.Context, con console) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("the demo did not end within %v", c.Timeout))
	defer cancel()
	d := demo{demoCommand: *c, con: con, log: slog.New(slog.DiscardHandler)}
	defer d.close()
	if err := d.start(ctx); err != nil {
		return err
	}
	err := d.play(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// demo is everything that a campaign needs.
type demo struct {
	demoCommand
	con  console
	log  *slog.Logger
	name string

	db     *storage.DB
	redis  string
	sim    *voicesim.Sim
	simURL string
	node   node
	closes []func() error
}

// onClose adds what is closed, in reverse order, when the demo ends.
func (d *demo) onClose(f func() error) { d.closes = append(d.closes, f) }

func (d *demo) close() {
	var errs []error
	for i := len(d.closes) - 1; i >= 0; i-- {
		errs = append(errs, d.closes[i]())
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintf(d.con.Err, "dialer: %v\n", err)
	}
}

// start starts the servers, the simulator and what this process needs.
func (d *demo) start(ctx context.Context) error {
	if err := d.startServers(ctx); err != nil {
		return err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	d.name = "demo " + time.Now().UTC().Format("2006-01-02 15:04:05")
	applicationID, secret := uuid.NewString(), rand.Text()
	if err := d.startProvider(key, applicationID, secret); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	d.node = node{
		db: d.db, redisURL: d.redis, apiURL: d.simURL + "/v1", applicationID: applicationID, key: func() *rsa.PrivateKey { return key }, secrets: [][]byte{[]byte(secret)},
		publicURL: "http://" + listener.Addr().String(), listener: listener, log: d.log,
		pace: paceFlags{
			CallsPerSecond: demoCallsPerSecond, RequestsPerSecond: demoRequestsPerSecond,
			SettleAfter: demoSettleAfter, ReconcileEvery: demoReconcileEvery, TokenLife: demoTokenLife,
		},
	}
	return nil
}

func (d *demo) startServers(ctx context.Context) error {
	options := embedded.Options{
		Log:           func(line string) { d.con.Printf("%s\n", line) },
		AllowDownload: true, AllowInProcess: true,
	}
	postgres, err := embedded.Postgres(ctx, options)
	if err != nil {
		return err
	}
	d.onClose(postgres.Close)
	redis, err := embedded.Redis(ctx, options)
	if err != nil {
		return err
	}
	d.onClose(redis.Close)
	d.redis = redis.URL
	scratch, drop, err := storage.Scratch(ctx, postgres.URL, "dialer_demo_")
	if err != nil {
		return fmt.Errorf("on the Postgres from %s: %w", postgres.Origin, err)
	}
	d.onClose(func() error { return drop(context.WithoutCancel(ctx)) })
	d.db, err = storage.Open(ctx, scratch)
	if d.db, err = migrated(ctx, d.db, err); err != nil {
		return err
	}
	d.onClose(func() error { d.db.Close(); return nil })
	return nil
}

func (d *demo) startProvider(key *rsa.PrivateKey, applicationID, secret string) error {
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: &key.PublicKey, ApplicationID: applicationID, SignatureSecret: []byte(secret), APIKey: simulatedAPIKey,
		Seed: d.Seed, Faults: faultPresets[d.Faults], Speed: demoSpeed,
		CallsPerSecond: demoCallsPerSecond, RequestsPerSecond: demoRequestsPerSecond,
		PriceLag: demoPriceLag, ListLag: demoListLag, Logger: d.log,
	})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for the simulator: %w", err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serveSimulator(ctx, sim, listener) }()
	d.onClose(func() error {
		stop()
		return <-ended
	})
	d.sim, d.simURL = sim, "http://"+listener.Addr().String()
	d.con.Printf("Provider: simulated, faults: %s, seed %d, %v calls a second\n", d.Faults, d.Seed, demoCallsPerSecond)
	return nil
}

// play runs the campaign and prints the result.
func (d *demo) play(ctx context.Context) error {
	imported, err := d.importContacts(ctx)
	if err != nil {
		return err
	}
	if err := d.dial(ctx, imported.Campaign); err != nil {
		return err
	}
	d.con.Printf("\n")
	if err := printReport(ctx, d.db, d.con, d.name, "table"); err != nil {
		return err
	}
	d.con.Printf("\n")
	return verify(ctx, d.db, d.con, d.simURL)
}

func (d *demo) importContacts(ctx context.Context) (csvimport.Summary, error) {
	csv, err := demoFiles.Open(demoCSV)
	if err != nil {
		return csvimport.Summary{}, err
	}
	defer csv.Close()
	refused, err := os.CreateTemp("", "dialer-demo-rejects-*.csv")
	if err != nil {
		return csvimport.Summary{}, err
	}
	d.onClose(func() error { return os.Remove(refused.Name()) })
	defer refused.Close()
	summary, err := csvimport.Import(ctx, csv, d.name, demoSettings(), csvimport.Options{DefaultCountry: "GB", Now: time.Now(), Rejects: refused},
		app.Import{By: demoActor, Store: d.db})
	if err != nil {
		return summary, err
	}
	d.con.Printf("Import:  %s: %d rows, %d people, %d duplicates, %d refused, the first:\n", demoCSV, summary.Rows, summary.Added, summary.Duplicates, summary.Rejected)
	return summary, d.showRefused(refused)
}

// showRefused prints the first refused rows as the rejects file has them.
func (d *demo) showRefused(file io.ReadSeeker) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	lines, err := firstLines(file, 4)
	if err != nil {
		return err
	}
	for _, line := range lines {
		d.con.Printf("         %s\n", line)
	}
	return nil
}

// demoActor imports the demo's contacts.
var demoActor = app.Actor{Name: "demo", Through: app.ThroughCommand}

// demoSettings allow calls at any hour, and retries soon: a demo must not take an
// hour.
func demoSettings() campaign.Settings {
	return campaign.Settings{
		From:    []string{"442079460000", "442079460001"},
		Message: campaign.Message{Say: "Hello {{name}}, this is a reminder of your appointment: {{appointment}}."},
		Hours:   campaign.Daily(0, 24*60),
		Zone:    campaign.ZoneRecipient,
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: time.Second, campaign.Unanswered: 2 * time.Second, campaign.Timeout: 2 * time.Second, campaign.Failed: 2 * time.Second,
		}},
		Machine: "continue", RingingTimer: 30, LengthTimer: 120,
	}
}

// dial makes the calls until the campaign has ended and its prices are known.
func (d *demo) dial(ctx context.Context, c campaign.Campaign) error {
	dialing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- d.node.run(dialing) }()
	line, every := progress.NewLine(d.con.Out), time.Second
	if line.Live() {
		every = demoLookEvery
	}
	followed := progress.Follow(ctx, d.db, c, line, every)
	if followed == nil {
		followed = d.settled(ctx)
	}
	stop()
	return errors.Join(followed, <-ended)
}
