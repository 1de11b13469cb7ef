package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/cli"
)

type tokenCommand struct {
	Add    tokenAddCommand    `cmd:"" help:"Make a token. It is printed once, alone on the last line, and kept nowhere."`
	List   tokenListCommand   `cmd:"" help:"List the tokens that are in use."`
	Remove tokenRemoveCommand `cmd:"" help:"End a token at once."`
}

type userCommand struct {
	Add    userAddCommand    `cmd:"" help:"Let a person log in at the pages. Without --password-file a password is made and printed, alone on the last line."`
	List   userListCommand   `cmd:"" help:"List who may log in."`
	Remove userRemoveCommand `cmd:"" help:"End a person's sessions, and let them in no more."`

	Restore userRestoreCommand `cmd:"" help:"Let a removed person log in at the OIDC provider again."`
}

// roleFlags name somebody new, and their role.
type roleFlags struct {
	Name string `required:"" placeholder:"NAME" help:"The name that the audit shows."`
	Role string `required:"" enum:"viewer,operator,admin" placeholder:"viewer|operator|admin" help:"viewer reads, with masked numbers; operator changes campaigns, contacts, calls and suppressions; admin everything."`
	actorFlags
	databaseFlags
}

// withAccess opens the database and does something with tokens or users.
func withAccess(ctx context.Context, databaseURL string, do func(app.Access) error) error {
	db, err := openMigrated(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(app.Access{Store: db})
}

type tokenAddCommand struct{ roleFlags }

func (c *tokenAddCommand) Run(ctx context.Context, con console) error {
	text, hash := auth.NewSecret()
	err := withAccess(ctx, c.DatabaseURL, func(a app.Access) error {
		return a.AddToken(ctx, c.actor(), c.Name, app.Role(c.Role), hash)
	})
	if err != nil {
		return err
	}
	con.Linef("The token of %s (%s), for the header Authorization: Bearer. It is not shown again.\n", c.Name, c.Role)
	con.Printf("%s\n", text)
	return nil
}

type userAddCommand struct {
	roleFlags
	PasswordFile string `name:"password-file" placeholder:"FILE|-" help:"A file with the password in one line, or - for standard input."`
}

func (c *userAddCommand) Run(ctx context.Context, con console) error {
	password, made := rand.Text(), true
	if c.PasswordFile != "" {
		var err error
		if password, err = readPassword(c.PasswordFile, con.In); err != nil {
			return fmt.Errorf("%w: --password-file: %w", cli.ErrUsage, err)
		}
		made = false
	}
	err := withAccess(ctx, c.DatabaseURL, func(a app.Access) error {
		return a.AddUser(ctx, c.actor(), c.Name, app.Role(c.Role), auth.HashPassword(password))
	})
	if err != nil {
		return err
	}
	if !made {
		con.Linef("%s may log in (%s)\n", c.Name, c.Role)
		return nil
	}
	con.Linef("The password of %s (%s). It is not shown again.\n", c.Name, c.Role)
	con.Printf("%s\n", password)
	return nil
}

// readPassword reads one line. Its errors show nothing of it.
func readPassword(path string, stdin io.Reader) (string, error) {
	in, err := openFile(path, stdin)
	if err != nil {
		return "", err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, 4<<10))
	if err != nil {
		return "", err
	}
	password := strings.TrimRight(string(text), "\r\n")
	if strings.ContainsAny(password, "\r\n") {
		return "", errors.New("want exactly one line")
	}
	return password, auth.CheckPasswordLength(password)
}

type listFlags struct {
	Format string `enum:"table,json" default:"table" placeholder:"table|json" help:"How it is printed (default: ${default})."`
	databaseFlags
}

// printList prints what a command lists: as JSON, or as a table with a line for each.
func printList[T any](con console, format string, list []T, header []string, cells func(T) []string) error {
	if format == "json" {
		return printJSON(con, append([]T{}, list...)) // [], not null
	}
	table := con.Table()
	table.Row(header)
	for _, item := range list {
		table.Row(cells(item))
	}
	return table.Flush()
}

type tokenListCommand struct{ listFlags }

func (c *tokenListCommand) Run(ctx context.Context, con console) error {
	return withAccess(ctx, c.DatabaseURL, func(a app.Access) error {
		list, err := a.Store.Tokens(ctx)
		if err != nil {
			return err
		}
		return printList(con, c.Format, list, []string{"TOKEN", "ROLE", "CREATED", "LAST USED"}, func(t app.Token) []string {
			return []string{t.Name, string(t.Role), cli.Time(t.CreatedAt), shortTime(t.LastUsedAt)}
		})
	})
}

type userListCommand struct{ listFlags }

func (c *userListCommand) Run(ctx context.Context, con console) error {
	return withAccess(ctx, c.DatabaseURL, func(a app.Access) error {
		list, err := a.Store.Users(ctx)
		if err != nil {
			return err
		}
		return printList(con, c.Format, list, []string{"USER", "ROLE", "CREATED", "LOGS IN BY"}, func(u app.User) []string {
			return []string{u.Name, string(u.Role), cli.Time(u.CreatedAt), cmp.Or(u.Issuer, "password")}
		})
	})
}

// namedFlags name an existing token or user.
type namedFlags struct {
	Name string `arg:"" help:"The name."`
	actorFlags
	databaseFlags
}

type tokenRemoveCommand struct{ namedFlags }

func (c *tokenRemoveCommand) Run(ctx context.Context, con console) error {
	return c.remove(ctx, con, app.Access.RemoveToken, "dialer token list")
}

type userRemoveCommand struct{ namedFlags }

func (c *userRemoveCommand) Run(ctx context.Context, con console) error {
	return c.remove(ctx, con, app.Access.RemoveUser, "dialer user list")
}

type userRestoreCommand struct{ namedFlags }

func (c *userRestoreCommand) Run(ctx context.Context, con console) error {
	err := withAccess(ctx, c.DatabaseURL, func(a app.Access) error { return a.RestoreUser(ctx, c.actor(), c.Name) })
	if errors.Is(err, campaign.ErrNotFound) {
		return errors.New("there is nobody of that name who logs in at the OIDC provider and was removed, or another has the name now")
	}
	if err == nil {
		con.Linef("%s: may log in again\n", c.Name)
	}
	return err
}

func (c *namedFlags) remove(ctx context.Context, con console, remove func(app.Access, context.Context, app.Actor, string) error, list string) error {
	err := withAccess(ctx, c.DatabaseURL, func(a app.Access) error { return remove(a, ctx, c.actor(), c.Name) })
	if errors.Is(err, campaign.ErrNotFound) {
		return fmt.Errorf("%w; `%s` names them all", err, list)
	}
	if err == nil {
		con.Linef("%s: removed\n", c.Name)
	}
	return err
}
