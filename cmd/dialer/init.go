package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"dialer/internal/cli"
	"dialer/internal/embedded"

	"github.com/google/uuid"
)

type initCommand struct {
	Data        string `placeholder:"FOLDER" help:"Let 'dialer run' have a Postgres and a Redis of its own, with the data in this folder. Without it, both are servers that you run."`
	DatabaseURL string `name:"database-url" default:"postgres://localhost:5432/dialer" placeholder:"URL" help:"Postgres, if it is one of yours (default: ${default})."`
	Account     bool   `help:"Leave out the simulator: write what an account at Vonage needs, for you to fill in."`
	RedisURL    string `name:"redis-url" default:"redis://localhost:6379/0" placeholder:"URL" help:"Redis, if it is one of yours (default: ${default})."`
}

func (c *initCommand) Help() string {
	return `Writes into the working directory, for your eyes only: .env, which dialer and enqueue read where they are started, and simulator.key, a key for the simulator. It overwrites neither. The settings are for the simulator; for an account at Vonage, put the account's values into .env.

Examples:

    dialer init --data data      # nothing else is needed: no Postgres, no Redis
    dialer init                  # with a Postgres and a Redis that run here
    dialer init --account        # the same, for an account at Vonage`
}

// simulatorKey is the file with the key for the simulator.
const simulatorKey = "simulator.key"

func (c *initCommand) Run(_ context.Context, con console) error {
	text, err := c.settings()
	if err != nil {
		return err
	}
	err = writeNew(cli.DotEnv, text)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and nothing was changed: change it by hand, or move it away", cli.DotEnv)
	}
	if err != nil {
		return err
	}
	if c.Account {
		con.Printf("%s: written, for your eyes only. Fill in the account's values: docs/account.md. Then: dialer doctor\n", cli.DotEnv)
		return nil
	}
	key, err := newKeyText()
	if err != nil {
		return err
	}
	err = writeNew(simulatorKey, key)
	switch {
	case errors.Is(err, fs.ErrExist):
		con.Printf("%s: written, for your eyes only. %s was there, and is kept.\n", cli.DotEnv, simulatorKey)
	case err != nil:
		return err
	default:
		con.Printf("%s and %s: written, for your eyes only.\n", cli.DotEnv, simulatorKey)
	}
	con.Print(c.next())
	return nil
}

// settings are the text of the file.
func (c *initCommand) settings() (string, error) {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	line("# Settings of dialer and enqueue, which read this file in the folder where they are")
	line("# started. A variable of the environment wins. docs/settings.md lists all.")
	line("")
	if c.Data == "" {
		line("# Postgres and Redis. `dialer migrate up --create-database` makes the database.")
		line("DATABASE_URL='%s'", c.DatabaseURL)
		line("REDIS_URL='%s'", c.RedisURL)
	} else {
		data, err := filepath.Abs(c.Data)
		if err != nil {
			return "", err
		}
		if err := embedded.CheckData(data); err != nil {
			return "", fmt.Errorf("--data: %w", err)
		}
		line("# `dialer run` starts a Postgres and a Redis of its own. The data are in this folder,")
		line("# and the other commands reach the database while `dialer run` runs.")
		line("DIALER_DATA='%s'", data)
		line("DATABASE_URL='%s'", embedded.KeptURL(data, ownDatabase))
	}
	line("")
	if c.Account {
		line("# The account at Vonage. docs/account.md says where you find each.")
		line("VONAGE_APPLICATION_ID=")
		line("VONAGE_PRIVATE_KEY=private.key")
		line("VONAGE_SIGNATURE_SECRET=")
		line("")
		line("# Where Vonage reaches this machine, such as https://dialer.example.com")
		line("DIALER_PUBLIC_URL=")
		return text.String(), nil
	}
	line("# The account: here the simulator's (`dialer simulate`). For one at Vonage remove")
	line("# VONAGE_API_URL, and put in the application's id and key, and the account's")
	line("# signature secret: docs/account.md says where they are.")
	line("VONAGE_API_URL=http://127.0.0.1:8090/v1")
	line("VONAGE_APPLICATION_ID=%s", uuid.NewString())
	line("VONAGE_PRIVATE_KEY=%s", simulatorKey)
	line("VONAGE_SIGNATURE_SECRET=%s", rand.Text()+rand.Text())
	line("")
	line("# Where Vonage reaches this machine. The simulator needs none.")
	line("#DIALER_PUBLIC_URL=https://dialer.example.com")
	return text.String(), nil
}

// next is the command to type next.
func (c *initCommand) next() string {
	makes := ""
	if c.Data == "" {
		makes = "\n  dialer migrate up --create-database"
	}
	return fmt.Sprintf(`Next, on the simulator, in one terminal:%s
  dialer simulate &
  dialer run &
  dialer doctor --wait 1m
  enqueue --name first --from 442079460000 --default-country GB --say 'Hello {{name}}.' --follow people.csv
For an account at Vonage put its values into %s first: docs/account.md.
`, makes, cli.DotEnv)
}

// writeNew writes a file that only its owner may read. It overwrites nothing.
func writeNew(path, text string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteString(text)
	return errors.Join(err, file.Close())
}

// newKeyText makes a private key.
func newKeyText() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("make a key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}
