package progress

import (
	"fmt"
	"io"
	"os"
)

// Line is one line of progress. On a terminal it is rewritten in place;
// elsewhere each change is a line of its own.
type Line struct {
	out      io.Writer
	rewrites bool
	last     string
}

// NewLine makes a line that is shown on out.
func NewLine(out io.Writer) *Line { return &Line{out: out, rewrites: isTerminal(out)} }

func isTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// Live reports whether the line is rewritten, and so may change often.
func (l *Line) Live() bool { return l.rewrites }

// Show replaces the text of the line.
func (l *Line) Show(text string) {
	if text == l.last {
		return
	}
	l.last = text
	if l.rewrites {
		fmt.Fprintf(l.out, "\r\x1b[K%s", text)
		return
	}
	fmt.Fprintln(l.out, text)
}

// End leaves the last text on the terminal.
func (l *Line) End() {
	if l.rewrites && l.last != "" {
		fmt.Fprintln(l.out)
	}
}
