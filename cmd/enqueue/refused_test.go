package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dialer/internal/testkit"
)

func TestRefusedRowsOfARunBeforeStayUntilTheNextIsDone(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	dir := t.TempDir()
	rejects := filepath.Join(dir, "refused.csv")
	command(t, strings.NewReader(mixed), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	first, err := os.ReadFile(rejects)
	if err != nil || !strings.Contains(string(first), "Bob") {
		t.Fatalf("refused rows %q (%v), want Bob's", first, err)
	}
	breaks := io.MultiReader(strings.NewReader("name,phone\nEve,0770\n"+people(5000)[11:]), slow{strings.NewReader(""), closed()})
	got := command(t, breaks, flagsFor(db, "--rejects", rejects, "-")...)
	if got.failure == nil {
		t.Fatal("a file that breaks off was taken for whole")
	}
	after, err := os.ReadFile(rejects)
	if err != nil || !bytes.Equal(first, after) {
		t.Errorf("a run that broke off left %q (%v), want what was there", after, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the refused rows alone", left, err)
	}
	command(t, strings.NewReader("name,phone\nEve,0770\n"), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	if last, err := os.ReadFile(rejects); err != nil || strings.Contains(string(last), "Bob") || !strings.Contains(string(last), "Eve") {
		t.Errorf("a whole run left %q (%v), want its own rows", last, err)
	}
}

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestNoRefusedRowsMakeNoFile(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, people(3))
	command(t, nil, flagsFor(db, file)...).ok(t)
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the CSV alone", left, err)
	}
}

func TestRefusedRowsMayGoIntoAPipe(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	pipe := filepath.Join(t.TempDir(), "refused")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	piped := make(chan []byte, 1)
	go func() {
		text, _ := os.ReadFile(pipe)
		piped <- text
	}()
	command(t, strings.NewReader(mixed), flagsFor(db, "--rejects", pipe, "-")...).ok(t).says(t, "2 rows not added: see "+pipe)
	if info, err := os.Stat(pipe); err != nil || info.Mode().IsRegular() {
		t.Fatalf("the pipe was replaced by a file (%v)", err)
	}
	if text := string(<-piped); !strings.Contains(text, "Bob,0770") {
		t.Errorf("through the pipe came %q, want Bob's row", text)
	}
}

func TestRejectsPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, rejects, want string }{
		{"people.csv", "", "people.rejects.csv"},
		{"/data/People.CSV", "", "/data/People.rejects.csv"},
		{"people.txt", "", "people.txt.rejects.csv"},
		{"people", "", "people.rejects.csv"},
		{"people.csv", "bad.csv", "bad.csv"},
		{"-", "bad.csv", "bad.csv"},
		{"-", "", ""},
	} {
		if got := rejectsPath(flags{File: c.file, Rejects: c.rejects}); got != c.want {
			t.Errorf("%s with --rejects %q: %q, want %q", c.file, c.rejects, got, c.want)
		}
	}
}

// What a killed run leaves of its refused rows, the next run of the same import
// removes. It touches neither the file of a run that is under way nor anybody
// else's.
func TestWhatAKilledRunLeftIsRemoved(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	dir := t.TempDir()
	rejects := filepath.Join(dir, "refused.csv")
	cmd := exec.CommandContext(t.Context(), os.Args[0], flagsFor(db, "--rejects", rejects, "-")...)
	cmd.Env = append(os.Environ(), "ENQUEUE_TEST_AS_COMMAND=1")
	feed, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	file := "name,phone\nEve,0770\n" + people(broken)[11:]
	go func() { _, _ = io.WriteString(feed, most(file)) }()
	imported(t, db)
	left := inFolder(t, dir) // the rows of a batch are written after its commit
	for deadline := time.Now().Add(time.Minute); len(left) == 0 && time.Now().Before(deadline); left = inFolder(t, dir) {
		time.Sleep(20 * time.Millisecond)
	}
	if len(left) != 1 || !isUnfinished(left[0], rejects) {
		t.Fatalf("the folder holds %q while a run is under way, want its refused rows under another name", left)
	}
	sweepUnfinished(rejects)
	if got := inFolder(t, dir); !slices.Equal(got, left) {
		t.Errorf("the folder holds %q, want the file of the run that is under way untouched", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	others := []string{".refused.csv.swp", ".refused.csv.12", ".refused.csv.x.unfinished", ".other.csv.12.unfinished"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command(t, strings.NewReader(file), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	want := append(others, "refused.csv")
	slices.Sort(want)
	if got := inFolder(t, dir); !slices.Equal(got, want) {
		t.Errorf("the folder holds %q, want %q", got, want)
	}
	if text, err := os.ReadFile(rejects); err != nil || !strings.Contains(string(text), "Eve,0770") {
		t.Errorf("refused rows %q (%v), want Eve's", text, err)
	}
}

// It is removed also where the next run refuses nothing.
func TestWhatAKilledRunLeftIsRemovedWhereNothingIsRefused(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	dir := t.TempDir()
	rejects := filepath.Join(dir, "refused.csv")
	killed, err := createUnfinished(rejects)
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Close(); err != nil { // as the end of its process does
		t.Fatal(err)
	}
	command(t, strings.NewReader(people(3)), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	if got := inFolder(t, dir); len(got) != 0 {
		t.Errorf("the folder holds %q, want nothing", got)
	}
}

// However two runs meet, neither removes the file that the other writes to.
func TestRunsThatBeginAtOnceKeepTheirFiles(t *testing.T) {
	t.Parallel()
	rejects := filepath.Join(t.TempDir(), "refused.csv")
	var sweepers sync.WaitGroup
	done := make(chan struct{})
	for range 2 {
		sweepers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					sweepUnfinished(rejects)
				}
			}
		})
	}
	defer sweepers.Wait()
	defer close(done)
	for range 2000 {
		f, err := createUnfinished(rejects)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(f.Name(), rejects); err != nil {
			t.Fatalf("the file was taken away: %v", err)
		}
		f.Close()
	}
}

// inFolder are the names of what a folder holds, in their order.
func inFolder(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
