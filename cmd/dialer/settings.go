package main

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dialer/campaign"
	"dialer/voice"
)

// databaseFlags are the settings of every command that uses the database.
type databaseFlags struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" secret:"" required:"" placeholder:"URL" help:"Postgres, for example postgres://dialer@localhost/dialer."`
}

// accountFlags are the account at Vonage. validate decides which of them are needed,
// because not every command that has them always uses them.
type accountFlags struct {
	APIURL        string `name:"api-url" env:"VONAGE_API_URL" default:"https://api.nexmo.com/v1" placeholder:"URL" help:"Vonage's Voice API (default: ${default})."`
	ApplicationID string `name:"application-id" env:"VONAGE_APPLICATION_ID" placeholder:"ID" help:"The Vonage application that places the calls."`
	PrivateKey    string `name:"private-key" env:"VONAGE_PRIVATE_KEY" secret:"path" placeholder:"PATH|PEM" help:"The application's private key: a file, or the PEM text itself."`
	AllowHTTP     bool   `name:"allow-http" env:"DIALER_ALLOW_HTTP" help:"Allow plain http beyond this machine, to Vonage's API and from Vonage: anyone on the network path can then read names and numbers, and make calls."`
}

func (f accountFlags) validate() error {
	err := f.checkURL("--api-url (VONAGE_API_URL)", f.APIURL)
	switch {
	case f.ApplicationID == "":
		err = errors.Join(err, errors.New("--application-id (VONAGE_APPLICATION_ID) is needed"))
	case strings.ContainsFunc(f.ApplicationID, blankOrQuote):
		err = errors.Join(err, errors.New("--application-id (VONAGE_APPLICATION_ID) has a blank, a line break or a quote, which no application id has"))
	}
	if f.PrivateKey == "" {
		err = errors.Join(err, errors.New("--private-key (VONAGE_PRIVATE_KEY) is needed"))
	}
	return err
}

// providerFlags are the account, and how its webhooks are verified.
type providerFlags struct {
	accountFlags
	Secrets []string `name:"signature-secret" env:"VONAGE_SIGNATURE_SECRET" secret:"" placeholder:"SECRET" help:"The account's signature secret; webhooks that it did not sign are refused. While it is being replaced, both, with a comma between them."`
}

func (f providerFlags) validate() error {
	err := f.accountFlags.validate()
	if len(f.Secrets) == 0 {
		err = errors.Join(err, errors.New("--signature-secret (VONAGE_SIGNATURE_SECRET) is needed"))
	}
	for i, secret := range f.Secrets {
		//guard:false cmd/dialer.TestSettingsThatCannotWork: a secret that can be guessed is refused
		if reason := refuseSecret(secret); reason != "" {
			err = errors.Join(err, fmt.Errorf("--signature-secret (VONAGE_SIGNATURE_SECRET), number %d, %s", i+1, reason))
		}
	}
	return err
}

const (
	// leastSecret is the length below which a secret can be guessed.
	leastSecret = 16
	// goodSecret is the length of the hash that the secret makes.
	goodSecret = 32
)

// refuseSecret says what is wrong with a signature secret, without showing it.
func refuseSecret(secret string) (reason string) {
	switch {
	case secret == "":
		return "is empty: anybody could sign with it"
	case strings.ContainsFunc(secret, blankOrQuote):
		return "has a blank, a line break or a quote, which Vonage's has not: was it copied with them?"
	case len(secret) < leastSecret:
		return fmt.Sprintf("has %d bytes, and can be guessed: at least %d are needed", len(secret), leastSecret)
	}
	return ""
}

func blankOrQuote(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'`\uFEFF", r)
}

// warn logs what is accepted and should not stay so.
func (f providerFlags) warn(ctx context.Context, log *slog.Logger) {
	for i, secret := range f.Secrets {
		if len(secret) < goodSecret {
			log.WarnContext(ctx, fmt.Sprintf("VONAGE_SIGNATURE_SECRET is short: set one of %d bytes at Vonage and here", goodSecret), "number", i+1, "bytes", len(secret))
		}
	}
	if info, err := os.Stat(strings.TrimSpace(f.PrivateKey)); err == nil && info.Mode().Perm()&0o004 != 0 {
		log.WarnContext(ctx, "everybody on this machine can read the private key: chmod 600", "mode", info.Mode().Perm().String())
	}
	if f.AllowHTTP {
		log.WarnContext(ctx, "plain http is allowed by DIALER_ALLOW_HTTP")
	}
}

// secrets are what webhooks may be signed with.
func (f providerFlags) secrets() [][]byte {
	list := make([][]byte, len(f.Secrets))
	for i, secret := range f.Secrets {
		list[i] = []byte(secret)
	}
	return list
}

