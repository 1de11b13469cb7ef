package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// statusLine is the one line of progress. On a terminal it is rewritten in place;
// elsewhere it is printed now and then.
type statusLine struct {
	out      io.Writer
	rewrites bool
	last     time.Time
}

const statusEvery = 10 * time.Second

func newStatusLine(out io.Writer) *statusLine {
	file, isFile := out.(*os.File)
	if !isFile {
		return &statusLine{out: out}
	}
	info, err := file.Stat()
	return &statusLine{out: out, rewrites: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (l *statusLine) show(text string) {
	if l.rewrites {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
		return
	}
	if time.Since(l.last) >= statusEvery {
		fmt.Fprintln(l.out, text)
		l.last = time.Now()
	}
}

// end keeps the last line on the terminal.
func (l *statusLine) end() {
	if l.rewrites {
		fmt.Fprintln(l.out)
	}
}
