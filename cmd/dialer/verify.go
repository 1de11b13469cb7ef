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

	"github.com/google/uuid"
)

type verifyCommand struct {
	databaseFlags
	Ledger string `placeholder:"URL" help:"The simulator's address: also compare our records with its ledger."`
}

func (c *verifyCommand) Help() string {
	return `Exits 0 if every promise holds. Otherwise it exits 1 and lists what is broken. docs/internals/reliability.md names the invariants. With --ledger it compares prices too; those that were not read yet are listed as missing.`
}

func (c *verifyCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return verify(ctx, db, con, strings.TrimRight(c.Ledger, "/"))
}

// verify prints what was checked and what is broken. Without a ledger it checks
// Postgres only.
func verify(ctx context.Context, db *storage.DB, con console, ledgerURL string) error {
	violations, err := db.CheckInvariants(ctx)
	if err != nil {
		return err
	}
	for _, v := range violations {
		con.Printf("BROKEN %s: %d %s, for example %s\n", v.Invariant, v.Count, v.What, strings.Join(v.Examples, ", "))
	}
	sound := len(violations) == 0
	if ledgerURL == "" {
		con.Printf("verify: the database by itself: %s\n", verdict(sound))
	} else {
		result, err := compareWithLedger(ctx, db, ledgerURL)
		if err != nil {
			return err
		}
		for _, f := range result.Findings {
			con.Printf("BROKEN %s: %s\n", f.Invariant, f.What)
		}
		sound = sound && result.Sound()
		con.Printf("verify: %d calls at Vonage, %d attempts here%s, %d called twice, %d never called, price difference %s: %s\n",
			result.Calls, result.Attempts, manualCalls(result.Manual), result.CalledTwice, result.NeverCalled, result.PriceDifference.StringFixed(8), verdict(sound))
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

func verdict(sound bool) string {
	if sound {
		return "every promise holds"
	}
	return "promises are BROKEN"
}

const ledgerTimeout = time.Minute

func compareWithLedger(ctx context.Context, db *storage.DB, url string) (verification.Result, error) {
	client := &http.Client{Timeout: ledgerTimeout}
	ledger, _, err := voicesim.FetchLedger(ctx, client, url)
	if err != nil {
		return verification.Result{}, fmt.Errorf("--ledger: %w", err)
	}
	policies, err := db.Policies(ctx)
	if err != nil {
		return verification.Result{}, err
	}
	return verification.Compare(ledgerCalls(ledger), verification.Records{
		Attempts: db.Attempts(ctx), Contacts: db.Contacts(ctx), Policies: policies,
	})
}

func ledgerCalls(ledger []voicesim.LedgerCall) []verification.Call {
	calls := make([]verification.Call, len(ledger))
	for i, c := range ledger {
		id, err := uuid.Parse(c.AttemptID)
		if err != nil {
			id = uuid.Nil // not our call
		}
		token, err := uuid.Parse(c.JTI)
		if err != nil {
			token = uuid.Nil // of a leg, or not ours
		}
		calls[i] = verification.Call{
			UUID: c.UUID, AttemptID: id, TokenID: token, To: c.To, PlacedAt: c.PlacedAt, EndedAt: c.EndedAt,
			Answered: c.Answered, Price: c.Price, Priced: c.PriceShown,
		}
	}
	return calls
}
