package voicesim

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// Config configures the simulator. Only PublicKey and ApplicationID are required.
type Config struct {
	PublicKey     *rsa.PublicKey // of the application
	ApplicationID string
	// SignatureSecret signs the callbacks; empty: they are not signed.
	SignatureSecret []byte
	APIKey          string
	// Seed decides outcomes and faults. The fault of a request depends on the seed, the
	// number called and the number of earlier POSTs to it, so it does not depend on
	// concurrency.
	Seed     uint64
	Outcomes Outcomes
	Faults   Faults
	// CallsPerSecond is how many POSTs to /calls are allowed in any sliding second;
	// others are answered 429. RequestsPerSecond is the same for all other requests. 0:
	// no limit.
	CallsPerSecond    float64
	RequestsPerSecond float64
	// PriceLag is how long after a call's end its record gets a price.
	PriceLag time.Duration
	// ListLag is the longest time for which a new call is missing from lists. Each call
	// has its own lag, up to this one.
	ListLag time.Duration
	// Retention is how long records are kept after the call's end; 0 means
	// 48 h as at Vonage.
	Retention time.Duration
	// ContractShapes serves the forms of the old contract (1.0.1) instead of
	// today's: parties are arrays, times have no zone, links have no /v1.
	ContractShapes bool
	// Speed divides the time that calls take; 0 means 1, real time. The
	// durations on records are those at speed 1. Tokens, limits, lags and the
	// times in Faults are not scaled.
	Speed float64
	// Handset is the telephone of a person who takes the calls to its number; nil:
	// there is none.
	Handset *Handset
	// AnswerURL and EventURL are the application's own addresses, for calls that
	// come in. Without AnswerURL nobody rings back.
	AnswerURL, EventURL string
	// FallbackAnswerURL is asked for the NCCO when an answer_url fails.
	FallbackAnswerURL string
	// Now is Vonage's clock; nil means time.Now.
	Now func() time.Time
	// Client sends the callbacks; nil means a client of the simulator's own.
	Client *http.Client
	// Callbacks is how many callbacks are sent at once; 0 means 16.
	Callbacks int
	// KeepWebhooks keeps every request to a webhook for Webhooks and
	// /ledger/webhooks.
	KeepWebhooks bool
	Logger       *slog.Logger
}

// Outcomes says how calls end.
type Outcomes struct {
	// Weights of answered, human, machine, busy, unanswered, timeout, failed,
	// rejected and cancelled; empty means a mixture of all. Human and machine
	// are the same as answered unless the call asks for detection.
	Weights map[string]float64
	// Keys are the weights of what people press at each input, such as 1: 6, 2: 1
	// and "", nothing: 3. Machines press nothing. Empty: nobody presses anything.
	Keys map[string]float64
	// Habits are the weights of people's behaviour when they are asked to press a key:
	// prompt, early, late, wrong, silent, leaves (in the middle of a sentence) and rings
	// (back, without answering). Empty: they press the Keys at each input.
	Habits map[string]float64
	// ByNumber scripts the first, second, ... call to a number. The last
	// script is for all further calls.
	ByNumber map[string][]Script
}

// Script is the course of one call. Durations that are zero come from the seed.
type Script struct {
	Outcome string        // one of the names in Outcomes.Weights
	Ring    time.Duration // from ringing to the answer or to the failure
	// Talk is how long after the answer the person hangs up. The call ends
	// earlier if its NCCO or its length_timer ends.
	Talk time.Duration
	Beep time.Duration // from the machine's answer to its beep
	// Digits and Speech are what the person presses and says at the first,
	// second, ... input action.
	Digits []string
	Speech []string
	// Presses are what the person does at each request for keys, in order. If they are
	// set, Digits do not count.
	Presses []Press
	// RingBack is how long after the end of the call the person rings back, at the
	// application's own address; 0: they do not.
	RingBack time.Duration
}

var defaultWeights = map[string]float64{
	human: 52, machine: 15, answered: 3, busy: 8, unanswered: 10,
	timeout: 4, failed: 4, rejected: 3, cancelled: 1,
}

var pressable = regexp.MustCompile(`^[0-9*#]*$`)

func (c Config) withDefaults() Config {
	orDefault(&c.Retention, 48*time.Hour)
	orDefault(&c.Speed, 1)
	orDefault(&c.Callbacks, 16)
	c.Faults = c.Faults.withDefaults()
	if len(c.Outcomes.Weights) == 0 {
		c.Outcomes.Weights = defaultWeights
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

func (c Config) validate() error {
	var errs []error
	if c.PublicKey == nil {
		errs = append(errs, errors.New("no public key"))
	}
	if c.ApplicationID == "" {
		errs = append(errs, errors.New("no application id"))
	}
	if c.Speed < 0 {
		errs = append(errs, fmt.Errorf("speed %v is negative", c.Speed))
	}
	return errors.Join(append(errs, c.Outcomes.validate(), c.Faults.validate())...)
}

func (o Outcomes) validate() error {
	for name, weight := range o.Weights {
		if !slices.Contains(outcomes, name) || weight < 0 {
			return fmt.Errorf("weight of outcome %q: want one of %v and at least 0", name, outcomes)
		}
	}
	if wrong := validHabits(o.Habits); wrong != "" {
		return fmt.Errorf("habit %q: want one of %v, with a weight of at least 0", wrong, habits)
	}
	for keys, weight := range o.Keys {
		if !pressable.MatchString(keys) || weight < 0 {
			return fmt.Errorf("weight of keys %q: want digits, * or #, and at least 0", keys)
		}
	}
	for scripts := range maps.Values(o.ByNumber) {
		for _, s := range scripts {
			if !slices.Contains(outcomes, s.Outcome) {
				return fmt.Errorf("script with outcome %q: want one of %v", s.Outcome, outcomes)
			}
		}
	}
	return nil
}
