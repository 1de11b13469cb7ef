package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// judge takes the place of a test's package in the marker of a behaviour.
const judge = "chaos"

// runs are the short runs of test/chaos, by name: one in which nothing breaks, the
// same with messages that nobody is asked to answer, one in which operators act on a
// full queue, some in which they edit one setting of the campaign, one in which they
// enqueue changed files, one in which Vonage refuses now and then, and one in which no
// webhook arrives and POSTs go wrong. An edit that closes or limits is taken back some
// ten seconds later, and the next one follows; the judge sees what is called meanwhile.
var runs = map[string][]string{
	"Calm":       {"--faults", "none", "--events-lost", "0", "--acts", "0", "--contacts", "80"},
	"Plain":      {"--faults", "none", "--events-lost", "0", "--acts", "0", "--contacts", "60", "--message", "plain"},
	"Operated":   {"--faults", "none", "--events-lost", "0", "--acts", "60", "--gap", "400ms", "--contacts", "160", "--calls-per-second", "6", "--queue-ahead", "20s"},
	"Suppressed": {"--faults", "none", "--events-lost", "0", "--acts", "30", "--act", "suppress", "--gap", "400ms", "--contacts", "160", "--calls-per-second", "6", "--queue-ahead", "20s"},
	"Stopped":    {"--faults", "none", "--events-lost", "0", "--acts", "8", "--act", "enqueue and stop", "--gap", "2s", "--contacts", "60", "--calls-per-second", "6", "--queue-ahead", "20s"},
	"Text":       edited("text", 3),
	"Hours":      edited("hours", 2),
	"AtOnce":     edited("at_once", 2),
	"PerSecond":  edited("per_second", 2),
	"Budget":     edited("budget", 3),
	"Rows":       {"--faults", "none", "--events-lost", "0", "--acts", "30", "--act", "enqueue an edited file", "--gap", "400ms", "--contacts", "60", "--calls-per-second", "6"},
	"Refused":    {"--faults", "some", "--events-lost", "0", "--acts", "0", "--contacts", "120"},
	"Unheard":    {"--faults", "heavy", "--events-lost", "1", "--acts", "0", "--contacts", "120"},
}

// edited is a run with this many edits of one setting.
func edited(setting string, times int) []string {
	return []string{
		"--faults", "none", "--events-lost", "0", "--acts", strconv.Itoa(times), "--act", "edit", "--edit", setting, "--gap", "3s",
		"--contacts", "120", "--calls-per-second", "12", "--queue-ahead", "5s",
	}
}

// everyRun has the options of every run: no process dies, the telephones are often busy,
// and the run ends when something is found.
var everyRun = []string{
	"--kills", "0", "--pauses", "0", "--redis-losses", "0", "--postgres-crashes", "0", "--cuts", "0", "--processes", "1",
	"--wording", "usual", "--outcomes", "busy", "--seed", "7", "--deadline", "45s", "--until-broken",
}

// chaos runs test/chaos with dialers that lack a guard.
type chaos struct {
	root, scratch string
	program       string
}

// unchanged makes each named run once, with the unchanged program. The judge must find
// nothing then.
func (c *chaos) unchanged(ctx context.Context, guards []guard) error {
	made := map[string]bool{}
	for _, g := range guards {
		if !g.behaviour() || made[g.test] {
			continue
		}
		made[g.test] = true
		if err := c.build(ctx); err != nil {
			return err
		}
		out, passed, err := c.run(ctx, g.test, guard{})
		if err != nil {
			return err
		}
		if !passed {
			return fmt.Errorf("%s: the judge finds something in the program as it is:\n%s", g.test, out)
		}
	}
	return nil
}

// build builds the judge, from the program as it is.
func (c *chaos) build(ctx context.Context) error {
	if c.program != "" {
		return nil
	}
	c.program = filepath.Join(c.scratch, "judge")
	return c.goBuild(ctx, c.program, "./test/chaos")
}

func (c *chaos) goBuild(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o"}, args...)...)
	cmd.Dir = c.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w: %s", args, err, out)
	}
	return nil
}

// run makes one run with dialers that lack the guard.
func (c *chaos) run(ctx context.Context, name string, g guard) (out string, passed bool, err error) {
	folder := filepath.Join(c.scratch, "programs")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", false, err
	}
	build := []string{folder + "/", "./cmd/dialer", "./cmd/enqueue"}
	if len(g.places) > 0 {
		overlay, err := writeOverlay(c.root, c.scratch, g)
		if err != nil {
			return "", false, err
		}
		build = []string{folder + "/", "-overlay", overlay, "./cmd/dialer", "./cmd/enqueue"}
	}
	if err := c.goBuild(ctx, build...); err != nil {
		return "", false, err
	}
	args := append(append([]string{"--dialer", filepath.Join(folder, "dialer"), "--enqueue", filepath.Join(folder, "enqueue")}, everyRun...), runs[name]...)
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+c.scratch)
	text, err := cmd.CombinedOutput()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended || ctx.Err() != nil {
		return "", false, errors.Join(err, ctx.Err())
	}
	return string(text), err == nil, nil
}

// finding matches a line with a finding of the judge.
var finding = regexp.MustCompile(`(?m)^BROKEN: +(I\d+): (.*)$`)

// try makes the run without the guard, and returns what the judge found first. It
// is an error if it found nothing.
func (c *chaos) try(ctx context.Context, g guard) (found string, err error) {
	if err := c.build(ctx); err != nil {
		return "", err
	}
	out, passed, err := c.run(ctx, g.test, g)
	if err != nil {
		return "", err
	}
	all := finding.FindAllStringSubmatch(out, -1)
	if passed || len(all) == 0 {
		return "", fmt.Errorf("%s: taken away in %s, and the judge finds nothing in %s:\n%s", g.sentence, g.files(), g.test, out)
	}
	return fmt.Sprintf(": %s, %s", all[0][1], ids.ReplaceAllString(strings.TrimSpace(all[0][2]), "…")), nil
}

// ids are the uuids in a finding, which differ from run to run.
var ids = regexp.MustCompile(`[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}`)
