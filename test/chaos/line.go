package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// line is the one line of progress. On a terminal it is rewritten in place;
// elsewhere it is written anew now and then.
type line struct {
	out      io.Writer
	rewrites bool
	last     time.Time
}

const lineEvery = 10 * time.Second

func newLine(out io.Writer) *line {
	file, isFile := out.(*os.File)
	if !isFile {
		return &line{out: out}
	}
	info, err := file.Stat()
	return &line{out: out, rewrites: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (l *line) show(text string) {
	if l.rewrites {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
		return
	}
	if time.Since(l.last) >= lineEvery {
		fmt.Fprintln(l.out, text)
		l.last = time.Now()
	}
}

// end leaves the last line standing.
func (l *line) end() {
	if l.rewrites {
		fmt.Fprintln(l.out)
	}
}
