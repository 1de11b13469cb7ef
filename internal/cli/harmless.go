package cli

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"sync"
	"text/tabwriter"
	"unicode/utf8"
)

// Harmless shows strangers' texts without letting them control the screen. Names, notes,
// files and Vonage's answers may contain terminal escapes, or marks that reverse the
// reading order. Each becomes an escape such as \u001b, which in JSON means the same text
// as before. Line breaks and tabs stay.
func Harmless(w io.Writer) io.Writer {
	if _, already := w.(*harmless); already {
		return w
	}
	return &harmless{out: w}
}

type harmless struct {
	mu   sync.Mutex
	out  io.Writer
	rest []byte // the beginning of a character that the next write completes
}

// Unwrap is the original writer, for output with which the program controls the screen.
func (h *harmless) Unwrap() io.Writer { return h.out }

// Write escapes and writes.
func (h *harmless) Write(text []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := append(h.rest, text...)
	safe := make([]byte, 0, len(left))
	for len(left) > 0 && utf8.FullRune(left) {
		r, size := utf8.DecodeRune(left)
		switch {
		case r == utf8.RuneError && size == 1:
			safe = append(safe, `\ufffd`...)
		//guard:false internal/cli.TestHarmless: what strangers wrote does not act on a terminal
		case acts(r):
			safe = fmt.Appendf(safe, `\u%04x`, r)
		default:
			safe = append(safe, left[:size]...)
		}
		left = left[size:]
	}
	h.rest = left
	if _, err := h.out.Write(safe); err != nil {
		return 0, err
	}
	return len(text), nil
}

// acts reports whether a terminal does more with r than show it.
func acts(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7f && r <= 0x9f: // the control characters
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069: // marks of direction
		return true
	}
	return r == 0x2028 || r == 0x2029 // breaks of lines and paragraphs
}

// OneLine shows line breaks and tabs as \n and \t, so that a value cannot add a line or a
// column.
func OneLine(value string) string { return lineBreaks.Replace(value) }

var lineBreaks = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

// inOneLine applies OneLine to the texts among the arguments of a format.
func inOneLine(args []any) []any {
	for i, arg := range args {
		text := ""
		if err, isError := arg.(error); isError {
			text = err.Error()
		} else if v := reflect.ValueOf(arg); v.Kind() == reflect.String {
			text = v.String()
		}
		if strings.ContainsAny(text, "\n\r\t") {
			args[i] = OneLine(text)
		}
	}
	return args
}

// Table writes rows with aligned columns.
type Table struct{ w *tabwriter.Writer }

// Table begins a table on Out.
func (c Console) Table() Table { return Table{tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)} }

// Printf adds to the table. The format's tabs end cells and its line breaks end
// rows; those in the arguments are shown as \t and \n.
func (t Table) Printf(format string, args ...any) { fmt.Fprintf(t.w, format, inOneLine(args)...) }

// Row adds a row.
func (t Table) Row(cells []string) {
	for i, cell := range cells {
		cells[i] = OneLine(cell)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

// Flush writes the table.
func (t Table) Flush() error { return t.w.Flush() }

// Data is the writer for output to programs, for example a CSV: Out itself, unless that
// is a terminal.
func (c Console) Data() io.Writer {
	if h, ok := c.Out.(*harmless); ok && !isTerminal(h.out) {
		return h.out
	}
	return c.Out
}

// Screen is Out for output that controls the screen, for example colours. Do not write
// values there, unless they were made harmless.
func (c Console) Screen() io.Writer {
	if h, ok := c.Out.(*harmless); ok {
		return h.out
	}
	return c.Out
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	file, isFile := w.(*os.File)
	if !isFile {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
