package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Console is the terminal and the environment of a program, or what stands in
// for them in a test.
type Console struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Getenv is where flags find the variables that stand in for them; nil: in
	// the process's environment.
	Getenv func(string) string
	// DotEnv is a file with variables that the environment has not; "": none.
	DotEnv string
}

// System is the process's own console.
func System() Console {
	return Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, DotEnv: DotEnv}
}

// Harmless is the same console, on which nothing acts that strangers wrote. Every
// command of ours runs on one.
func (c Console) Harmless() Console {
	c.Out, c.Err = Harmless(c.Out), Harmless(c.Err)
	return c
}

// Printf prints to Out.
func (c Console) Printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// Linef is Printf for a line with stored values: line breaks and tabs in them are
// shown as \n and \t, so that a value cannot add a line.
func (c Console) Linef(format string, args ...any) { fmt.Fprintf(c.Out, format, inOneLine(args)...) }

// Print prints a text to Out.
func (c Console) Print(text string) { fmt.Fprint(c.Out, text) }

// Logger writes lines to Err: words for who reads them in a terminal, else a JSON
// object each, for the program that takes them.
func (c Console) Logger() *slog.Logger {
	out := c.Err
	if h, ok := out.(*harmless); ok {
		out = h.out
	}
	//guard:true internal/cli.TestLogForms: a program that takes the log reads JSON
	if isTerminal(out) {
		return slog.New(slog.NewTextHandler(c.Err, nil))
	}
	return slog.New(slog.NewJSONHandler(c.Err, nil))
}

// Program is the program of that name on this console.
func (c Console) Program(name, description string) Program {
	return Program{Name: name, Description: description, Out: c.Out, Err: c.Err, Getenv: c.Getenv, DotEnv: c.DotEnv}
}
