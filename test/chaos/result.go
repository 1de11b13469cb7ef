package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/verify"
	"dialer/storage"
	"dialer/voice/voicesim"
)

// result is the result of a run.
type result struct {
	options
	took      time.Duration
	injected  map[string]int
	points    []pointState // of a matrix run
	cuts      map[string]int
	processes processStats
	provider  voicesim.Summary
	forwarded int // webhooks
	lost      int
	campaigns int
	contacts  int
	attempts  map[campaign.State]int
	reasons   map[campaign.Reason]int
	alarms    map[string]int
	decisions map[string]int // of a person, about attempts that could not be settled
	verdict   verify.Result
	verified  string   // the output of `dialer verify`
	broken    []string // what is wrong
}

func (o result) sound() bool { return len(o.broken) == 0 }

// maxAlarms bounds how many alarms are read.
const maxAlarms = 100_000

// result runs `dialer verify`, as a person would, and collects the rest.
func (r *chaosRun) result(ctx context.Context, ended error) (result, error) {
	o := result{
		options: r.options, injected: r.injections(), cuts: r.cutter.counts(), processes: r.dialers.stats(),
		provider: r.testbed.provider.Sim.Summary(), campaigns: len(r.campaigns), contacts: r.contacts,
		decisions: r.decider.counts, attempts: map[campaign.State]int{}, reasons: map[campaign.Reason]int{}, alarms: map[string]int{},
	}
	o.forwarded, o.lost = r.webhooks.counts()
	o.broken = o.processes.broken
	if r.plan != nil {
		points, broken := r.plan.result()
		o.points, o.broken = points, append(o.broken, broken...)
	}
	if ended != nil {
		o.broken = append(o.broken, ended.Error())
	}
	if err := o.readDatabase(ctx, r.db); err != nil {
		return o, err
	}
	if err := r.judge(ctx); err != nil {
		return o, err
	}
	o.verdict = r.verdict
	for _, f := range r.verdict.Broken {
		o.broken = append(o.broken, f.Invariant+": "+f.What)
	}
	for _, f := range r.verdict.Pending {
		o.broken = append(o.broken, "still to come: "+f.Invariant+": "+f.What)
	}
	check := exec.CommandContext(ctx, r.programs["dialer"], "verify", "--ledger", r.testbed.provider.URL)
	check.Env = []string{"DATABASE_URL=" + r.postgres.server.URL}
	output, err := check.CombinedOutput()
	o.verified = string(bytes.TrimSpace(output))
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		o.broken = append(o.broken, "dialer verify: "+exit.Error())
	} else if err != nil {
		return o, fmt.Errorf("run dialer verify: %w", err)
	}
	return o, nil
}

func (o *result) readDatabase(ctx context.Context, db *storage.DB) error {
	reports, err := db.Report(ctx)
	if err != nil {
		return err
	}
	for _, r := range reports {
		for state, n := range r.Attempts {
			o.attempts[state] += n
		}
		for reason, n := range r.Reasons {
			o.reasons[reason] += n
		}
	}
	alarms, err := db.Alarms(ctx, app.AlarmQuery{Resolved: true, Limit: maxAlarms})
	if err != nil {
		return err
	}
	for _, a := range alarms {
		o.alarms[string(a.Kind)] += a.Times
	}
	if n := sum(o.reasons); len(o.broken) == 0 && n < o.contacts {
		o.broken = append(o.broken, fmt.Sprintf("of %d contacts, %d have ended", o.contacts, n))
	}
	return nil
}