// paceFlags are the account's limits and the waits that follow from them.
type paceFlags struct {
	CallsPerSecond    float64       `name:"calls-per-second" env:"DIALER_CALLS_PER_SECOND" default:"3" help:"New calls that the account allows in any second (default: ${default})."`
	RequestsPerSecond float64       `name:"requests-per-second" env:"DIALER_REQUESTS_PER_SECOND" default:"15" help:"Other requests that the account allows in any second (default: ${default})."`
	SettleAfter       time.Duration `name:"settle-after" env:"DIALER_SETTLE_AFTER" default:"2m" help:"How late Vonage's list of calls may be, before an unknown outcome is settled from it (default: ${default})."`
	RecordsKept       time.Duration `name:"records-kept" env:"DIALER_RECORDS_KEPT" default:"48h" help:"How long Vonage keeps the record of a call. The application's setting may say otherwise (default: ${default})."`
	ReconcileEvery    time.Duration `name:"reconcile-every" env:"DIALER_RECONCILE_EVERY" default:"1m" help:"How often prices are read back from Vonage (default: ${default})."`
	TokenLife         time.Duration `name:"token-life" env:"DIALER_TOKEN_LIFE" default:"30s" help:"How long a call request may live. Vonage documents 30s as the least; less is for simulators on this machine only (default: ${default})."`
}

func (p paceFlags) times() campaign.Times {
	return campaign.Times{SettleAfter: p.SettleAfter, TokenLife: p.TokenLife, RecordsKept: p.RecordsKept}.WithDefaults()
}

// leastTokenLife is the shortest life of a token that Vonage documents.
const leastTokenLife = 30 * time.Second

// validate joins all mistakes, so that they can be fixed at once.
func (p paceFlags) validate(apiURL string) error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(p.CallsPerSecond > 0 && p.CallsPerSecond <= 10_000, "--calls-per-second (DIALER_CALLS_PER_SECOND) must be above 0 and at most 10000, not %v", p.CallsPerSecond)
	check(p.RequestsPerSecond > 0 && p.RequestsPerSecond <= 10_000, "--requests-per-second (DIALER_REQUESTS_PER_SECOND) must be above 0 and at most 10000, not %v", p.RequestsPerSecond)
	check(p.SettleAfter > 0 && p.SettleAfter <= 24*time.Hour, "--settle-after (DIALER_SETTLE_AFTER) must be above 0 and at most 24h, not %v", p.SettleAfter)
	if err := p.times().Validate(); err != nil {
		errs = append(errs, fmt.Errorf("--records-kept (DIALER_RECORDS_KEPT) and --settle-after (DIALER_SETTLE_AFTER): %w", err))
	}
	check(p.ReconcileEvery >= time.Second && p.ReconcileEvery <= 24*time.Hour, "--reconcile-every (DIALER_RECONCILE_EVERY) must be from 1s to 24h, not %v", p.ReconcileEvery)
	check(p.TokenLife >= leastTokenLife || p.TokenLife >= time.Second && isLoopback(apiURL),
		"--token-life (DIALER_TOKEN_LIFE) must be at least 30s (1s for a simulator on this machine), not %v", p.TokenLife)
	check(p.TokenLife <= leastTokenLife, "--token-life (DIALER_TOKEN_LIFE) must be at most 30s, not %v", p.TokenLife)
	return errors.Join(errs...)
}

// account names the account at Vonage. Simulators on this machine are one host,
// whatever their port.
func account(apiURL, applicationID string) campaign.Account {
	a := campaign.Account{ApplicationID: applicationID, APIHost: "loopback"}
	if u, err := url.Parse(apiURL); err == nil && !isLoopback(apiURL) {
		a.APIHost = strings.ToLower(u.Hostname())
	}
	return a
}

func isLoopback(rawURL string) bool {
	u, err := url.Parse(rawURL)
	if err != nil {
		return false
	}
	if u.Hostname() == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return err == nil && addr.IsLoopback()
}

// key reads the private key. The error does not show it.
func (f accountFlags) key() (*rsa.PrivateKey, error) {
	key, err := voice.ParsePrivateKey(f.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("--private-key (VONAGE_PRIVATE_KEY): %w", err)
	}
	return key, nil
}

// keys reads the private key, and reads its file again when that changes.
func (f accountFlags) keys(log *slog.Logger) (*voice.KeySource, error) {
	keys, err := voice.OpenKey(f.PrivateKey, log)
	if err != nil {
		return nil, fmt.Errorf("--private-key (VONAGE_PRIVATE_KEY): %w", err)
	}
	return keys, nil
}

// checkURL wants an absolute http or https URL without a query, and https beyond
// this machine. It shows nothing of the URL, which may hold a password.
func (f accountFlags) checkURL(flag, raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%s must be an absolute http or https URL", flag)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s must have no query and no fragment", flag)
	case u.User != nil:
		return fmt.Errorf("%s must have no user and no password in it", flag)
	//guard:false cmd/dialer.TestSettingsThatCannotWork: plain http beyond this machine is refused
	case u.Scheme == "http" && !isLoopback(raw) && !f.AllowHTTP:
		return fmt.Errorf("%s is plain http beyond this machine: use https, or set DIALER_ALLOW_HTTP=true if nobody is between", flag)
	}
	return nil
}

// publicURL is where Vonage reaches this process; without the setting,
// the address that it listens on, which serves a provider on this machine only.
func (f accountFlags) publicURL(configured string, listener net.Addr) (string, error) {
	if configured != "" {
		return strings.TrimRight(configured, "/"), nil
	}
	if !isLoopback(f.APIURL) {
		return "", errors.New("--public-url (DIALER_PUBLIC_URL) is needed: the address at which Vonage reaches this process, for example https://dialer.example.com")
	}
	return "http://" + reachable(listener), nil
}

// reachable is an address of this machine for one that stands for all of them.
func reachable(listener net.Addr) string {
	tcp, ok := listener.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return listener.String()
}
