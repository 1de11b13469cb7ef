package voice

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
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
	maxReply       = 4 << 20 // the largest body that is read: a page of 100 calls is about 60 KiB
)

// Config says how to reach Vonage, and as whom.
type Config struct {
	// BaseURL is where the API is, with the version: "" means
	// https://api.nexmo.com/v1. A region has its own, such as
	// https://api-eu-3.vonage.com/v1. A call can only be read and controlled through
	// the region that made it, so a Client sends everything to this one host.
	BaseURL       string
	ApplicationID string
	Key           *rsa.PrivateKey
	// CurrentKey gives the key for each token, where it may be replaced by
	// another. Nil: Key.
	CurrentKey func() *rsa.PrivateKey
	// Transport replaces the package's own, which speaks HTTP/1.1 only and
	// counts what it writes. Nil is right except in tests.
	Transport http.RoundTripper
	// Throttle gives every request but CreateCall's its turn. Nil: none.
	Throttle func(context.Context) (Turn, error)
	// ThrottleFirst does so for a hang-up, which should not stand in line
	// behind anything else. Nil: Throttle.
	ThrottleFirst func(context.Context) (Turn, error)
	// Observe is told of every answer, and with status 0 of every request that
	// none came to. Nil: nobody is.
	Observe func(operation string, status int, took time.Duration)
	Timeout time.Duration    // of one request; 0 means 10 s
	Now     func() time.Time // nil means time.Now
}

// String says which application is meant, and nothing that is secret.
func (c Config) String() string { return "voice.Config(" + c.ApplicationID + ")" }

// GoString keeps the key out of %#v.
func (c Config) GoString() string { return c.String() }

// LogValue keeps the key out of logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText keeps the key out of JSON.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Client speaks to the Voice API. It is safe for concurrent use.
type Client struct {
	base      string
	appID     string
	key       func() *rsa.PrivateKey
	transport http.RoundTripper
	own       bool // the transport is the package's
	timeout   time.Duration
	now       func() time.Time
	skew      atomic.Pointer[time.Duration]

	throttle      func(context.Context) (Turn, error)
	throttleFirst func(context.Context) (Turn, error)
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
		c.throttle = func(context.Context) (Turn, error) { return freeTurn{}, nil }
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

// baseURL checks the address of the API. Its errors do not show the address,
// which may hold a password by mistake.
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

// Skew is how far Vonage's clock was ahead of ours in its last response,
// to about a second. It is false before the first response with a date.
func (c *Client) Skew() (time.Duration, bool) {
	if d := c.skew.Load(); d != nil {
		return *d, true
	}
	return 0, false
}

// request is one operation on its way out.
type request struct {
	op     string // as errors name it
	method string
	path   string // below the base URL, escaped
	query  url.Values
	body   any // marshalled; nil for none
	token  SignedToken
	turn   Turn
	repeat repeat
	first  bool // before other requests, where the throttle can tell
}

// reply is what came back: its status is always known, its body perhaps not.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	bodyErr error
}

// exchange sends r once, in its turn. It returns an *Error when no response
// came.
func (c *Client) exchange(ctx context.Context, r request) (reply, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.newRequest(ctx, r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		r.turn.Done(time.Time{}, 0)
		return reply{}, unsent(r.op, err)
	}
	res, written, failed := c.send(req, r.op, r.turn)
	if failed != nil {
		return reply{}, failed
	}
	defer res.Body.Close()
	rep := reply{status: res.StatusCode, header: res.Header}
	rep.body, rep.bodyErr = readCapped(res.Body)
	c.observe(r.op, rep.status, time.Since(written))
	return rep, nil
}

// newRequest builds the HTTP request. GetBody stays nil: without it nothing in
// net/http, on HTTP/1.1 or 2, can send the body a second time by itself.
func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	body, err := encodeBody(r.body)
	if err != nil {
		return nil, err
	}
	var content io.Reader
	if body != nil {
		//guard:value(bytes.NewReader(body)) voice.TestHTTP2DoesNotResend: the POST's body cannot be read again
		content = io.NopCloser(bytes.NewReader(body)) // of a bytes.Reader, NewRequest would set GetBody
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, content)
	if err != nil {
		return nil, quiet(err)
	}
	if body != nil {
		req.ContentLength = int64(len(body))
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+r.token.bearer)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "dialer")
	return req, nil
}

func readCapped(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxReply+1))
	if err == nil && len(body) > maxReply {
		err = fmt.Errorf("body is larger than %d bytes", maxReply)
	}
	if err != nil {
		return nil, quiet(err)
	}
	return body, nil
}

// noteSkew compares Vonage's Date, which is cut to the second, with the
// middle of the exchange.
func (c *Client) noteSkew(h http.Header, took time.Duration) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	middle := c.now().Add(-took / 2)
	c.skew.Store(new(date.Add(500 * time.Millisecond).Sub(middle)))
}
