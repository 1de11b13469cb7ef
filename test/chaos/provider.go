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
	"time"

	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// account is what the dialers and Vonage both know.
type account struct {
	application string
	secret      string
	key         *rsa.PrivateKey
	requests    float64 // a second, other than new calls
}

func newAccount() (account, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return account{}, fmt.Errorf("make a key: %w", err)
	}
	return account{application: uuid.NewString(), secret: rand.Text(), key: key, requests: 100}, nil
}

func (a account) writeKey(path string) error {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return fmt.Errorf("write the key: %w", err)
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

const (
	speed     = 20 // times faster than life
	listLag   = 500 * time.Millisecond
	priceLag  = 500 * time.Millisecond
	callbacks = 32 // under way at once
)

// faults are what Vonage does wrong; webhooks are lost on the way, by
// mail. A 429 halves the pace of the fleet for a minute, so there are few. No
// price is corrected later: the dialers look for that only after an hour.
func faults(name string) voicesim.Faults {
	f := voicesim.Faults{SlowFor: 11 * time.Second, StuckFor: 3 * time.Second, LateFor: 3 * time.Second, NullFor: 3 * time.Second}
	switch name {
	case "some":
		f.CutBefore, f.CutAfter, f.Error500, f.Error500Placed, f.Error503Placed, f.Truncated = .01, .02, .01, .01, .01, .01
		f.ReadFails, f.EventDoubled, f.EventShuffled, f.EventLate, f.NullPrice, f.DashlessUUIDs = .02, .1, .1, .05, .1, .2
	case "heavy":
		f.CutBefore, f.CutAfter, f.Error500, f.Error500Placed, f.Error503Placed = .045, .055, .0395, .025, .035
		f.TooMany, f.Slow, f.Stuck, f.Truncated = .0005, .01, .02, .02
		f.ReadFails, f.EventDoubled, f.EventShuffled, f.EventLate, f.NullPrice, f.DashlessUUIDs = .05, .2, .2, .1, .2, .2
	}
	return f
}

// ofPOSTs are the faults that befall requests for a call, as Vonage
// counts them.
var ofPOSTs = []string{
	"cut_before", "cut_after", "error_500", "error_500_placed", "error_503_placed", "too_many", "slow", "stuck", "truncated",
}

// provider is the simulated one, on a port of its own.
type provider struct {
	sim    *voicesim.Sim
	server *http.Server
	url    string
	served chan error
}

func newProvider(a account, o options, m *mail) (*provider, error) {
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: &a.key.PublicKey, ApplicationID: a.application, SignatureSecret: []byte(a.secret), APIKey: "chaos",
		Seed: o.Seed, Faults: faults(o.Faults), Speed: speed, CallsPerSecond: o.CallsPerSecond, RequestsPerSecond: a.requests,
		PriceLag: priceLag, ListLag: listLag, Client: m.client(), Callbacks: callbacks,
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Vonage: %w", err)
	}
	c := &provider{
		sim: sim, url: "http://" + listener.Addr().String(), served: make(chan error, 1),
		server: &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)},
	}
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
