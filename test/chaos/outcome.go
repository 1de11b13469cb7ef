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
	"dialer/storage"
	"dialer/voice/voicesim"
)

// outcome is what a run showed.
type outcome struct {
	options
	took      time.Duration
	injected  map[string]int
	marks     []mark // of the failpoints
	cuts      map[string]int
	fates     fates
	provider  voicesim.Summary
	carried   int // webhooks
	lost      int
	campaigns int
	people    int
	attempts  map[campaign.State]int
	reasons   map[campaign.Reason]int
	alarms    map[string]int
	verified  string   // what `dialer verify` said
	broken    []string // what is wrong
}

func (o outcome) sound() bool { return len(o.broken) == 0 }

// mostAlarms is how many alarms are counted.
const mostAlarms = 100_000

// judge asks `dialer verify`, as anybody would, and gathers the rest.
func (s *storm) judge(ctx context.Context, ended error) (outcome, error) {
	o := outcome{
		options: s.options, injected: s.done(), cuts: s.cutter.done(), fates: s.fleet.fates(),
		provider: s.world.provider.sim.Summary(), campaigns: len(s.ids), people: s.people,
		attempts: map[campaign.State]int{}, reasons: map[campaign.Reason]int{}, alarms: map[string]int{},
	}
	o.carried, o.lost = s.mail.counts()
	o.broken = o.fates.broken
	if s.plan != nil {
		marks, broken := s.plan.outcome()
		o.marks, o.broken = marks, append(o.broken, broken...)
	}
	if ended != nil {
		o.broken = append(o.broken, ended.Error())
	}
	if err := o.read(ctx, s.db); err != nil {
		return o, err
	}
	verify := exec.CommandContext(ctx, s.program, "verify", "--ledger", s.world.provider.url)
	verify.Env = []string{"DATABASE_URL=" + s.postgres.server.URL}
	said, err := verify.CombinedOutput()
	o.verified = string(bytes.TrimSpace(said))
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		o.broken = append(o.broken, "dialer verify: "+exit.Error())
	} else if err != nil {
		return o, fmt.Errorf("run dialer verify: %w", err)
	}
	return o, nil
}

// read sums up the books.
func (o *outcome) read(ctx context.Context, db *storage.DB) error {
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
	alarms, err := db.Alarms(ctx, storage.AlarmQuery{Resolved: true, Limit: mostAlarms})
	if err != nil {
		return err
	}
	for _, a := range alarms {
		o.alarms[string(a.Kind)] += a.Times
	}
	if n := sum(o.reasons); len(o.broken) == 0 && n != o.people {
		o.broken = append(o.broken, fmt.Sprintf("of %d people, %d have ended", o.people, n))
	}
	return nil
}

func (o outcome) print(out io.Writer) {
	p := func(label, format string, args ...any) {
		fmt.Fprintf(out, "%-9s %s\n", label, fmt.Sprintf(format, args...))
	}
	if o.Matrix > 0 {
		o.printMatrix(out)
	} else {
		p("injected:", "%s", list(o.injected))
		p("", "killed dialers had served %v in the median; ended by themselves: %s", o.fates.median.Round(time.Millisecond), list(o.fates.exits))
		p("", "commits whose reply was cut: %s", list(o.cuts))
	}
	c := o.provider
	ofPOSTs := pick(c.Faults, ofPOSTs)
	p("provider:", "%d POSTs, %d calls; a fault on %d POSTs (%.1f %%): %s", c.Creates, c.Placed, sum(ofPOSTs), percent(sum(ofPOSTs), c.Creates), list(ofPOSTs))
	p("", "webhooks: %d carried, %d lost on the way, %d not taken; expired tokens refused: %d", o.carried, o.lost, c.EventsFailed, c.ExpiredTokens)
	p("", "POSTs in any one second: %d at most, the limit is %v; refused by status: %s", c.MaxCreatesPerSecond, o.CallsPerSecond, list(c.Refused))
	p("people:", "%d in %d campaigns, done: %s", o.people, o.campaigns, list(o.reasons))
	p("", "attempts: %s; alarms: %s", list(o.attempts), list(o.alarms))
	p("verify:", "%s", strings.TrimPrefix(o.verified, "verify: "))
	for _, b := range o.broken {
		p("BROKEN:", "%s", b)
	}
	verdict := "every promise holds"
	if !o.sound() {
		verdict = "NOT every promise holds"
	}
	p("chaos:", "seed %d, %v: %s", o.Seed, o.took.Round(100*time.Millisecond), verdict)
}

// bottomLine is what `dialer verify` says of all calls together.
var bottomLine = regexp.MustCompile(`(\d+) rung twice, (\d+) never rung, price difference ([0-9.]+)`)

// printMatrix is the table of the failpoints. What happened to people is said
// of all kills together: they were in one world.
func (o outcome) printMatrix(out io.Writer) {
	const row = "%-9s %-20s %5v  %14v  %5v  %5v  %10v  %s\n"
	fmt.Fprintf(out, row, "matrix:", "failpoint", "armed", "hit and killed", "twice", "never", "difference", "")
	armed, killed := 0, 0
	for _, m := range o.marks {
		fmt.Fprintf(out, row, "", m.Name, m.Armed, m.Killed, "", "", "", m.When)
		armed, killed = armed+m.Armed, killed+m.Killed
	}
	sums := bottomLine.FindStringSubmatch(o.verified)
	if sums == nil {
		sums = []string{"", "?", "?", "?"}
	}
	fmt.Fprintf(out, row, "", fmt.Sprintf("%d points", len(o.marks)), armed, killed, sums[1], sums[2], sums[3], "")
}

// list is the counts, most first.
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

// keepEvidence leaves, beside the logs, Vonage's ledger, and Postgres's
// folder, on which a server of the same version can be started.
func (w *world) keepEvidence() error {
	if w.provider == nil || w.postgres == nil {
		return nil
	}
	w.fleet.stop()
	ledger, err := os.Create(filepath.Join(w.dir, "ledger.ndjson"))
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	err = errors.Join(writeLedger(ledger, w.provider.sim.Ledger()), ledger.Close(), w.postgres.server.Crash(),
		os.CopyFS(filepath.Join(w.dir, "postgres"), os.DirFS(filepath.Join(w.postgres.server.Dir, "data"))))
	if err != nil {
		return fmt.Errorf("keep the evidence: %w", err)
	}
	return nil
}
