package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/voice"
	"dialer/voice/voicesim"
	"dialer/webhooks"
)

type simulateCommand struct {
	Listen            string             `env:"DIALER_SIMULATOR_LISTEN" default:"127.0.0.1:8090" placeholder:"ADDRESS" help:"Where it serves (default: ${default})."`
	PublicKey         string             `name:"public-key" env:"VONAGE_PRIVATE_KEY" required:"" placeholder:"FILE|PEM" help:"PEM of the application's key; its public or its private half."`
	ApplicationID     string             `name:"application-id" env:"VONAGE_APPLICATION_ID" required:"" placeholder:"ID" help:"The application whose tokens it accepts."`
	Secrets           []string           `name:"signature-secret" env:"VONAGE_SIGNATURE_SECRET" secret:"" required:"" placeholder:"SECRET" help:"It signs webhooks with this; with the first, if there are several."`
	Seed              uint64             `default:"1" help:"Decides outcomes and faults (default: ${default})."`
	Faults            string             `enum:"none,some,heavy,wording" default:"none" placeholder:"none|some|heavy|wording" help:"Which faults it has: some or heavy lose and break requests and events; wording writes records and events in other forms, and repeats tokens (default: ${default})."`
	Speed             float64            `default:"1" help:"How many times faster than in reality calls proceed (default: ${default})."`
	CallsPerSecond    float64            `name:"calls-per-second" default:"3" help:"New calls in any second, above which it answers 429; 0 for no limit (default: ${default})."`
	RequestsPerSecond float64            `name:"requests-per-second" default:"15" help:"The same for other requests (default: ${default})."`
	RecordsKept       time.Duration      `name:"records-kept" default:"48h" placeholder:"TIME" help:"How long after its end a call's record is kept (default: ${default})."`
	ClockAhead        time.Duration      `name:"clock-ahead" placeholder:"TIME" help:"How far its clock is ahead at the start, such as 5s; with a minus sign it is behind."`
	ClockDrift        float64            `name:"clock-drift" placeholder:"SECONDS" help:"How many seconds its clock gains in a second, such as 0.001."`
	Keys              map[string]float64 `placeholder:"KEYS=WEIGHT;..." help:"What people press when they are asked, as 1=6;2=1;=3, where the last press nothing (default: nobody presses anything)."`
	Habits            map[string]float64 `placeholder:"HABIT=WEIGHT;..." help:"How people behave who are asked to press a key, as prompt=5;early=2: prompt, early, late, wrong, silent, leaves (in the middle of a sentence) and rings (back, unanswered). Without it they press --keys at each question."`
	People            string             `type:"existingfile" placeholder:"FILE.csv" help:"Who is behind which number: number, outcome, keys, hangs_up_after, beep_after, rings_back_after. See docs/recipes."`
	Take              string             `placeholder:"NUMBER" help:"Take the calls to this number yourself, at this terminal: see the text as it is spoken, press keys, speak, hang up. At a speed of 1 it lasts as long as in reality."`
	AnswerURL         string             `name:"answer-url" placeholder:"URL" help:"The application's answer address, such as http://127.0.0.1:8080/webhooks/answer: who rings back is answered from it. Its events go to the same address with event for answer."`
	KeepWebhooks      bool               `name:"keep-webhooks" help:"Keep every request to a webhook, for /ledger/webhooks."`
	ContractShapes    bool               `name:"contract-shapes" help:"Answer in the shapes of the old contract, 1.0.1, instead of today's."`
}

func (c *simulateCommand) Help() string {
	return `Point a dialer at it with VONAGE_API_URL=http://ADDRESS/v1. Its own records are at /ledger, /ledger/summary and, with --keep-webhooks, /ledger/webhooks: 'dialer verify --ledger http://ADDRESS' compares the dialer's with them.

'dialer init' makes a key for it, and the settings with which both find each other.`
}

