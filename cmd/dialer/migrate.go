package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"dialer/storage"
)

type migrateCommand struct {
	Up     migrateUpCommand     `cmd:"" help:"Apply what is missing. Migrations only roll forward."`
	Status migrateStatusCommand `cmd:"" help:"List the migrations and when each was applied."`
}

type migrateUpCommand struct {
	Create bool `name:"create-database" help:"Make the database first, if the server has none of that name."`
	databaseFlags
}

func (c *migrateUpCommand) Run(ctx context.Context, con console) error {
	if c.Create {
		made, err := storage.MakeDatabase(ctx, c.DatabaseURL)
		if err != nil {
			return err
		}
		if made {
			con.Printf("the database was made\n")
		}
	}
	db, err := storage.Open(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	applied, err := db.Migrate(ctx)
	if err != nil {
		return err
	}
	con.Printf("%d migrations applied\n", applied)
	return nil
}

type migrateStatusCommand struct{ databaseFlags }

func (c *migrateStatusCommand) Run(ctx context.Context, con console) error {
	db, err := storage.Open(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := db.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(con.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MIGRATION\tAPPLIED")
	for _, m := range list {
		applied := "pending"
		if !m.AppliedAt.IsZero() {
			applied = m.AppliedAt.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\n", m.Name, applied)
	}
	return table.Flush()
}
