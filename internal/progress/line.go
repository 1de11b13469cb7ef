package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// Line is one line of progress. On a terminal it is rewritten in place, and may have a
// bar; elsewhere each change is a new line.
type Line struct {
	out      io.Writer
	screen   io.Writer // out without the layer that protects it from texts
	rewrites bool
	colours  bool
	last     string
	text     string                   // of Progress, the last
	bar      *progressbar.ProgressBar // on a terminal, once something is counted
	began    time.Time                // of Progress
	first    int                      // how many were done then
}

// NewLine makes a line that is shown on out.
func NewLine(out io.Writer) *Line {
	return &Line{out: out, screen: screenOf(out), rewrites: IsTerminal(out), colours: Colours(out)}
}

// screenOf is out without the layer that protects a screen from texts.
func screenOf(out io.Writer) io.Writer {
	if protected, ok := out.(interface{ Unwrap() io.Writer }); ok {
		return protected.Unwrap()
	}
	return out
}

// IsTerminal reports whether a person looks at the stream.
func IsTerminal(stream any) bool {
	if out, ok := stream.(io.Writer); ok {
		stream = screenOf(out)
	}
	file, isFile := stream.(*os.File)
	return isFile && term.IsTerminal(int(file.Fd())) && os.Getenv("TERM") != "dumb"
}

// Colours reports whether out may have colours: see no-color.org.
func Colours(out any) bool { return IsTerminal(out) && os.Getenv("NO_COLOR") == "" }

// Live reports whether the line is rewritten, and so may change often.
func (l *Line) Live() bool { return l.rewrites }

// Show replaces the text of the line.
func (l *Line) Show(text string) {
	if text == l.last {
		return
	}
	l.last, l.text = text, ""
	if l.rewrites {
		fmt.Fprint(l.screen, "\r\x1b[K")
		fmt.Fprint(l.out, text)
		return
	}
	fmt.Fprintln(l.out, text)
}

// State has the texts that Progress shows.
type State struct {
	Text    string // all of it, except the rate
	Note    string // why nothing moves; then a rate and an estimate would be wrong
	Reached int    // how many people were
}

// Progress shows how many of all are done, with the rate and an estimate of the end: on
// a terminal with a bar; elsewhere in words.
func (l *Line) Progress(done, all int, s State) {
	if l.began.IsZero() {
		l.began, l.first = time.Now(), done
	}
	if s.Note != "" {
		l.Show(s.Text + ", " + s.Note)
		return
	}
	if !l.rewrites {
		if s.Text != l.text { // a change of the rate alone is not news
			l.Show(s.Text + l.rate(done, all))
			l.text = s.Text
		}
		return
	}
	if l.bar == nil {
		l.bar = l.newBar(all)
	}
	if s.Text == l.last {
		return
	}
	l.last = s.Text
	l.bar.ChangeMax(max(all, 1))
	l.bar.Describe(fmt.Sprintf("%-18s %d reached", l.left(done, all), s.Reached))
	_ = l.bar.Set(done) // the next one shows what this one cannot
}

// rate is the rate so far, and when that has all done.
func (l *Line) rate(done, all int) string {
	if done <= l.first || done >= all {
		return ""
	}
	each := time.Since(l.began) / time.Duration(done-l.first)
	if each <= 0 {
		return ""
	}
	return fmt.Sprintf(", %.1f people a second, %s", 1/each.Seconds(), l.left(done, all))
}

// left estimates from the rate so far.
func (l *Line) left(done, all int) string {
	if done <= l.first || done >= all {
		return "calling"
	}
	left := time.Since(l.began) / time.Duration(done-l.first) * time.Duration(all-done)
	return "about " + roughly(left) + " left, until " + time.Now().Add(left).Format("15:04")
}

func (l *Line) newBar(all int) *progressbar.ProgressBar {
	fmt.Fprint(l.screen, "\r\x1b[K")
	theme := progressbar.Theme{Saucer: "█", SaucerPadding: "░", BarStart: "", BarEnd: " "}
	if l.colours {
		theme.Saucer = "[green]█[reset]"
	}
	return progressbar.NewOptions(max(all, 1),
		progressbar.OptionSetWriter(l.screen), progressbar.OptionEnableColorCodes(l.colours), progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetWidth(32), progressbar.OptionSetTheme(theme), progressbar.OptionSetElapsedTime(false),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("people"), progressbar.OptionSetPredictTime(false),
	)
}

// End leaves the last text on the terminal.
func (l *Line) End() {
	if l.rewrites && l.last != "" {
		fmt.Fprintln(l.out)
	}
}
