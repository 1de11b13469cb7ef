package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"dialer/voice/voicesim"
)

// newTerminalHandset is a telephone whose sounds are written to out.
func newTerminalHandset(number string, out io.Writer) *voicesim.Handset {
	inLine := false // the current line has words and no end yet
	line := func(format string, args ...any) {
		if inLine {
			fmt.Fprintln(out)
		}
		inLine = false
		fmt.Fprintf(out, format+"\n", args...)
	}
	return &voicesim.Handset{Number: number, Hears: func(h voicesim.Heard) {
		switch h.Kind {
		case voicesim.HeardRings:
			line("%s rings: a call from %s. Enter answers, h declines.", number, h.Text)
		case voicesim.HeardWord:
			fmt.Fprint(out, h.Text+" ")
			inLine = true
		case voicesim.HeardSound:
			line("(plays %s)", h.Text)
		case voicesim.HeardEnd:
			if inLine {
				fmt.Fprintln(out)
			}
			inLine = false
		case voicesim.HeardCut:
			line("-- %s cuts it", h.Text)
		case voicesim.HeardAsks:
			word := ""
			if h.Speech {
				word = " or a word"
			}
			line("(waits %d s for a key%s)", h.Wait, word)
		case voicesim.HeardRecords:
			line("(beep; records what is said, until %s)", h.Text)
		case voicesim.HeardThrough:
			line("(puts you through to %s)", h.Text)
		case voicesim.HeardHangsUp:
			line("(the call has ended)")
		case voicesim.HeardNobody:
			line("(stopped ringing: %s)", h.Text)
		}
	}}
}

// takeCalls carries out the lines of in on the handset, until they end.
func takeCalls(in io.Reader, out io.Writer, h *voicesim.Handset) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		var err error
		switch {
		case text == "":
			err = h.Answer()
		case text == "h":
			if err = h.HangUp(); err == nil {
				fmt.Fprintln(out, "(you hung up)")
			}
		case strings.Trim(text, "0123456789*#") == "":
			for _, key := range text {
				if err = h.Press(string(key)); err != nil {
					break
				}
			}
		default:
			err = h.Say(text)
		}
		if errors.Is(err, voicesim.ErrNoCall) {
			fmt.Fprintln(out, "(there is no call)")
		}
	}
}
