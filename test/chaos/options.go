package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"dialer/internal/failpoint"
	"dialer/test/fleet"
)

// options are the command line. A count below 0 was not given.
type options struct {
	Duration        time.Duration `default:"1m" help:"How long to inject faults, where --kills is not given (default: ${default})."`
	Kills           int           `default:"-1" placeholder:"N" help:"Inject exactly this many kill -9, and of each other fault its usual share, or what these say:"`
	Pauses          int           `default:"-1" placeholder:"N" help:"SIGSTOP for 1 to 7 s, then SIGCONT."`
	RedisLosses     int           `name:"redis-losses" default:"-1" placeholder:"N" help:"Redis flushed, killed and empty, or back from an old snapshot."`
	PostgresCrashes int           `name:"postgres-crashes" default:"-1" placeholder:"N" help:"Immediate stop of Postgres, then start."`
	Cuts            int           `default:"-1" placeholder:"N" help:"Connections to Postgres cut after COMMIT was forwarded and before its reply."`
	Acts            int           `default:"-1" placeholder:"N" help:"What operators do by commands: pause, stop, suppress, enqueue again, call by hand, hang up."`
	Act             string        `placeholder:"NAME" help:"Operators do only this, by its name in the printed result, such as edit."`
	Edit            string        `placeholder:"NAME" help:"They edit only this: text, again, hours, at_once, per_second or budget."`
	Gap             time.Duration `default:"500ms" help:"The mean time between two injections; each is from a quarter to seven quarters of it (default: ${default})."`

	Matrix int      `placeholder:"TIMES" help:"Build the programs with failpoints and have a process die this often at each one, instead of all faults above."`
	Only   []string `placeholder:"POINT,..." help:"Only these failpoints."`

	Seed           uint64  `help:"Decides what is injected and when, which calls are answered and what Vonage does wrong (default: drawn, and printed)."`
	Contacts       int     `default:"2000" help:"Contacts in the campaign. If it is nearly over before all faults are injected, another one of up to 2,000 starts (default: ${default})."`
	Processes      int     `default:"2" help:"Dialers that run at once (default: ${default})."`
	CallsPerSecond float64 `name:"calls-per-second" default:"100" help:"The account's limit (default: ${default})."`
	Faults         string  `enum:"none,some,heavy" default:"heavy" placeholder:"none|some|heavy" help:"How badly Vonage behaves; heavy is a fault on a quarter of the POSTs (default: ${default})."`
	Outcomes       string  `enum:"mixed,busy" default:"mixed" placeholder:"mixed|busy" help:"How calls end: as in life, or two of three so that they are repeated or must not be (default: ${default})."`
	Message        string  `enum:"mixed,plain" default:"mixed" placeholder:"mixed|plain" help:"What the campaigns say: a message alone, or every second one also listens to keys and has a text for machines."`
	Wording        string  `enum:"usual,other" default:"usual" placeholder:"usual|other" help:"How Vonage writes numbers, directions, uuids and parties; with other, a part of them in other forms, or not at all, and its clock drifts (default: ${default})."`
	PostgresClock  string  `name:"postgres-clock" placeholder:"SHIFT" help:"Another clock for Postgres, as libfaketime writes it: \"+0.3s x1.0003\" is ahead, and gains 0.3 ms a second; none: the machine's (default: with --wording other \"+0.2s x1.0001\", if libfaketime is installed)."`
	EventsLost     string  `name:"events-lost" enum:"phases,0,0.5,1" default:"phases" placeholder:"phases|0|0.5|1" help:"The share of webhooks that never arrive; with phases it changes again and again (default: ${default})."`

	QueueAhead  time.Duration `name:"queue-ahead" default:"5s" help:"DIALER_QUEUE_AHEAD of the dialers (default: ${default})."`
	Workers     int           `default:"24" help:"DIALER_WORKERS of the dialers: what a kill takes with it (default: ${default})."`
	Deadline    time.Duration `default:"3m" help:"How long, after the last injection, nothing may change before the run counts as broken (default: ${default})."`
	UntilBroken bool          `name:"until-broken" help:"Judge every two seconds, and end once a promise is broken."`
	Dialer      string        `type:"existingfile" placeholder:"PATH" help:"The dialer to run (default: built from this module, as the enqueue that people type is)."`
	Enqueue     string        `type:"existingfile" placeholder:"PATH" help:"The enqueue to run (default: built from this module)."`
	Keep        bool          `help:"Keep the folder of logs even if no promise is broken."`
}

