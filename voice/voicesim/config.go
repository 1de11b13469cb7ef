package voicesim

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Config says what the simulator is. The zero value of everything but
// PublicKey and ApplicationID is usable.
type Config struct {
	PublicKey     *rsa.PublicKey // of the application
	ApplicationID string
	// SignatureSecret signs callbacks; empty: they go out unsigned.
	SignatureSecret []byte
	APIKey          string
	// Seed decides outcomes and faults. What befalls a request depends on the
	// seed, the number called and how many POSTs to it came before, so that
	// concurrency does not change it.
	Seed     uint64
	Outcomes Outcomes
	Faults   Faults
	// CallsPerSecond is the most POSTs to /calls in any sliding second, above
	// which they are answered 429; RequestsPerSecond the same for all other
	// requests. 0: no limit.
	CallsPerSecond    float64
	RequestsPerSecond float64
	// PriceLag is how long after a call's end its record shows no price.
	PriceLag time.Duration
	// ListLag is the longest time for which a new call is missing from lists;
	// each call has its own lag, up to this.
	ListLag time.Duration
	// Retention is how long records are kept after the call's end: 0 means
	// Vonage's default of 48 h.
	Retention time.Duration
	// ContractShapes serves the forms of the old contract (1.0.1) instead of
	// today's: parties as arrays, times without a zone, links without /v1.
	ContractShapes bool
	// Speed divides the time that calls take; 0 means 1, real time. Durations
	// on records stay as if it were 1. Tokens, limits, lags and the times in
	// Faults are never scaled.
	Speed float64
	// FallbackAnswerURL is the application's, asked when an answer_url fails.
	FallbackAnswerURL string
	// Now is Vonage's clock; nil means time.Now.
	Now func() time.Time
	// Client posts callbacks; nil means one of the simulator's own.
	Client *http.Client
	// Callbacks is how many callbacks may be under way at once; 0 means 16.
	Callbacks int
	Logger    *slog.Logger
}

// Outcomes says how calls end.
type Outcomes struct {
	// Weights of answered, human, machine, busy, unanswered, timeout, failed,
	// rejected and cancelled; empty means a mixture of all of them. Human and
	// machine are plain answers unless the call asks for detection.
	Weights map[string]float64
	// ByNumber scripts the first, second, ... call to a number; the last
	// script holds for all further calls.
	ByNumber map[string][]Script
}

// Script is how one call goes. Zero durations are drawn from the seed.
type Script struct {
	Outcome string        // one of the names in Outcomes.Weights
	Ring    time.Duration // from ringing to the answer, or to giving up
	// Talk is how long after the answer the person hangs up. The call is over
	// sooner when its NCCO or its length_timer is.
	Talk time.Duration
	Beep time.Duration // from the machine's answer to its beep
	// Digits and Speech are what the person presses and says at the first,
	// second, ... input action.
	Digits []string
	Speech []string
}

var usualWeights = map[string]float64{
	human: 52, machine: 15, answered: 3, busy: 8, unanswered: 10,
	timeout: 4, failed: 4, rejected: 3, cancelled: 1,
}

func (c Config) withDefaults() Config {
	orDefault(&c.Retention, 48*time.Hour)
	orDefault(&c.Speed, 1)
	orDefault(&c.Callbacks, 16)
	c.Faults = c.Faults.withDefaults()
	if len(c.Outcomes.Weights) == 0 {
		c.Outcomes.Weights = usualWeights
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func orDefault[T comparable](v *T, usual T) {
	var zero T
	if *v == zero {
		*v = usual
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
			return fmt.Errorf("weight of outcome %q: want one of %v and no less than 0", name, outcomes)
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
