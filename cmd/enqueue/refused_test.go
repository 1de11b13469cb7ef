package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"dialer/storage/storagetest"
)

func TestRefusedRowsOfARunBeforeStayUntilTheNextIsDone(t *testing.T) {
	t.Parallel()
	db := storagetest.New(t)
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
	db := storagetest.New(t)
	file := write(t, people(3))
	command(t, nil, flagsFor(db, file)...).ok(t)
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("the folder holds %v (%v), want the CSV alone", left, err)
	}
}

func TestRefusedRowsMayGoIntoAPipe(t *testing.T) {
	t.Parallel()
	db := storagetest.New(t)
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
