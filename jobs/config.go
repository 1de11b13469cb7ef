package jobs

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"

	"dialer/campaign"
)

// Config says how this process takes part in dialing. A zero field gets its default;
// CallsPerSecond and PublicURL have none.
type Config struct {
	// CallsPerSecond is the account's limit on new calls, shared by all
	// processes.
	CallsPerSecond float64
	// PublicURL is where Vonage reaches our webhooks.
	PublicURL string
	// RedisURL is where the queue is.
	RedisURL string
	// DatabaseID names the database. Dialers on one database share a queue. Dialers on
	// another database that use the same Redis have another queue.
	DatabaseID string
	// Periodic is the work that one process of the fleet repeats.
	Periodic []Periodic
	// TokenLife is how long after the gate Vonage takes an attempt's POST.
	// Default 30 s, the least that Vonage documents.
	TokenLife time.Duration
	// Workers is how many calls are placed at once. The default covers the
	// rate while each POST takes two seconds.
	Workers int
	// Horizon is how much work the queue holds, in time. Default 1 minute.
	Horizon time.Duration
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	c.TokenLife = cmp.Or(c.TokenLife, campaign.DefaultTokenLife)
	c.Horizon = cmp.Or(c.Horizon, time.Minute)
	c.Workers = cmp.Or(c.Workers, max(8, int(2*c.CallsPerSecond)))
	return c
}

// validate lists everything that is wrong.
func (c Config) validate() error {
	var errs []error
	if c.CallsPerSecond <= 0 {
		errs = append(errs, fmt.Errorf("calls per second is %v, must be more than 0", c.CallsPerSecond))
	}
	if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		errs = append(errs, errors.New("the public URL must be absolute, like https://dialer.example.com"))
	}
	for name, d := range map[string]time.Duration{
		"token life": c.TokenLife, "horizon": c.Horizon,
	} {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s is %v, must not be negative", name, d))
		}
	}
	if c.Workers < 0 {
		errs = append(errs, fmt.Errorf("workers is %d, must not be negative", c.Workers))
	}
	return errors.Join(errs...)
}
