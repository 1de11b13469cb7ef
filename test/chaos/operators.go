package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dialer/campaign"
	"dialer/internal/verify"
	"dialer/test/fleet"
)

// The acts of operators, with the same commands as people. Each has a weight, like a
// fault.
const (
	actPause      = "pause and resume"
	actStop       = "enqueue and stop"
	actSuppress   = "suppress"
	actUntil      = "suppress for a while"
	actUnsuppress = "unsuppress"
	actAgain      = "enqueue the same file"
	actEdited     = "enqueue an edited file"
	actCall       = "call by hand"
	actHangUp     = "hang up"
)

var acts = []struct {
	name   string
	weight int
	do     func(*operators, context.Context, *rand.Rand) error
}{
	{actPause, 200, (*operators).pause}, {actStop, 100, (*operators).stop},
	{actSuppress, 400, (*operators).suppress}, {actUntil, 300, (*operators).suppressUntil}, {actUnsuppress, 200, (*operators).unsuppress},
	{actAgain, 150, (*operators).enqueueAgain}, {actEdited, 150, (*operators).enqueueEdited},
	{actCall, 250, (*operators).call}, {actHangUp, 250, (*operators).hangUp}, {actEdit, 100, (*operators).edit},
}

func actNames() (names []string) {
	for _, a := range acts {
		names = append(names, a.name)
	}
	return names
}

// operators act on the campaigns of a run, at random moments, and remember what
// they ordered.
type operators struct {
	*chaosRun
	hands     chan struct{} // has room for as many commands as may run at once
	newcomers atomic.Int64
	notices   atomic.Int64 // that edited messages give
	logging   sync.Mutex
	// If two people change the same thing at once, the judge cannot know the result. So
	// commands of one kind run one after another.
	pausing, listing, editing sync.Mutex
}

// mostHands bounds the commands that run at once: each is a process.
const mostHands = 3

func newOperators(r *chaosRun) *operators {
	return &operators{chaosRun: r, hands: make(chan struct{}, mostHands)}
}

// act does one of the acts. ok is false if there is no act of this name.
func (p *operators) act(ctx context.Context, name string, r *rand.Rand) (ok bool, err error) {
	for _, a := range acts {
		if a.name == name {
			return true, a.do(p, ctx, r)
		}
	}
	return false, nil
}

// errRefused means that the command ran and refused.
var errRefused = errors.New("refused")

// outage matches the output of a command that did not reach its servers. People type it
// again.
var outage = regexp.MustCompile(`connect|conn closed|nothing listens|starting up|shutting down|unexpected EOF|recovery|terminating|timed? ?out|deadline`)

// command runs one of the programs until it reaches Postgres.
func (p *operators) command(ctx context.Context, program string, args ...string) error {
	_, err := p.answer(ctx, program, args...)
	return err
}

// answer is like command, and returns its last output.
func (p *operators) answer(ctx context.Context, program string, args ...string) (out string, err error) {
	for {
		out, err := p.once(ctx, program, args...)
		if err == nil || ctx.Err() != nil {
			return out, errors.Join(err, ctx.Err())
		}
		if !outage.MatchString(out) {
			return out, fmt.Errorf("%w: %s", errRefused, strings.TrimSpace(out))
		}
		if err := fleet.Sleep(ctx, 300*time.Millisecond); err != nil {
			return out, err
		}
	}
}