func (c *simulateCommand) Run(ctx context.Context, con console) error {
	key, err := readPublicKey(c.PublicKey)
	if err != nil {
		return fmt.Errorf("%w: --public-key: %w", cli.ErrUsage, err)
	}
	log := con.Logger()
	faults := faultPresets[c.Faults]
	faults.ClockAhead, faults.ClockDrift = c.ClockAhead, c.ClockDrift
	people, err := c.people()
	if err != nil {
		return fmt.Errorf("%w: --people: %w", cli.ErrUsage, err)
	}
	var handset *voicesim.Handset
	if c.Take != "" {
		number, err := campaign.ParseFrom([]string{c.Take})
		if err != nil {
			return fmt.Errorf("%w: --take: %w", cli.ErrUsage, err)
		}
		handset = newTerminalHandset(number[0], con.Out)
	}
	sim, err := voicesim.New(voicesim.Config{
		Handset:   handset,
		AnswerURL: c.AnswerURL, EventURL: eventURL(c.AnswerURL),
		PublicKey: key, ApplicationID: c.ApplicationID, SignatureSecret: []byte(c.Secrets[0]), APIKey: simulatedAPIKey,
		Seed: c.Seed, Faults: faults, Retention: c.RecordsKept, KeepWebhooks: c.KeepWebhooks, Speed: c.Speed,
		Outcomes:       voicesim.Outcomes{Keys: c.Keys, Habits: c.Habits, ByNumber: people},
		CallsPerSecond: c.CallsPerSecond, RequestsPerSecond: c.RequestsPerSecond,
		PriceLag: simulatedPriceLag, ListLag: simulatedListLag, ContractShapes: c.ContractShapes, Logger: log,
	})
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return listenError("--listen", err)
	}
	log.InfoContext(ctx, "simulating", "api", "http://"+listener.Addr().String()+"/v1", "faults", c.Faults, "seed", c.Seed)
	if handset != nil {
		con.Linef("Calls to %s ring here. Enter answers, h hangs up or declines. In a call, a key and Enter presses it, and words and Enter say them.\n", handset.Number)
		go takeCalls(con.In, con.Out, handset) // ends with its input
	}
	return serveSimulator(ctx, sim, listener)
}

// people are the people behind the numbers; nil without a file.
func (c *simulateCommand) people() (map[string][]voicesim.Script, error) {
	if c.People == "" {
		return nil, nil
	}
	file, err := os.Open(c.People)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return voicesim.ReadPeople(file)
}

// eventURL is the application's event address beside its answer address.
func eventURL(answer string) string {
	if base, ok := strings.CutSuffix(answer, "/answer"); ok {
		return base + "/event"
	}
	return ""
}

const (
	simulatedAPIKey   = "simulated"
	simulatedPriceLag = time.Second
	simulatedListLag  = time.Second
)

// serveSimulator serves until ctx ends.
func serveSimulator(ctx context.Context, sim *voicesim.Sim, listener net.Listener) error {
	server := webhooks.NewServer("", sim)
	server.WriteTimeout = 0 // it answers slowly on purpose
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve the simulator: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), webhookGrace)
	defer cancel()
	return errors.Join(server.Close(), sim.Close(grace))
}

// faultPresets are the mixtures that --faults names.
var faultPresets = map[string]voicesim.Faults{
	"none": {},
	"some": {
		CutBefore: .01, CutAfter: .02, Error500: .01, Error500Placed: .01, Error503Placed: .01, TooMany: .0025, Truncated: .01,
		ReadFails: .02, EventLost: .05, EventDoubled: .1, EventShuffled: .1, EventLate: .05,
		NullPrice: .1, Correction: .02, DashlessUUIDs: .2,
		LateFor: 3 * time.Second, NullFor: 3 * time.Second, CorrectAfter: 2 * time.Second,
	},
	"heavy": {
		CutBefore: .04, CutAfter: .05, Error500: .03, Error500Placed: .02, Error503Placed: .03, TooMany: .03, Slow: .01, Stuck: .02, Truncated: .02,
		ReadFails: .05, EventLost: .2, EventDoubled: .2, EventShuffled: .2, EventLate: .1,
		NullPrice: .2, Correction: .05, DashlessUUIDs: .2,
		LateFor: 5 * time.Second, NullFor: 5 * time.Second, CorrectAfter: 3 * time.Second,
	},
	"wording": {
		NumberPlus: .1, NumberZeros: .05, NumberNational: .1, NumberUnknown: .05, NumberMissing: .05,
		OtherDirection: .1, OtherUUID: .1, OtherConversation: .05, OtherParty: .2, MemberMissing: .1, UUIDMissing: .005, DashlessUUIDs: .2,
		EventNumber: .1, EventDirection: .1, EventUUID: .1, EventSameToken: .05, EventReplayed: .05, EventForged: .02, RetrySameToken: .5,
		ExtraLegs: .1, ListLate: .05, ListLateFor: 10 * time.Second, ReplayFor: 10 * time.Second,
	},
}

// readPublicKey reads a public key, or the public half of a private one, from a
// file or from the text itself.
func readPublicKey(pathOrPEM string) (*rsa.PublicKey, error) {
	text := []byte(pathOrPEM)
	if !strings.Contains(pathOrPEM, "-----BEGIN") {
		var err error
		if text, err = os.ReadFile(strings.TrimSpace(pathOrPEM)); err != nil {
			return nil, err
		}
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("no PEM block in the file")
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		if public, ok := key.(*rsa.PublicKey); ok {
			return public, nil
		}
		return nil, errors.New("not an RSA key")
	}
	private, err := voice.ParsePrivateKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("neither a public nor a private key: %w", err)
	}
	return &private.PublicKey, nil
}
