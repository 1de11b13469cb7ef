package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/background"
	"dialer/internal/cli"
	"dialer/jobs"
	"dialer/storage"
	"dialer/voice"

	"golang.org/x/sync/errgroup"
)

type doctorCommand struct {
	Wait time.Duration `placeholder:"1m" help:"Try again until all is right, for so long: after 'dialer run &' in a script."`
	runCommand
}

func (c *doctorCommand) Help() string {
	return `Checks what 'dialer run' needs, with the same settings, and says of each in one line whether it is right and what to do. It changes nothing and calls nobody. It makes one request to Vonage, for the list of calls. Exits 1 if something is wrong.`
}

// diagnosis is the state of one thing that a dialer needs.
type diagnosis struct {
	what  string
	found string // what is right
	err   error  // what is wrong, and what to do
}

const (
	doctorPatience = 10 * time.Second
	doctorAgain    = 500 * time.Millisecond
)

func (c *doctorCommand) Run(ctx context.Context, con console) error {
	checks := []check{
		{"settings", c.checkSettings},
		{"private key", c.checkKey},
		{"database", c.checkDatabase},
		{"redis", c.checkRedis},
		{"vonage", c.checkVonage},
		{"public URL", c.checkPublicURL},
	}
	for begun := time.Now(); time.Since(begun) < c.Wait; {
		if found := examine(ctx, checks); !slices.ContainsFunc(found, diagnosis.wrong) {
			break
		}
		if err := background.Sleep(ctx, doctorAgain); err != nil {
			return err
		}
	}
	var wrong bool
	for _, d := range examine(ctx, checks) {
		if !d.wrong() {
			con.Printf("ok     %-12s %s\n", d.what, d.found)
			continue
		}
		wrong = true
		for _, line := range strings.Split(d.err.Error(), "\n") {
			con.Printf("WRONG  %-12s %s\n", d.what, strings.TrimSpace(line))
		}
	}
	if wrong {
		return cli.ErrFailed
	}
	return nil
}

// check is one thing to look at.
type check struct {
	what string
	look func(context.Context) (found string, err error)
}

func (d diagnosis) wrong() bool { return d.err != nil }

// examine checks everything concurrently.
func examine(ctx context.Context, checks []check) []diagnosis {
	found := make([]diagnosis, len(checks))
	var group errgroup.Group
	for i, check := range checks {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, doctorPatience)
			defer cancel()
			text, err := check.look(ctx)
			found[i] = diagnosis{check.what, text, err}
			return nil
		})
	}
	_ = group.Wait() // the functions return none
	return found
}

func (c *doctorCommand) checkSettings(context.Context) (string, error) {
	if err := c.validate(); err != nil {
		return "", withoutUsage(err)
	}
	info, err := os.Stat(cli.DotEnv)
	switch {
	case err != nil:
		return "complete; there is no " + cli.DotEnv + " here", nil
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("others on this machine can read %s: chmod 600 %s", cli.DotEnv, cli.DotEnv)
	}
	return "complete", nil
}

// withoutUsage leaves out the word that marks a mistake of the caller.
func withoutUsage(err error) error {
	return errors.New(strings.TrimPrefix(err.Error(), cli.ErrUsage.Error()+": "))
}

func (c *doctorCommand) checkKey(context.Context) (string, error) {
	if c.PrivateKey == "" {
		return "", errors.New("--private-key (VONAGE_PRIVATE_KEY) is needed")
	}
	key, err := c.key()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("RSA, %d bits", key.N.BitLen()), nil
}

func (c *doctorCommand) checkDatabase(ctx context.Context) (string, error) {
	if c.Data != "" && c.DatabaseURL == "" {
		return "'dialer run' starts its own, in " + c.Data, nil
	}
	if c.DatabaseURL == "" {
		return "", errors.New("--database-url (DATABASE_URL) is needed")
	}
	db, err := storage.OpenMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return "", err
	}
	defer db.Close()
	now, err := db.Now(ctx)
	if err != nil {
		return "", err
	}
	if ahead := time.Since(now).Abs(); ahead > campaign.ClockTolerance {
		return "", fmt.Errorf("its clock differs by %v from this machine's: set both by NTP", ahead.Round(time.Second))
	}
	known, _, err := db.Identity(ctx)
	if err != nil {
		return "", err
	}
	if known.Lock.Reason != "" {
		return "", fmt.Errorf("nobody is called: %s; see `dialer lock show`", known.Lock.Reason.Meaning())
	}
	found := "reachable, its schema is up to date, and it may dial"
	if storage.MayBePlain(c.DatabaseURL) {
		found += "; but " + plainDatabase
	}
	return found, nil
}

func (c *doctorCommand) checkRedis(ctx context.Context) (string, error) {
	switch {
	case c.Data != "":
		return "'dialer run' starts its own", nil
	case c.RedisURL == "":
		return "", errors.New("--redis-url (REDIS_URL) is needed")
	}
	if err := jobs.CheckRedis(ctx, c.RedisURL); err != nil {
		return "", err
	}
	return "reachable, and drops nothing", nil
}

// checkVonage requests the newest call, and compares the clocks with the answer.
func (c *doctorCommand) checkVonage(ctx context.Context) (string, error) {
	if err := c.accountFlags.validate(); err != nil {
		return "", errors.New("not asked: the settings of the account are not complete")
	}
	key, err := c.key()
	if err != nil {
		return "", errors.New("not asked: there is no key")
	}
	client, err := voice.NewClient(voice.Config{BaseURL: c.APIURL, ApplicationID: c.ApplicationID, Key: key})
	if err != nil {
		return "", err
	}
	if _, err := client.ListCalls(ctx, voice.ListFilter{PageSize: 1}); err != nil {
		return "", fmt.Errorf("%w (VONAGE_API_URL, VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY must belong together)", err)
	}
	if ahead, known := client.Skew(); known && ahead.Abs() > campaign.ClockTolerance {
		return "", fmt.Errorf("its clock differs by %v from this machine's: set this one by NTP", ahead.Round(time.Second))
	}
	return "accepts the application and its key; the clocks agree", nil
}

// checkPublicURL requests a path that a running dialer serves there.
func (c *doctorCommand) checkPublicURL(ctx context.Context) (string, error) {
	if c.PublicURL == "" {
		if isLoopback(c.APIURL) {
			return "none is needed for a simulator on this machine", nil
		}
		return "", errors.New("--public-url (DIALER_PUBLIC_URL) is needed: where Vonage reaches this dialer; docs/account.md says how")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(c.PublicURL, "/")+"/healthz", nil)
	if err != nil {
		return "", errors.New("--public-url (DIALER_PUBLIC_URL) is no URL")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("%s does not answer: does `dialer run` run, and does the proxy or tunnel lead to its --listen address?", c.PublicURL)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s/healthz answers %d: does `dialer run` run, and does the proxy or tunnel lead to its --listen address?", c.PublicURL, response.StatusCode)
	}
	return "reaches a dialer", nil
}
