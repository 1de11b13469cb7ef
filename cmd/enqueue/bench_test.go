package main

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
)

// BenchmarkImportMemory measures the most memory that the program uses, as the
// system counts it, while it imports a hundred thousand rows and while it imports
// a million, and their ratio.
func BenchmarkImportMemory(b *testing.B) { benchImportMemory(b, 100_000, 1_000_000) }

func TestBenchmarkRuns(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchImportMemory(b, 100, 1000) })
}

func benchImportMemory(b *testing.B, fewRows, manyRows int) {
	program := filepath.Join(b.TempDir(), "enqueue")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v: %s", err, out)
	}
	var few, many float64
	for b.Loop() {
		few = max(few, mostMemory(b, program, fewRows))
		many = max(many, mostMemory(b, program, manyRows))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(few, "MB-at-100k")
	b.ReportMetric(many, "MB-at-1M")
	b.ReportMetric(many/few, "ratio")
}

// mostMemory imports n rows and returns the process's largest resident set in
// megabytes.
func mostMemory(b *testing.B, program string, n int) float64 {
	b.Helper()
	db := testkit.New(b)
	cmd := exec.CommandContext(b.Context(), program, flagsFor(db, "--countries", "all", "-")...)
	feed, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	if err := writePeople(feed, n); err != nil {
		b.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatalf("%v: %s", err, output.String())
	}
	if got := testkit.Value[int](b, db, `SELECT count(*) FROM contacts`); got != n {
		b.Fatalf("%d of %d rows in: %s", got, n, output.String())
	}
	most := float64(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
	if runtime.GOOS == "darwin" {
		most /= 1024 // there it is in bytes
	}
	return most / 1024
}

func writePeople(to io.WriteCloser, n int) error {
	out := bufio.NewWriterSize(to, 1<<20)
	fmt.Fprintln(out, "name,phone,town")
	for i := range n {
		fmt.Fprintf(out, "Person %d,+4477%08d,Town %d\n", i, i, i%100)
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return to.Close()
}
