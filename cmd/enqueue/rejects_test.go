package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestFailedRunKeepsEarlierRejects(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	dir := t.TempDir()
	rejects := filepath.Join(dir, "refused.csv")
	command(t, strings.NewReader(mixed), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	first, err := os.ReadFile(rejects)
	if err != nil || !strings.Contains(string(first), "Bob") {
		t.Fatalf("rejected rows %q (%v), want Bob's", first, err)
	}
	failing := io.MultiReader(strings.NewReader("name,phone\nEve,0770\n"+people(5000)[11:]), blocking{strings.NewReader(""), closed()})
	got := command(t, failing, flagsFor(db, "--rejects", rejects, "-")...)
	if got.failure == nil {
		t.Fatal("an incomplete file was imported")
	}
	after, err := os.ReadFile(rejects)
	if err != nil || !bytes.Equal(first, after) {
		t.Errorf("a failed run left %q (%v), want what was there", after, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the rejected rows alone", left, err)
	}
	command(t, strings.NewReader("name,phone\nEve,0770\nFay,07700900777\n"), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	if last, err := os.ReadFile(rejects); err != nil || strings.Contains(string(last), "Bob") || !strings.Contains(string(last), "Eve") {
		t.Errorf("a complete run left %q (%v), want its own rows", last, err)
	}
	if got := command(t, strings.NewReader("name,phone\nEve,0770\n"), flagsFor(db, "--rejects", rejects, "-")...); got.failure == nil {
		t.Error("a file of which every row is refused is no failure")
	}
}

func closed() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

func TestWithoutRejectsNoFileIsWritten(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, people(3))
	command(t, nil, flagsFor(db, file)...).ok(t)
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the CSV alone", left, err)
	}
}

func TestRejectsIntoPipe(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	pipe := filepath.Join(t.TempDir(), "refused")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	piped := make(chan []byte, 1)
	go func() {
		text, _ := os.ReadFile(pipe)
		piped <- text
	}()
	command(t, strings.NewReader(mixed), flagsFor(db, "--rejects", pipe, "-")...).ok(t).prints(t, "2 rows not added: see "+pipe)
	if info, err := os.Stat(pipe); err != nil || info.Mode().IsRegular() {
		t.Fatalf("the pipe was replaced by a file (%v)", err)
	}
	if text := string(<-piped); !strings.Contains(text, "Bob,0770") {
		t.Errorf("through the pipe came %q, want Bob's row", text)
	}
}

// A killed run leaves no file of rejected rows behind.
func TestKilledRunLeavesNoRejects(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	dir := t.TempDir()
	rejects := filepath.Join(dir, "refused.csv")
	cmd := exec.CommandContext(t.Context(), os.Args[0], flagsFor(db, "--rejects", rejects, "-")...)
	cmd.Env = append(os.Environ(), "ENQUEUE_TEST_AS_COMMAND=1")
	feed, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	file := "name,phone\nEve,0770\n" + people(manyRows)[11:]
	go func() { _, _ = io.WriteString(feed, most(file)) }()
	imported(t, db)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	if got := inFolder(t, dir); len(got) != 0 {
		t.Errorf("the folder holds %q after the kill, want nothing", got)
	}
	command(t, strings.NewReader(file), flagsFor(db, "--rejects", rejects, "-")...).ok(t)
	if got := inFolder(t, dir); !slices.Equal(got, []string{"refused.csv"}) {
		t.Errorf("the folder holds %q, want the rejected rows alone", got)
	}
	if text, err := os.ReadFile(rejects); err != nil || !strings.Contains(string(text), "Eve,0770") {
		t.Errorf("rejected rows %q (%v), want Eve's", text, err)
	}
}

// inFolder lists the names in a folder, sorted.
func inFolder(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
