package fleet

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"dialer/internal/testkit/testkey"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// Account is the account that the dialers and Vonage share.
type Account struct {
	ApplicationID     string
	Secret            string
	KeyFile           string
	CallsPerSecond    float64
	RequestsPerSecond float64 // other than new calls
}

// NewAccount makes an account and writes its key into the folder.
func NewAccount(dir string, callsPerSecond, requestsPerSecond float64) (Account, error) {
	a := Account{
		ApplicationID: uuid.NewString(), Secret: rand.Text(), KeyFile: filepath.Join(dir, "key.pem"),
		CallsPerSecond: callsPerSecond, RequestsPerSecond: requestsPerSecond,
	}
	return a, os.WriteFile(a.KeyFile, testkey.PEM(testkey.RSA()), 0o600)
}

// Environment is the whole environment of a dialer of the account.
func (a Account) Environment(databaseURL, redisURL string, p *Provider, listen string, more ...string) []string {
	number := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "TZ=UTC",
		"DATABASE_URL=" + databaseURL,
		"REDIS_URL=" + redisURL,
		"VONAGE_API_URL=" + p.URL + "/v1",
		"VONAGE_APPLICATION_ID=" + a.ApplicationID,
		"VONAGE_PRIVATE_KEY=" + a.KeyFile,
		"VONAGE_SIGNATURE_SECRET=" + a.Secret,
		"DIALER_LISTEN=" + listen,
		"DIALER_ADMIN_LISTEN=", // several on one machine
		"DIALER_CALLS_PER_SECOND=" + number(a.CallsPerSecond),
		"DIALER_REQUESTS_PER_SECOND=" + number(a.RequestsPerSecond),
	}, more...)
}

// Provider is a simulated Vonage on a port of its own.
type Provider struct {
	Sim *voicesim.Sim
	URL string

	server *http.Server
	served chan error
}

// StartProvider serves the account as the configuration says. wrap, if given,
// sees each request first.
func (a Account) StartProvider(cfg voicesim.Config, wrap func(http.Handler) http.Handler) (*Provider, error) {
	cfg.PublicKey, cfg.ApplicationID, cfg.SignatureSecret = &testkey.RSA().PublicKey, a.ApplicationID, []byte(a.Secret)
	cfg.CallsPerSecond, cfg.RequestsPerSecond = a.CallsPerSecond, a.RequestsPerSecond
	sim, err := voicesim.New(cfg)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for Vonage: %w", err)
	}
	handler := http.Handler(sim)
	if wrap != nil {
		handler = wrap(sim)
	}
	p := &Provider{
		Sim: sim, URL: "http://" + listener.Addr().String(), served: make(chan error, 1),
		server: &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)},
	}
	go func() { p.served <- p.server.Serve(listener) }()
	return p, nil
}

// Close ends the server and all calls.
func (p *Provider) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := errors.Join(p.server.Close(), p.Sim.Close(ctx))
	if served := <-p.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}
