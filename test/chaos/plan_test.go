package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dialer/internal/failpoint"
	"dialer/internal/testkit/require"
	"dialer/test/fleet"
)

// runScript is the exit of a script that stands for a process.
func runScript(t *testing.T, text string) fleet.Exit {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", text)
	_ = cmd.Run() // the state says more
	return fleet.Exit{State: cmd.ProcessState}
}

// A kill counts only if the process logged the hit and then killed itself.
func TestPlanCountsKills(t *testing.T) {
	t.Parallel()
	const die = "; kill -KILL $$"
	for name, test := range map[string]struct {
		script  string // %[1]s: the file, %[2]s: the failpoint, %[3]d: the hit
		ours    bool   // the runner killed it
		counted bool
	}{
		"logged the hit and died": {`echo $$ %[2]s %[3]d >%[1]s` + die, false, true},
		"among other hits": {`echo "$$ %[2]s 99
$$ %[2]s %[3]d
$$ %[2]s 98" >%[1]s` + die, false, true},
		"logged nothing":            {`true` + die, false, false},
		"logged another hit":        {`echo $$ %[2]s 99 >%[1]s` + die, false, false},
		"another process logged it": {`echo 1 %[2]s %[3]d >%[1]s` + die, false, false},
		"logged another failpoint":  {`echo $$ place.other %[3]d >%[1]s` + die, false, false},
		"did not die":               {`echo $$ %[2]s %[3]d >%[1]s`, false, false},
		"died of another signal":    {`echo $$ %[2]s %[3]d >%[1]s; kill -TERM $$`, false, false},
		"the runner killed it":      {`echo $$ %[2]s %[3]d >%[1]s` + die, true, false},
	} {
		p := newPlan(1, []string{"place.gated"}, t.TempDir(), 1)
		a, given := p.next(anyDialer)
		if !given || a.point != "place.gated" {
			t.Fatalf("target %q", a.point)
		}
		exit := runScript(t, fmt.Sprintf(test.script, a.file, a.point, a.hit))
		exit.Killed = test.ours
		if got := p.ended(a, exit); got != test.counted {
			t.Errorf("%s: counted %t, want %t (%v)", name, got, test.counted, exit.State)
		}
		points, broken := p.result()
		if got := len(broken) == 0; got != test.counted || points[0].Given != 1 {
			t.Errorf("%s: %+v, broken %q", name, points, broken)
		}
	}
}

// die is a process that dies at its target.
func die(t *testing.T, p *plan, a target) {
	t.Helper()
	if !p.ended(a, runScript(t, fmt.Sprintf("echo $$ %s %d >%s; kill -KILL $$", a.point, a.hit, a.file))) {
		t.Fatalf("%s was not counted", a.point)
	}
}

func TestPlanGivesEachTargetAsOftenAsWanted(t *testing.T) {
	t.Parallel()
	p := newPlan(2, []string{"claim.commit", "place.gated", "settle.begun", "import.added"}, t.TempDir(), 1)
	var order []string
	for {
		a, given := p.next(listReader, anyDialer)
		if !given {
			break
		}
		order = append(order, a.point)
		die(t, p, a)
	}
	want := []string{"settle.begun", "settle.begun", "claim.commit", "place.gated", "claim.commit", "place.gated"}
	if !slices.Equal(order, want) {
		t.Errorf("targets %q, want %q", order, want)
	}
	if killed, wanted, _ := p.progress(); killed != 6 || wanted != 8 || p.pointsOf(importer) != 1 {
		t.Errorf("%d of %d, %d of enqueue", killed, wanted, p.pointsOf(importer))
	}
	if _, broken := p.result(); len(broken) != 1 || !strings.Contains(broken[0], "import.added was hit 0 times, not 2") {
		t.Errorf("broken: %q", broken)
	}
	p.stop()
	if a, given := p.next(importer); given {
		t.Errorf("%s is given after the end", a.point)
	}
}

// While failpoints of the list's reader are left, each dialer that may become
// it has one as its target. Other failpoints are given no more often than needed.
func TestPlanForListReaders(t *testing.T) {
	t.Parallel()
	p := newPlan(1, []string{"place.gated", "settle.begun"}, t.TempDir(), 1)
	var order []string
	for range 3 {
		a, _ := p.next(anyDialer, listReader)
		order = append(order, a.point)
	}
	if want := []string{"place.gated", "settle.begun", "settle.begun"}; !slices.Equal(order, want) {
		t.Errorf("targets %q, want %q", order, want)
	}
}

func TestTargetsDifferInFileAndHit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPlan(60, []string{"place.gated"}, dir, 1)
	hits, files := map[int]bool{}, map[string]bool{}
	for range 60 {
		a, _ := p.next(anyDialer)
		hits[a.hit], files[a.file] = true, true
		if env := a.env(); env[0] != fmt.Sprintf("FAILPOINT=place.gated %d kill", a.hit) || env[1] != "FAILPOINT_LOG="+a.file || filepath.Dir(a.file) != dir {
			t.Fatalf("environment %q", env)
		}
	}
	if len(files) != 60 || len(hits) != maxHits["place"] || !hits[1] || !hits[maxHits["place"]] {
		t.Errorf("%d files, hits %v", len(files), hits)
	}
	if env := (target{}).env(); env != nil {
		t.Errorf("no target gives %q", env)
	}
}

func TestPlanTablesNameFailpoints(t *testing.T) {
	t.Parallel()
	known := func(name string) bool {
		return slices.ContainsFunc(failpoint.Points, func(p failpoint.Point) bool { return p.Name == name || areaOf(p.Name) == name })
	}
	for name := range maxHits {
		if !known(name) {
			t.Errorf("maxHits has %q", name)
		}
	}
	for area := range roles {
		if !known(area) {
			t.Errorf("roles has %q", area)
		}
	}
}

func TestWriteCSVFillsBatches(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "contacts.csv")
	for _, n := range []int{1, 80, 400, 6000} {
		require.NoError(t, writeCSV(path, n))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		contacts, lines := strings.Count(string(text), "Person"), strings.Count(string(text), "\n")-1
		if contacts != n || lines < importRecords || lines > importRecords+n {
			t.Errorf("%d contacts: %d, in %d records", n, contacts, lines)
		}
	}
}

// While one process waits to expire attempts of dead processes, the others leave some.
func TestPlanLeadsToTheSweep(t *testing.T) {
	t.Parallel()
	p := newPlan(2, []string{led, leads}, t.TempDir(), 1)
	killed := map[string]int{}
	for range 12 {
		waits, given := p.next(anyDialer)
		for given && waits.point != led {
			die(t, p, waits)
			killed[waits.point]++
			waits, given = p.next(anyDialer)
		}
		if !given {
			break
		}
		for range 3 {
			other, given := p.next(anyDialer)
			if !given || other.point != leads {
				t.Fatalf("while a process waits for %s, another gets %q", led, other.point)
			}
			die(t, p, other)
			killed[leads]++
		}
		die(t, p, waits)
		killed[led]++
	}
	if killed[led] != 2 || killed[leads] < 6 {
		t.Errorf("killed %v", killed)
	}
	if _, broken := p.result(); len(broken) > 0 {
		t.Errorf("broken %q", broken)
	}
}
