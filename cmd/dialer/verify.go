package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dialer/internal/cli"
	verification "dialer/internal/verify"
	"dialer/storage"
	"dialer/voice/voicesim"
)

type verifyCommand struct {
	databaseFlags
	Ledger string `placeholder:"URL" help:"The simulator's address: also compare our records with its ledger."`
}

func (c *verifyCommand) Help() string {
	return `Exits 0 if every promise holds, and 1 if one is broken. What is broken is listed as BROKEN: records that contradict each other, or the ledger. What is listed as PENDING may still come: the end of a call, a webhook, a price, the proof that there was no call. It breaks nothing. docs/internals/reliability.md names the invariants.`
}

func (c *verifyCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return verify(ctx, db, con, strings.TrimRight(c.Ledger, "/"))
}

// verify prints what was checked, what is broken and what is still pending. Without a
// ledger it checks Postgres only.
func verify(ctx context.Context, db *storage.DB, con console, ledgerURL string) error {
	violations, err := db.CheckInvariants(ctx)
	if err != nil {
		return err
	}
	for _, v := range violations {
		con.Linef("BROKEN %s: %d %s, for example %s\n", v.Invariant, v.Count, v.What, strings.Join(v.Examples, ", "))
	}
	sound := len(violations) == 0
	if ledgerURL == "" {
		con.Linef("verify: the database by itself: %s\n", verdict(sound, 0))
	} else {
		result, err := compareWithLedger(ctx, db, ledgerURL)
		if err != nil {
			return err
		}
		for _, f := range result.Broken {
			con.Linef("BROKEN %s: %s\n", f.Invariant, f.What)
		}
		for _, f := range result.Pending {
			con.Linef("PENDING %s: %s\n", f.Invariant, f.What)
		}
		sound = sound && result.Sound()
		con.Linef("verify: %d calls at Vonage, %d attempts here%s, %d called twice, %d never called, price difference %s: %s\n",
			result.Calls, result.Attempts, manualCalls(result.Manual), result.CalledTwice, result.NeverCalled, result.PriceDifference.StringFixed(8),
			verdict(sound, len(result.Pending)))
	}
	if !sound {
		return cli.ErrFailed
	}
	return nil
}

func manualCalls(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d of them manual", n)
}

func verdict(sound bool, pending int) string {
	switch {
	case !sound:
		return "promises are BROKEN"
	case pending > 0:
		return fmt.Sprintf("every promise holds so far, %d things are still to come", pending)
	}
	return "every promise holds"
}

const ledgerTimeout = time.Minute

func compareWithLedger(ctx context.Context, db *storage.DB, url string) (verification.Result, error) {
	records, err := db.Records(ctx)
	if err != nil {
		return verification.Result{}, err
	}
	client := &http.Client{Timeout: ledgerTimeout}
	calls, summary, err := voicesim.FetchLedger(ctx, client, url)
	if err != nil {
		return verification.Result{}, fmt.Errorf("--ledger: %w", err)
	}
	return verification.Compare(verification.LedgerOf(calls, nil, summary), records, verification.StoredOrders(records)), nil
}