// once runs one of the programs once.
func (p *operators) once(ctx context.Context, program string, args ...string) (out string, err error) {
	select {
	case p.hands <- struct{}{}:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	defer func() { <-p.hands }()
	cmd := exec.CommandContext(ctx, p.programs[program], args...)
	cmd.Env = p.account.Environment(p.postgres.server.URL, p.redis.server.URL, p.testbed.provider, "127.0.0.1:0",
		"DIALER_SETTLE_AFTER="+settleAfter.String())
	p.group.Join(cmd)
	text, err := cmd.CombinedOutput()
	return string(text), errors.Join(err, p.log(program, args, text, err))
}

// log keeps the output of each command.
func (p *operators) log(program string, args []string, text []byte, result error) error {
	p.logging.Lock()
	defer p.logging.Unlock()
	log, err := os.OpenFile(filepath.Join(p.dir, "operators.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(log, "%s %s %q: %v\n%s\n", time.Now().UTC().Format("15:04:05.000"), program, args, result, bytes.TrimSpace(text))
	return errors.Join(err, log.Close())
}

// latest is the campaign that is being called now.
func (p *operators) latest() string { return campaignName(p.begun()) }

// someone is the number of one of the contacts of the campaign that is called now.
func (p *operators) someone(r *rand.Rand) string {
	return fleet.Number(r.IntN(min(p.Contacts, moreContacts)))
}

// newcomer is the index of a number that nobody has used yet.
func (p *operators) newcomer() int { return fleet.FictionalNumbers - int(p.newcomers.Add(1)) }

// pause pauses the campaign for a while.
func (p *operators) pause(ctx context.Context, r *rand.Rand) error {
	p.pausing.Lock()
	defer p.pausing.Unlock()
	name := p.latest()
	if err := p.command(ctx, "dialer", "campaign", "pause", name); err != nil {
		return ignoreRefused(err) // it may be over
	}
	p.orders.closed(name, time.Now())
	if err := fleet.Sleep(ctx, between(r, 500*time.Millisecond, 4*time.Second)); err != nil {
		return err
	}
	p.orders.reopened(name, time.Now())
	return ignoreRefused(p.command(ctx, "dialer", "campaign", "resume", name))
}

func ignoreRefused(err error) error {
	if errors.Is(err, errRefused) {
		return nil
	}
	return err
}

const stopContacts = 20

// stop enqueues a small campaign of numbers that others call too, and stops it
// while it is called.
func (p *operators) stop(ctx context.Context, r *rand.Rand) error {
	name := fmt.Sprintf("stopped %d", p.newcomer())
	var rows, numbers []string
	for range stopContacts {
		i := r.IntN(min(p.Contacts, moreContacts))
		if !slices.Contains(numbers, fleet.Number(i)) {
			rows, numbers = append(rows, fleet.Row(i, "Person")), append(numbers, fleet.Number(i))
		}
	}
	p.orders.begun(name, settings(), numbers)
	p.orders.stopping(name)
	if err := p.enqueue(ctx, name, "to,name\n"+strings.Join(rows, ""), settings()); err != nil {
		return err
	}
	p.follow(name)
	if err := fleet.Sleep(ctx, between(r, 0, 3*time.Second)); err != nil {
		return err
	}
	err := p.command(ctx, "dialer", "campaign", "stop", name)
	if err == nil {
		p.orders.closed(name, time.Now())
	}
	return ignoreRefused(err) // it may be over
}

// enqueue writes a file and enqueues it.
func (p *operators) enqueue(ctx context.Context, name, csv string, s campaign.Settings, more ...string) error {
	_, err := p.enqueued(ctx, name, csv, s, more...)
	return err
}

// enqueued is like enqueue, and returns its output.
func (p *operators) enqueued(ctx context.Context, name, csv string, s campaign.Settings, more ...string) (out string, err error) {
	flags := append(enqueueFlags(name, s), more...)
	file := filepath.Join(p.dir, strings.ReplaceAll(name, " ", "-")+".csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		return "", err
	}
	return p.answer(ctx, "enqueue", append(append(flags, "--"), file)...)
}

// enqueueAgain enqueues a campaign's first file once more: nothing may be added.
func (p *operators) enqueueAgain(ctx context.Context, _ *rand.Rand) error {
	p.editing.Lock()
	defer p.editing.Unlock()
	name, n := p.latest(), p.contactsOf(p.latest())
	if n == 0 {
		return nil
	}
	return ignoreRefused(p.enqueue(ctx, name, fleet.CSV(n, 0), p.orders.settingsOf(name)))
}

// enqueueEdited enqueues a file with a new row, and an existing row with another name
// and, half of the time, an earliest time for the call.
func (p *operators) enqueueEdited(ctx context.Context, r *rand.Rand) error {
	p.editing.Lock()
	defer p.editing.Unlock()
	name, i := p.latest(), p.newcomer()
	if p.contactsOf(name) == 0 {
		return nil
	}
	old := r.IntN(p.contactsOf(name))
	renamed, late := fleet.Row(old, fmt.Sprintf("Renamed %d to", p.notices.Add(1))), fleet.Row(i, "Late")
	row := verify.Row{Says: greeting(renamed)}
	csv := "to,name\n" + renamed + late
	if r.IntN(2) == 0 {
		row.CallAt = time.Now().Add(between(r, 8*time.Second, 16*time.Second)).Truncate(time.Second)
		csv = "to,name,call_at\n" + strings.TrimSpace(renamed) + "," + row.CallAt.UTC().Format(time.RFC3339) + "\n" + strings.TrimSpace(late) + ",\n"
	}
	var flags []string
	if p.updates {
		flags = []string{"--update"}
	}
	row.From = time.Now()
	p.orders.row(name, fleet.Number(old), row)
	out, err := p.enqueued(ctx, name, csv, p.orders.settingsOf(name), flags...)
	if errors.Is(err, errRefused) {
		p.orders.added(name, "") // a part of the file may be there
		return nil
	}
	if err == nil {
		if again := strings.Contains(out, "1 already there"); !again { // of which row an earlier try came to is not said
			p.orders.rowDone(name, fleet.Number(old), tookRow.MatchString(out), time.Now())
		}
		p.orders.row(name, fleet.Number(i), verify.Row{Says: greeting(late)})
		p.orders.added(name, fleet.Number(i))
	}
	return err
}

// tookRow matches the output of enqueue for a file whose row changed a person, now or
// when the command was typed before. A person who is being called is not changed.
var tookRow = regexp.MustCompile(`\b(1 updated|2 already there)\b`)

// contactsOf is how many contacts a campaign began with; 0: its import is not
// done.
func (p *operators) contactsOf(name string) int {
	switch {
	case p.begun() == 0:
		return 0
	case name == campaignName(1):
		return p.Contacts
	}
	return min(p.Contacts, moreContacts)
}

// enqueueAsleep begins the campaign that must call nobody.
func (p *operators) enqueueAsleep(ctx context.Context) error {
	s := asleepSettings(time.Now())
	csv, numbers := asleepFile()
	p.orders.begun(asleep, s, numbers)
	p.orders.stopping(asleep)
	p.orders.change(asleep, func(r *verify.Rule) { r.Zones = func(string) []string { return []string{asleepZone} } })
	return p.enqueue(ctx, asleep, csv, s)
}

// stopAsleep stops that campaign after everything else is done.
func (p *operators) stopAsleep(ctx context.Context) error {
	if err := p.command(ctx, "dialer", "campaign", "stop", asleep); ignoreRefused(err) != nil {
		return err
	}
	p.orders.closed(asleep, time.Now())
	p.follow(asleep)
	return nil
}

func (p *operators) suppress(ctx context.Context, r *rand.Rand) error {
	p.listing.Lock()
	defer p.listing.Unlock()
	number := p.someone(r)
	err := p.command(ctx, "dialer", "suppress", "add", number)
	if err == nil {
		p.orders.suppress(number, time.Now(), time.Time{})
	}
	return err
}

// suppressUntil suppresses a number for some seconds. A number that is suppressed
// for ever stays so.
func (p *operators) suppressUntil(ctx context.Context, r *rand.Rand) error {
	p.listing.Lock()
	defer p.listing.Unlock()
	number := p.someone(r)
	if forever := p.orders.forever(); len(forever) > 0 && r.IntN(2) == 0 {
		number = forever[r.IntN(len(forever))]
	}
	until := time.Now().Add(between(r, 3*time.Second, 12*time.Second)).Truncate(time.Second)
	err := p.command(ctx, "dialer", "suppress", "add", "--until", until.UTC().Format(time.RFC3339), number)
	if err == nil {
		p.orders.suppress(number, time.Now(), until)
	}
	return ignoreRefused(err) // it was long until the command ran, or the number has a longer one
}

func (p *operators) unsuppress(ctx context.Context, r *rand.Rand) error {
	p.listing.Lock()
	defer p.listing.Unlock()
	forever := p.orders.forever()
	if len(forever) == 0 {
		return nil
	}
	number := forever[r.IntN(len(forever))]
	p.orders.unsuppress(number, time.Now())
	return ignoreRefused(p.command(ctx, "dialer", "suppress", "remove", number))
}

// call makes one call by hand, half of the time to somebody whom a campaign
// calls too, and half of the time with events at an address that names no attempt. The
// command is never repeated, because its result may not be known.
func (p *operators) call(ctx context.Context, r *rand.Rand) error {
	number := p.someone(r)
	if r.IntN(2) == 0 {
		number = fleet.Number(p.newcomer())
	}
	args := []string{"call", "create", "--to", number, "--from", settings().From[0], "--say", "Please call us back.", "--calls-per-second", fmt.Sprint(p.CallsPerSecond)}
	if r.IntN(2) == 0 {
		args = append(args, "--event-url", p.events)
	}
	_, _ = p.once(ctx, "dialer", args...) // the ledger says whether there was a call
	return ctx.Err()
}

// hangUp ends one of the calls that are up, if there is one.
func (p *operators) hangUp(ctx context.Context, r *rand.Rand) error {
	up := p.webhooks.latestCalls()
	if len(up) == 0 {
		return nil
	}
	_, _ = p.once(ctx, "dialer", "call", "hangup", up[r.IntN(len(up))]) // it may have ended
	return ctx.Err()
}

// supportsUpdate reports whether enqueue can change contacts.
func supportsUpdate(ctx context.Context, program string) bool {
	out, _ := exec.CommandContext(ctx, program, "--help").CombinedOutput() // an older program is not asked to update
	return strings.Contains(string(out), "--update")
}