func (o result) print(out io.Writer) {
	p := func(label, format string, args ...any) {
		fmt.Fprintf(out, "%-9s %s\n", label, fmt.Sprintf(format, args...))
	}
	if o.Matrix > 0 {
		o.printMatrix(out)
	} else {
		p("injected:", "%s", list(pick(o.injected, faultNames())))
		p("", "operators: %d acts: %s", sum(pick(o.injected, actNames())), list(pick(o.injected, actNames())))
		p("", "decided about attempts that could not be settled: %s", list(o.decisions))
		p("", "killed dialers had served %v (median); ended by themselves: %s", o.processes.medianUptime.Round(time.Millisecond), list(o.processes.exits))
		p("", "commits without a reply: %s", list(o.cuts))
	}
	c := o.provider
	posts := pick(c.Faults, postFaults)
	p("provider:", "%d POSTs, %d calls, %d legs; a fault on %d POSTs (%.1f %%): %s", c.Creates, c.Placed, c.Legs, sum(posts), percent(sum(posts), c.Creates), list(posts))
	p("", "wording: %d faults: %s", sum(pick(c.Faults, wordingFaults)), list(pick(c.Faults, wordingFaults)))
	p("", "webhooks: %d forwarded, %d lost on the way, %d not accepted; expired tokens refused: %d", o.forwarded, o.lost, c.EventsFailed-o.lost, c.ExpiredTokens)
	p("", "POSTs in any one second: %d at most, the limit is %v; refused by status: %s", c.MaxCreatesPerSecond, o.CallsPerSecond, list(c.Refused))
	p("contacts:", "%d in %d campaigns, done: %s", o.contacts, o.campaigns, list(o.reasons))
	p("", "calls: %s", list(o.verdict.Said))
	p("", "attempts: %s; alarms: %s", list(o.attempts), list(o.alarms))
	p("verify:", "%s", strings.TrimPrefix(o.verified, "verify: "))
	p("judge:", "%d fields compared, %d findings: %d called twice, %d never called, price difference %s", o.verdict.Compared,
		len(o.verdict.Broken)+len(o.verdict.Pending), o.verdict.CalledTwice, o.verdict.NeverCalled, o.verdict.PriceDifference.StringFixed(8))
	for _, b := range fewOfEach(o.broken) {
		p("BROKEN:", "%s", b)
	}
	verdict := "every promise holds"
	if !o.sound() {
		verdict = "NOT every promise holds"
	}
	p("chaos:", "seed %d, %v: %s", o.Seed, o.took.Round(100*time.Millisecond), verdict)
}

// mostPrinted bounds the findings of each kind that are printed.
const mostPrinted = 8

// fewOfEach are the first findings of each invariant, and of those without one.
func fewOfEach(broken []string) (few []string) {
	printed := map[string]int{}
	for _, b := range broken {
		kind, _, _ := strings.Cut(b, ":")
		if printed[kind]++; printed[kind] <= mostPrinted {
			few = append(few, b)
		}
	}
	return few
}

// bottomLine matches the summary of `dialer verify`.
var bottomLine = regexp.MustCompile(`(\d+) called twice, (\d+) never called, price difference ([0-9.]+)`)

// printMatrix prints the table of the failpoints. The findings of verify are about all
// kills together, because they had one database.
func (o result) printMatrix(out io.Writer) {
	const row = "%-9s %-20s %6v  %14v  %5v  %5v  %10v  %s\n"
	fmt.Fprintf(out, row, "matrix:", "failpoint", "target", "hit and killed", "twice", "never", "difference", "")
	given, killed := 0, 0
	for _, s := range o.points {
		fmt.Fprintf(out, row, "", s.Name, s.Given, s.Killed, "", "", "", s.When)
		given, killed = given+s.Given, killed+s.Killed
	}
	sums := bottomLine.FindStringSubmatch(o.verified)
	if sums == nil {
		sums = []string{"", "?", "?", "?"}
	}
	fmt.Fprintf(out, row, "", fmt.Sprintf("%d points", len(o.points)), given, killed, sums[1], sums[2], sums[3], "")
}

// list prints the counts, the highest first.
func list[K ~string | ~int](counts map[K]int) string {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	var parts []string
	for _, k := range keys {
		parts = append(parts, fmt.Sprintf("%v %d", k, counts[k]))
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func pick(counts map[string]int, names []string) map[string]int {
	picked := map[string]int{}
	for _, name := range names {
		if counts[name] > 0 {
			picked[name] = counts[name]
		}
	}
	return picked
}

func sum[K comparable](counts map[K]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(1, whole)) }

func writeLedger(out io.Writer, calls []voicesim.LedgerCall) error {
	lines := json.NewEncoder(out)
	for _, c := range calls {
		if err := lines.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

// keepEvidence adds Vonage's ledger and Postgres's folder to the logs. A server
// of the same version can be started on that folder.
func (b *testbed) keepEvidence() error {
	b.dialers.stop()
	ledger, err := os.Create(filepath.Join(b.dir, "ledger.ndjson"))
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	err = errors.Join(writeLedger(ledger, b.provider.Sim.Ledger()), ledger.Close(), b.postgres.server.Crash(),
		os.CopyFS(filepath.Join(b.dir, "postgres"), os.DirFS(filepath.Join(b.postgres.server.Dir, "data"))))
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	return nil
}
