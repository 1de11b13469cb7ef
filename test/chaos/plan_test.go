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
)

// killed is the end of a process that killed itself, as a failpoint does, after
// it noted what the script says.
func killed(t *testing.T, text string) life {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-c", text)
	_ = cmd.Run() // the state says more
	return life{state: cmd.ProcessState}
}

// A kill counts only if the process noted the hit and then died by its own
// hand.
func TestAKillCountsOnlyWithItsProof(t *testing.T) {
	t.Parallel()
	const die = "; kill -KILL $$"
	for name, test := range map[string]struct {
		script  string // %[1]s: the file, %[2]s: the point, %[3]d: the hit
		ours    bool   // the runner killed it
		counted bool
	}{
		"it noted the hit and died": {`echo $$ %[2]s %[3]d >%[1]s` + die, false, true},
		"among other hits": {`echo "$$ %[2]s 99
$$ %[2]s %[3]d
$$ %[2]s 98" >%[1]s` + die, false, true},
		"it noted nothing":               {`true` + die, false, false},
		"it noted another hit":           {`echo $$ %[2]s 99 >%[1]s` + die, false, false},
		"another process noted it":       {`echo 1 %[2]s %[3]d >%[1]s` + die, false, false},
		"it noted another point":         {`echo $$ place.other %[3]d >%[1]s` + die, false, false},
		"it went on":                     {`echo $$ %[2]s %[3]d >%[1]s`, false, false},
		"it died of something else":      {`echo $$ %[2]s %[3]d >%[1]s; kill -TERM $$`, false, false},
		"the runner killed it meanwhile": {`echo $$ %[2]s %[3]d >%[1]s` + die, true, false},
	} {
		p := newPlan(1, []string{"place.gated"}, t.TempDir(), 1)
		a, armed := p.take(anyDialer)
		if !armed || a.point != "place.gated" {
			t.Fatalf("armed at %q", a.point)
		}
		l := killed(t, fmt.Sprintf(test.script, a.file, a.point, a.hit))
		l.killed = test.ours
		if got := p.ended(a, l); got != test.counted {
			t.Errorf("%s: counted %t, want %t (%v)", name, got, test.counted, l.state)
		}
		marks, broken := p.outcome()
		if got := len(broken) == 0; got != test.counted || marks[0].Armed != 1 {
			t.Errorf("%s: %+v, broken %q", name, marks, broken)
		}
	}
}

// die carries out an arming.
func die(t *testing.T, p *plan, a arming) {
	t.Helper()
	if !p.ended(a, killed(t, fmt.Sprintf("echo $$ %s %d >%s; kill -KILL $$", a.point, a.hit, a.file))) {
		t.Fatalf("%s was not counted", a.point)
	}
}

func TestThePlanArmsEachPointAsOftenAsAsked(t *testing.T) {
	t.Parallel()
	p := newPlan(2, []string{"claim.commit", "place.gated", "settle.begun", "import.added"}, t.TempDir(), 1)
	var order []string
	for {
		a, armed := p.take(listReader, anyDialer)
		if !armed {
			break
		}
		order = append(order, a.point)
		die(t, p, a)
	}
	want := []string{"settle.begun", "settle.begun", "claim.commit", "place.gated", "claim.commit", "place.gated"}
	if !slices.Equal(order, want) {
		t.Errorf("armed %q, want %q", order, want)
	}
	if killed, asked, _ := p.state(); killed != 6 || asked != 8 || p.countOf(importer) != 1 {
		t.Errorf("%d of %d, %d of enqueue", killed, asked, p.countOf(importer))
	}
	if _, broken := p.outcome(); len(broken) != 1 || !strings.Contains(broken[0], "import.added was hit 0 times, not 2") {
		t.Errorf("broken: %q", broken)
	}
	p.end()
	if a, armed := p.take(importer); armed {
		t.Errorf("armed at %s after the end", a.point)
	}
}

// Of the dialers that may come to read the lists none lives unarmed while such
// points are left; elsewhere no more are armed than are to die.
func TestWhoMayReadTheListsIsArmed(t *testing.T) {
	t.Parallel()
	p := newPlan(1, []string{"place.gated", "settle.begun"}, t.TempDir(), 1)
	var order []string
	for range 3 {
		a, _ := p.take(anyDialer, listReader)
		order = append(order, a.point)
	}
	if want := []string{"place.gated", "settle.begun", "settle.begun"}; !slices.Equal(order, want) {
		t.Errorf("armed %q, want %q", order, want)
	}
}

func TestArmingsDifferInFileAndHit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := newPlan(60, []string{"place.gated"}, dir, 1)
	hits, files := map[int]bool{}, map[string]bool{}
	for range 60 {
		a, _ := p.take(anyDialer)
		hits[a.hit], files[a.file] = true, true
		if env := a.env(); env[0] != fmt.Sprintf("FAILPOINT=place.gated %d kill", a.hit) || env[1] != "FAILPOINT_LOG="+a.file || filepath.Dir(a.file) != dir {
			t.Fatalf("environment %q", env)
		}
	}
	if len(files) != 60 || len(hits) != mostHits["place"] || !hits[1] || !hits[mostHits["place"]] {
		t.Errorf("%d files, hits %v", len(files), hits)
	}
	if env := (arming{}).env(); env != nil {
		t.Errorf("nothing is armed by %q", env)
	}
}

// The tables of the matrix speak of points that exist.
func TestTheMatrixKnowsThePoints(t *testing.T) {
	t.Parallel()
	known := func(name string) bool {
		return slices.ContainsFunc(failpoint.Points, func(p failpoint.Point) bool { return p.Name == name || areaOf(p.Name) == name })
	}
	for name := range mostHits {
		if !known(name) {
			t.Errorf("mostHits has %q", name)
		}
	}
	for area := range crews {
		if !known(area) {
			t.Errorf("crews has %q", area)
		}
	}
}

func TestPeopleFillSomeBatches(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "people.csv")
	for _, n := range []int{1, 80, 400, 6000} {
		if err := writePeople(path, n); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		people, lines := strings.Count(string(text), "Person"), strings.Count(string(text), "\n")-1
		if people != n || lines < importRecords || lines > importRecords+n {
			t.Errorf("%d people: %d, in %d records", n, people, lines)
		}
	}
}
