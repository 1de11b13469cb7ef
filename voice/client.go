package voice

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultBaseURL = "https://api.nexmo.com/v1"
	defaultTimeout = 10 * time.Second
	maxReply       = 4 << 20 // the largest body that is read; a page of 100 calls has about 60 KiB
)

// Config says where the API is and which application uses it.
type Config struct {
	// BaseURL is the API's address with its version; "" means
	// https://api.nexmo.com/v1. A region has its own, for example
	// https://api-eu-3.vonage.com/v1. A call can be read and controlled only
	// in the region where it was made, so a Client sends every request to
	// this one host.
	BaseURL       string
	ApplicationID string
	Key           *rsa.PrivateKey
	// CurrentKey returns the key for the next token, for a key that may be
	// replaced while the program runs. Nil: Key.
	CurrentKey func() *rsa.PrivateKey
	// Transport replaces the package's own transport, which speaks HTTP/1.1
	// only and counts the bytes that it writes. Set it in tests only.
	Transport http.RoundTripper
	// Throttle gives each request its permit, except CreateCall, which gets its
	// own. Nil: requests do not wait.
	Throttle func(context.Context) (Permit, error)
	// ThrottleFirst gives a hang-up its permit, so that it does not queue behind
	// other requests. Nil: Throttle.
	ThrottleFirst func(context.Context) (Permit, error)
	// Observe is called after each response, and with status 0 after each
	// request that got none. It may be nil.
	Observe func(operation string, status int, took time.Duration)
	Timeout time.Duration    // of one request; 0 means 10 s
	Now     func() time.Time // nil means time.Now
}

// String names the application and shows no secret.
func (c Config) String() string { return "voice.Config(" + c.ApplicationID + ")" }

// GoString keeps the key out of %#v.
func (c Config) GoString() string { return c.String() }

// LogValue keeps the key out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText keeps the key out of JSON.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Client sends requests to the Voice API. It is safe for concurrent use.
type Client struct {
	base      string
	appID     string
	key       func() *rsa.PrivateKey
	transport http.RoundTripper
	own       bool // transport is the package's own
	timeout   time.Duration
	now       func() time.Time
	skew      atomic.Pointer[time.Duration]

	throttle      func(context.Context) (Permit, error)
	throttleFirst func(context.Context) (Permit, error)
	observe       func(operation string, status int, took time.Duration)
}

// NewClient checks the configuration. It opens no connection.
func NewClient(cfg Config) (*Client, error) {
	base, err := baseURL(cfg.BaseURL)
	switch {
	case err != nil:
		return nil, err
	case cfg.ApplicationID == "":
		return nil, errors.New("voice client: no application id")
	case cfg.Key == nil && cfg.CurrentKey == nil:
		return nil, errors.New("voice client: no private key")
	}
	c := &Client{
		base: base, appID: cfg.ApplicationID, key: cfg.CurrentKey, transport: cfg.Transport,
		throttle: cfg.Throttle, throttleFirst: cfg.ThrottleFirst, observe: cfg.Observe, timeout: cfg.Timeout, now: cfg.Now,
	}
	if c.key == nil {
		c.key = func() *rsa.PrivateKey { return cfg.Key }
	}
	c.fillDefaults()
	return c, nil
}

func (c *Client) fillDefaults() {
	if c.transport == nil {
		c.transport, c.own = newTransport(), true
	}
	if c.throttle == nil {
		c.throttle = func(context.Context) (Permit, error) { return unpaced{}, nil }
	}
	if c.throttleFirst == nil {
		c.throttleFirst = c.throttle
	}
	if c.observe == nil {
		c.observe = func(string, int, time.Duration) {}
	}
	if c.timeout <= 0 {
		c.timeout = defaultTimeout
	}
	if c.now == nil {
		c.now = time.Now
	}
}

// baseURL checks the API's address. Its errors do not show the address, which
// may contain a password by mistake.
func baseURL(s string) (string, error) {
	if s == "" {
		return defaultBaseURL, nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return "", errors.New("voice client: base URL cannot be parsed")
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return "", errors.New("voice client: base URL must start with http:// or https:// and name a host")
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return "", errors.New("voice client: base URL must have no user, query or fragment")
	}
	return strings.TrimRight(s, "/"), nil
}

// Skew is how far Vonage's clock was ahead of ours at its last response, to
// about a second. It is false until a response had a date.
func (c *Client) Skew() (time.Duration, bool) {
	if d := c.skew.Load(); d != nil {
		return *d, true
	}
	return 0, false
}

// noteSkew compares the Date header, which has whole seconds, with the middle
// of the exchange.
func (c *Client) noteSkew(h http.Header, took time.Duration) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	middle := c.now().Add(-took / 2)
	c.skew.Store(new(date.Add(500 * time.Millisecond).Sub(middle)))
}
