package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// Console is the terminal and the environment of a program, or their replacement in a
// test.
type Console struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
	// Getenv reads the variables that stand in for flags; nil: from the process's
	// environment.
	Getenv func(string) string
	// DotEnv is a file with variables that the environment does not have; "": none.
	DotEnv string
}

// System is the process's own console.
func System() Console {
	return Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, DotEnv: DotEnv}
}

// Harmless is the same console, but strangers' texts cannot control it. All our commands
// run on one.
func (c Console) Harmless() Console {
	c.Out, c.Err = Harmless(c.Out), Harmless(c.Err)
	return c
}

// Printf prints to Out.
func (c Console) Printf(format string, args ...any) { fmt.Fprintf(c.Out, format, args...) }

// Linef is Printf for a line with stored values. Line breaks and tabs in values are shown
// as \n and \t, so that a value cannot add a line.
func (c Console) Linef(format string, args ...any) { fmt.Fprintf(c.Out, format, inOneLine(args)...) }

// Print prints a text to Out.
func (c Console) Print(text string) { fmt.Fprint(c.Out, text) }

// Logger writes lines to Err: in words on a terminal, and otherwise as JSON objects for
// programs.
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
