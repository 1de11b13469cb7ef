package main

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/notify"

	"github.com/google/uuid"
)

type hookCommand struct {
	Add    hookAddCommand    `cmd:"" help:"Tell a program of what happens. The secret is printed alone on the last line."`
	List   hookListCommand   `cmd:"" help:"List the hooks, and how many messages they still wait for."`
	Remove hookRemoveCommand `cmd:"" help:"Remove a hook and its undelivered messages."`
	Failed hookFailedCommand `cmd:"" help:"List messages that could not be delivered."`
	Resend hookResendCommand `cmd:"" help:"Try messages anew."`
	Rotate hookRotateCommand `cmd:"" help:"Give a hook another secret, printed alone on the last line. For a day the old one signs too."`
}

// withHooks opens the database and does something with hooks.
func withHooks(ctx context.Context, databaseURL string, do func(app.Hooks) error) error {
	db, err := openMigrated(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	err = do(app.Hooks{Store: db})
	if errors.Is(err, campaign.ErrNotFound) {
		return fmt.Errorf("%w; `dialer hook list` names them all", err)
	}
	return err
}

type hookAddCommand struct {
	URL          string `arg:"" name:"url" help:"Where messages are sent, such as https://crm.example.com/dialer."`
	AllowPrivate bool   `name:"allow-private" help:"It may be at an address that is not on the internet, and take plain http."`
	actorFlags
	databaseFlags
}

func (c *hookAddCommand) Help() string {
	return `The types are contact.result, contact.finished, campaign.changed and alarm.raised. Messages are signed by the convention of Standard Webhooks, whose libraries verify them. One that is not taken with a 2xx is tried again, for some four days.`
}

func (c *hookAddCommand) Run(ctx context.Context, con console) error {
	return withHooks(ctx, c.DatabaseURL, func(hooks app.Hooks) error {
		secret := notify.NewSecret()
		h, err := hooks.Add(ctx, c.actor(), c.URL, c.AllowPrivate, secret)
		if err != nil {
			return err
		}
		con.Linef("Hook %d is told from now on. Its secret, which is not shown again:\n", h.ID)
		con.Printf("%s\n", secret)
		return nil
	})
}

type hookListCommand struct{ listFlags }

func (c *hookListCommand) Run(ctx context.Context, con console) error {
	return withHooks(ctx, c.DatabaseURL, func(hooks app.Hooks) error {
		list, err := hooks.Store.Hooks(ctx)
		if err != nil {
			return err
		}
		return printList(con, c.Format, list, []string{"ID", "URL", "PRIVATE", "CREATED", "PENDING", "DEAD"}, func(h app.Hook) []string {
			return []string{fmt.Sprint(h.ID), h.URL, fmt.Sprint(h.AllowPrivate), cli.Time(h.CreatedAt), fmt.Sprint(h.Pending), fmt.Sprint(h.Dead)}
		})
	})
}

// hookFlags name one hook.
type hookFlags struct {
	ID int64 `arg:"" help:"The hook's id."`
	actorFlags
	databaseFlags
}

type hookRemoveCommand struct{ hookFlags }

func (c *hookRemoveCommand) Run(ctx context.Context, con console) error {
	return withHooks(ctx, c.DatabaseURL, func(hooks app.Hooks) error {
		if err := hooks.Remove(ctx, c.actor(), c.ID); err != nil {
			return err
		}
		con.Linef("hook %d: removed\n", c.ID)
		return nil
	})
}

type hookRotateCommand struct{ hookFlags }

func (c *hookRotateCommand) Run(ctx context.Context, con console) error {
	return withHooks(ctx, c.DatabaseURL, func(hooks app.Hooks) error {
		secret := notify.NewSecret()
		if err := hooks.Rotate(ctx, c.actor(), c.ID, secret); err != nil {
			return err
		}
		con.Linef("The new secret of hook %d, which is not shown again:\n", c.ID)
		con.Printf("%s\n", secret)
		return nil
	})
}

type hookFailedCommand struct {
	Limit int `default:"100" placeholder:"N" help:"At most so many (default: ${default})."`
	listFlags
}

func (c *hookFailedCommand) Run(ctx context.Context, con console) error {
	if c.Limit < 1 || c.Limit > maxAuditEntries {
		return fmt.Errorf("%w: --limit must be from 1 to %d, not %d", cli.ErrUsage, maxAuditEntries, c.Limit)
	}
	return withHooks(ctx, c.DatabaseURL, func(hooks app.Hooks) error {
		list, err := hooks.Store.FailedMessages(ctx, c.Limit)
		if err != nil {
			return err
		}
		return printList(con, c.Format, list, []string{"ID", "HOOK", "TYPE", "OF", "AT", "TRIES", "NEXT TRY", "FAILURE"}, func(m app.FailedMessage) []string {
			next := "never"
			if m.NextTry != nil {
				next = cli.Time(*m.NextTry)
			}
			return []string{fmt.Sprint(m.ID), fmt.Sprint(m.Hook), m.Type, m.Topic, cli.Time(m.At), fmt.Sprint(m.Tries), next, m.Failure}
		})
	})
}

type hookResendCommand struct {
	Message string `arg:"" optional:"" help:"The message's id, as hook failed shows it."`
	Hook    int64  `placeholder:"ID" help:"All messages of this hook that are tried no more."`
	actorFlags
	databaseFlags
}

func (c *hookResendCommand) Run(ctx context.Context, con console) error {
	var id uuid.UUID
	if c.Message != "" {
		var err error
		if id, err = uuid.Parse(c.Message); err != nil {
			return fmt.Errorf("%w: %q is no id of a message", cli.ErrUsage, c.Message)
		}
	}
	if (c.Message == "") == (c.Hook == 0) {
		return fmt.Errorf("%w: want a message's id, or --hook", cli.ErrUsage)
	}
	return withHooks(ctx, c.DatabaseURL, func(hooks app.Hooks) error {
		n, err := hooks.Resend(ctx, c.actor(), c.Hook, id)
		if err == nil && n == 0 {
			return errors.New("no message of which a try has failed; `dialer hook failed` lists them")
		}
		if err == nil {
			con.Linef("%d messages are tried anew\n", n)
		}
		return err
	})
}
