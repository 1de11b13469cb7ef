package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/background"
	"dialer/internal/progress"
	"dialer/storage"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// simulation is the environment of dialer demo and dialer try: private servers, a
// simulated Voice API, and one process of the dialer. Everything in it is real except
// Vonage.
type simulation struct {
	simulationConfig
	con console
	log *slog.Logger

	servers *servers
	db      *storage.DB
	sim     *voicesim.Sim
	simURL  string
	node    node
	closes  []func() error
}

type simulationConfig struct {
	data           string // the folder in which the data stay; "": they do not
	seed           uint64
	faults         string // of faultPresets
	callsPerSecond float64
	log            func(line string) // gets the servers used and the slow steps
	keys           map[string]float64
}

// With the speed of an ordinary account a demo would take minutes. Calls proceed faster
// than in reality, and all waits are shorter.
const (
	simulatedRequestsPerSecond = 50
	simulatedSpeed             = 20
	simulatedTokenLife         = 2 * time.Second
	simulatedSettleAfter       = 2 * time.Second
	simulatedReconcileEvery    = time.Second
	simulatedShortLag          = 500 * time.Millisecond
)

// startSimulation starts the servers, the simulator and the parts of this process. close
// ends them, also after an error.
func startSimulation(ctx context.Context, con console, config simulationConfig) (*simulation, error) {
	s := &simulation{simulationConfig: config, con: con, log: slog.New(slog.DiscardHandler)}
	return s, s.start(ctx)
}

func (s *simulation) start(ctx context.Context) (err error) {
	if s.servers, err = startServers(ctx, s.data, s.simulationConfig.log); err != nil {
		return err
	}
	s.onClose(s.servers.close)
	s.db, err = storage.Open(ctx, s.servers.databaseURL)
	if s.db, err = migrated(ctx, s.db, err); err != nil {
		return err
	}
	s.onClose(func() error { s.db.Close(); return nil })
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	secret := rand.Text()
	if err := s.startProvider(key, secret); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen for webhooks: %w", err)
	}
	s.node = node{
		db: s.db, redisURL: s.servers.redisURL, apiURL: s.simURL + "/v1", applicationID: simulatedApplication, key: func() *rsa.PrivateKey { return key },
		secrets: [][]byte{[]byte(secret)}, publicURL: "http://" + listener.Addr().String(), listener: listener, log: s.log,
		pace: paceFlags{
			CallsPerSecond: s.callsPerSecond, RequestsPerSecond: simulatedRequestsPerSecond,
			SettleAfter: simulatedSettleAfter, ReconcileEvery: simulatedReconcileEvery, TokenLife: simulatedTokenLife,
		},
	}
	return nil
}

// simulatedApplication is always the same: a database calls with one application.
var simulatedApplication = uuid.NewSHA1(uuid.NameSpaceURL, []byte("dialer:simulated")).String()

func (s *simulation) startProvider(key *rsa.PrivateKey, secret string) error {
	sim, err := voicesim.New(voicesim.Config{
		PublicKey: &key.PublicKey, ApplicationID: simulatedApplication, SignatureSecret: []byte(secret), APIKey: simulatedAPIKey,
		Seed: s.seed, Faults: faultPresets[s.faults], Speed: simulatedSpeed, Outcomes: voicesim.Outcomes{Keys: s.keys},
		CallsPerSecond: s.callsPerSecond, RequestsPerSecond: simulatedRequestsPerSecond,
		PriceLag: simulatedShortLag, ListLag: simulatedShortLag, Logger: s.log,
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
	s.onClose(func() error {
		stop()
		return <-ended
	})
	s.sim, s.simURL = sim, "http://"+listener.Addr().String()
	return nil
}

// onClose adds a function that runs at the end, in reverse order.
func (s *simulation) onClose(f func() error) { s.closes = append(s.closes, f) }

func (s *simulation) close() {
	var errs []error
	for i := len(s.closes) - 1; i >= 0; i-- {
		errs = append(errs, s.closes[i]())
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Fprintf(s.con.Err, "dialer: %v\n", err)
	}
}

// dial makes the campaign's calls, and shows them, until it has ended and its
// prices are known.
func (s *simulation) dial(ctx context.Context, c campaign.Campaign) error {
	dialing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.node.run(dialing) }()
	line, every := progress.NewLine(s.con.Out), plainEvery
	if line.Live() {
		every = liveEvery
	}
	followed := progress.Follow(ctx, s.db, c, line, every)
	if followed == nil {
		followed = s.settled(ctx, c.Name)
	}
	stop()
	return errors.Join(followed, <-ended)
}

// How often progress is shown if a line is rewritten, and if it is not.
const (
	liveEvery  = 250 * time.Millisecond
	plainEvery = 3 * time.Second
)

// settled waits until the campaign is marked as finished, the simulator corrects no more
// prices, and our prices equal the simulator's.
func (s *simulation) settled(ctx context.Context, name string) error {
	for {
		c, err := s.db.CampaignByName(ctx, name)
		if err != nil {
			return err
		}
		result, err := compareWithLedger(ctx, s.db, s.simURL)
		if err != nil {
			return err
		}
		if c.Status == campaign.Finished && result.PriceDifference.IsZero() && s.sim.Summary().EventsPending == 0 {
			return nil
		}
		if err := background.Sleep(ctx, simulatedReconcileEvery); err != nil {
			return err
		}
	}
}

// simulatedActor imports the people of a simulation.
var simulatedActor = app.Actor{Name: "simulation", Through: app.ThroughCommand}

// simulatedSettings allow calls at any hour, and retries soon: nobody's telephone
// rings, and nobody should wait for an hour.
func simulatedSettings(say string) campaign.Settings {
	return campaign.Settings{
		From:    []string{"442079460000", "442079460001"},
		Message: campaign.Message{Say: say},
		Hours:   campaign.Daily(0, 24*60),
		Zone:    campaign.ZoneRecipient,
		Retry: campaign.Policy{Attempts: 3, Again: map[campaign.Disposition]time.Duration{
			campaign.Busy: time.Second, campaign.Unanswered: 2 * time.Second, campaign.Timeout: 2 * time.Second, campaign.Failed: 2 * time.Second,
		}},
		Machine: "continue", RingingTimer: 30, LengthTimer: 120,
	}
}