// Help is shown by --help.
func (options) Help() string {
	return `It starts its own servers and processes, whatever DATABASE_URL and REDIS_URL say. They end with it, even after kill -9. The same seed injects the same faults in the same order; when exactly each one hits depends on the machine.`
}

// Validate is called by the parser.
func (o options) Validate() error {
	var errs []error
	check := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New(text))
		}
	}
	check(o.Duration > 0, "--duration must be above 0")
	check(o.Gap >= time.Millisecond, "--gap must be at least 1ms")
	check(o.Contacts > 0 && o.Contacts <= fleet.FictionalNumbers, fmt.Sprintf("--contacts must be from 1 to %d", fleet.FictionalNumbers))
	check(o.Processes > 0, "--processes must be above 0")
	check(o.CallsPerSecond > 0, "--calls-per-second must be above 0")
	check(o.Deadline > 0, "--deadline must be above 0")
	check(o.Matrix >= 0, "--matrix must not be negative")
	check(o.Matrix == 0 || o.Dialer == "", "--matrix builds its own programs, so --dialer cannot be given")
	check(o.Matrix == 0 || o.EventsLost != "1", "--matrix needs webhooks: --events-lost must not be 1")
	check(o.Matrix > 0 || len(o.Only) == 0, "--only needs --matrix")
	for _, name := range o.Only {
		known := slices.ContainsFunc(failpoint.Points, func(p failpoint.Point) bool { return p.Name == name })
		check(known, fmt.Sprintf("--only: %q is no failpoint; failpoint/points.go lists them", name))
	}
	check(o.Act == "" || o.Acts >= 0 && slices.Contains(actNames(), o.Act), fmt.Sprintf("--act needs --acts, and is one of %q", actNames()))
	check(o.Edit == "" || slices.Contains(editNames(), o.Edit), fmt.Sprintf("--edit is one of %q", editNames()))
	check(o.Kills >= 0 || o.Pauses < 0 && o.RedisLosses < 0 && o.PostgresCrashes < 0 && o.Cuts < 0 && o.Acts < 0, "counts need --kills")
	return errors.Join(errs...)
}

func (o options) withDefaults() options {
	if o.Seed == 0 {
		o.Seed = rand.Uint64N(1_000_000) + 1
	}
	if o.Matrix > 0 && o.EventsLost == inPhases {
		o.EventsLost = "0.5" // it never changes, and a run without webhooks would not reach all points
	}
	if o.PostgresClock == "" && o.Wording == "other" {
		if _, err := fakeTime(); err == nil {
			o.PostgresClock = otherClock
		}
	}
	if o.PostgresClock == "none" {
		o.PostgresClock = ""
	}
	return o
}

// counts is how often each fault must happen; nil: time decides.
func (o options) counts() map[string]int {
	if o.Kills < 0 {
		return nil
	}
	counts := map[string]int{}
	for _, f := range injectable() {
		counts[f.name] = share(o.Kills, f.weight, weightOf(kill))
	}
	for name, n := range map[string]int{pause: o.Pauses, postgresCrash: o.PostgresCrashes, commitCut: o.Cuts} {
		if n >= 0 {
			counts[name] = n
		}
	}
	if o.RedisLosses >= 0 {
		for i, name := range redisLosses {
			counts[name] = (o.RedisLosses + len(redisLosses) - 1 - i) / len(redisLosses)
		}
	}
	if o.Act != "" {
		for _, name := range actNames() {
			counts[name] = 0
		}
		counts[o.Act] = max(0, o.Acts)
	} else if o.Acts >= 0 {
		left, weight := o.Acts, weightOf(actNames()...)
		for _, a := range acts {
			n := left * a.weight / weight
			counts[a.name], left, weight = n, left-n, weight-a.weight
		}
	}
	if o.EventsLost != inPhases {
		counts[webhooksLost] = 0
	}
	return counts
}

// share is n times weight / whole, rounded up, so that every fault is injected at least
// once.
func share(n, weight, whole int) int { return (n*weight + whole - 1) / whole }
