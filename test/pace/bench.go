package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/embedded"
	"dialer/storage"
	"dialer/voice/voicesim"
)

const (
	application = "pace"
	secret      = "the account's"
	// warmUp is how long a fleet may take from its first call on to fill its
	// queues; the limit holds meanwhile too.
	warmUp       = 3 * time.Second
	startMost    = 30 * time.Second
	harmEvery    = 2 * time.Second
	requestsRate = 15
)

// bench is what all measurements share.
type bench struct {
	options
	dir     string
	program string
	key     *rsa.PrivateKey
	group   *group
}

func newBench(ctx context.Context, o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "dialer-pace-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	b := &bench{options: o, dir: dir, program: o.Dialer}
	if b.key, err = rsa.GenerateKey(rand.Reader, 2048); err == nil {
		err = writeKey(b.keyFile(), b.key)
	}
	if err == nil && b.program == "" {
		b.program = filepath.Join(dir, "dialer")
		if out, failed := exec.CommandContext(ctx, "go", "build", "-o", b.program, "dialer/cmd/dialer").CombinedOutput(); failed != nil {
			err = fmt.Errorf("build the dialer: %w: %s", failed, out)
		}
	}
	if err == nil {
		b.group, err = newGroup(dir)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func (b *bench) close() {
	b.group.end()
	_ = os.RemoveAll(b.dir) // a folder of the system's temporary ones
}

func (b *bench) keyFile() string { return filepath.Join(b.dir, "key.pem") }

func writeKey(path string, key *rsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

// measure starts everything anew, has a fleet call and reads what arrived.
func (b *bench) measure(ctx context.Context, perSecond float64, processes int) (r result, err error) {
	postgres, redis, err := servers(ctx)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, postgres.Close(), redis.Close()) }()
	if err := enlist(ctx, postgres.URL, int(perSecond*(b.Duration+2*warmUp).Seconds())+100); err != nil {
		return result{}, err
	}
	c, err := newProvider(b.key, perSecond)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	f := &fleet{group: b.group, program: b.program, log: filepath.Join(b.dir, "dialers.log"), redis: redis.URL}
	for range processes {
		env, err := b.environment(postgres.URL, redis.URL, c.url, perSecond)
		if err != nil {
			return result{}, err
		}
		f.envs = append(f.envs, env)
	}
	if err := f.start(); err != nil {
		return result{}, err
	}
	defer f.stop()
	from, err := b.await(ctx, c, f)
	if err != nil {
		return result{}, err
	}
	r = judge(c.log.sorted(), perSecond, from, b.Duration)
	r.processes, r.refused, r.harm = processes, c.sim.Summary().Refused[http.StatusTooManyRequests], f.harmed
	return r, nil
}

// await waits until the measurement is over, and returns when its steady part
// began.
func (b *bench) await(ctx context.Context, c *provider, f *fleet) (from time.Time, err error) {
	for begun := time.Now(); c.log.first().IsZero(); {
		if time.Since(begun) > startMost {
			return from, fmt.Errorf("nobody was called for %v; the dialers said:\n%s", startMost, f.said())
		}
		if err := sleep(ctx, 10*time.Millisecond); err != nil {
			return from, err
		}
	}
	from = c.log.first().Add(warmUp)
	for end := from.Add(b.Duration); time.Now().Before(end); {
		pause := time.Until(end)
		if b.Harm && time.Now().After(from) {
			if err := f.harm(ctx); err != nil {
				return from, err
			}
		}
		if b.Harm {
			pause = min(pause, harmEvery)
		}
		if err := sleep(ctx, pause); err != nil {
			return from, err
		}
	}
	return from, nil
}

// servers starts private ones, whatever the environment names.
func servers(ctx context.Context) (postgres, redis *embedded.Server, err error) {
	o := embedded.Options{AllowDownload: true, Getenv: func(name string) string {
		if name == "DATABASE_URL" || name == "REDIS_URL" {
			return ""
		}
		return os.Getenv(name)
	}}
	if postgres, err = embedded.Postgres(ctx, o); err != nil {
		return nil, nil, err
	}
	if redis, err = embedded.Redis(ctx, o); err != nil {
		return nil, nil, errors.Join(err, postgres.Close())
	}
	return postgres, redis, nil
}

// enlist begins a campaign of n people, each called once.
func enlist(ctx context.Context, url string, n int) error {
	db, err := storage.Open(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Migrate(ctx); err != nil {
		return err
	}
	var csv strings.Builder
	csv.WriteString("to\n")
	for i := range n { // 555-0100 to 555-0199 of each area are given to nobody
		fmt.Fprintf(&csv, "+1%d55501%02d\n", 200+i/100, i%100)
	}
	summary, err := csvimport.Import(ctx, strings.NewReader(csv.String()), "pace", campaign.Settings{
		From: []string{"442079460000"}, Message: campaign.Message{Say: "The water is off until noon."},
		Hours: campaign.Hours{From: 0, To: 24 * 60}, Zone: "Etc/UTC", Retry: campaign.Policy{Attempts: 1},
		RingingTimer: 30, LengthTimer: 120,
	}, csvimport.Options{Now: time.Now()}, db)
	if err == nil && summary.Added != n {
		err = fmt.Errorf("of %d people %d were taken", n, summary.Added)
	}
	return err
}

// environment is all that a dialer is told.
func (b *bench) environment(databaseURL, redisURL, providerURL string, perSecond float64) ([]string, error) {
	listen, err := embedded.FreeAddress()
	if err != nil {
		return nil, err
	}
	return []string{
		"PATH=" + os.Getenv("PATH"), "TZ=UTC", "DATABASE_URL=" + databaseURL, "REDIS_URL=" + redisURL,
		"VONAGE_API_URL=" + providerURL + "/v1", "VONAGE_APPLICATION_ID=" + application,
		"VONAGE_PRIVATE_KEY=" + b.keyFile(), "VONAGE_SIGNATURE_SECRET=" + secret, "DIALER_LISTEN=" + listen,
		"DIALER_CALLS_PER_SECOND=" + strconv.FormatFloat(perSecond, 'f', -1, 64),
		"DIALER_REQUESTS_PER_SECOND=" + strconv.Itoa(requestsRate),
		"DIALER_SETTLE_AFTER=5s", "DIALER_RECONCILE_EVERY=5s",
	}, nil
}

// provider is the simulated one, on a port of its own.
type provider struct {
	sim    *voicesim.Sim
	log    *arrivals
	server *http.Server
	url    string
	served chan error
}

func newProvider(key *rsa.PrivateKey, perSecond float64) (*provider, error) {
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: &key.PublicKey, ApplicationID: application, SignatureSecret: []byte(secret), APIKey: "pace",
		Seed: 1, Speed: 20, CallsPerSecond: perSecond, RequestsPerSecond: requestsRate,
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Vonage: %w", err)
	}
	c := &provider{sim: sim, log: &arrivals{provider: sim}, url: "http://" + listener.Addr().String(), served: make(chan error, 1)}
	c.server = &http.Server{Handler: c.log, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { c.served <- c.server.Serve(listener) }()
	return c, nil
}

func (c *provider) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := errors.Join(c.server.Close(), c.sim.Close(ctx))
	if served := <-c.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
