package main

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/progress"
)

// dryRun shows what an import would do, and does nothing.
func (j job) dryRun(ctx context.Context) error {
	asked, err := j.askDatabase(ctx)
	if err != nil {
		return err
	}
	defer asked.close()
	j.options.OnNumbers = asked.onNumbers
	forecast, err := csvimport.Preview(ctx, j.in, j.settings, j.options)
	if err != nil {
		return j.flags.placed(fmt.Errorf("%s: %w", j.flags.inputName(), err))
	}
	pace := foreseenPace(forecast, j.settings, j.flags.CallsPerSecond)
	course := forecast.Outlook.Foresee(j.settings, pace)
	noRoom := forecast.Outlook.RemindersWithoutRoom(j.settings, pace)
	for _, text := range []string{
		fileText(j.flags.inputName(), forecast), countText(forecast), rejectedText(forecast), calleesText(forecast.Outlook), sampleText(forecast),
		lengthText(forecast, j.settings), courseText(forecast, course, j.settings, pace), remindersText(forecast.Outlook, noRoom, pace), asked.text(forecast, j.settings),
	} {
		j.con.Print(text)
	}
	j.con.Printf("Nothing was written: this was a dry run.\n")
	return nil
}

// delimiterNames name the delimiters, some of which are hard to see.
var delimiterNames = map[string]string{",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

func fileText(file string, f csvimport.Forecast) string {
	text := formText(file, f.Form) + warningText(f.Warnings)
	text += fmt.Sprintf("  number to call: %q\n", f.Columns.To)
	for _, column := range f.Columns.More {
		text += fmt.Sprintf("  then: %q\n", column)
	}
	if f.Columns.Key != "" {
		text += fmt.Sprintf("  a person by: %q\n", f.Columns.Key)
	}
	if f.Columns.Zone != "" {
		text += fmt.Sprintf("  time zone: %q\n", f.Columns.Zone)
	}
	if f.Columns.PostalCode != "" {
		text += fmt.Sprintf("  postal code, by which the zone is found: %q\n", f.Columns.PostalCode)
	}
	if f.Columns.CallAt != "" {
		text += fmt.Sprintf("  time of the call: %q\n", f.Columns.CallAt)
	}
	if f.Columns.CallBefore != "" {
		text += fmt.Sprintf("  not called from then on: %q\n", f.Columns.CallBefore)
	}
	if len(f.Columns.Vars) > 0 {
		text += "  columns that a message can say: {{" + cli.OneLine(strings.Join(f.Columns.Vars, "}} {{")) + "}}\n"
	}
	return text + beyondText(f.Beyond)
}

// formText describes the form of the file.
func formText(file string, f csvimport.Form) string {
	if f.Sheet != "" {
		return fmt.Sprintf("%s: %s, sheet %q\n", file, f.Encoding, f.Sheet)
	}
	guessed := ""
	if f.Guessed {
		guessed = " (a guess)"
	}
	return fmt.Sprintf("%s: %s%s, separated by %s\n", file, f.Encoding, guessed, delimiterNames[f.Delimiter])
}

func warningText(warnings []string) string {
	text := ""
	for _, w := range warnings {
		text += "warning: " + cli.OneLine(w) + "\n"
	}
	return text
}

// beyondText shows a value that lets a person see whether the encoding is right.
func beyondText(b csvimport.Beyond) string {
	if b.Line == 0 {
		return ""
	}
	return fmt.Sprintf("  letters beyond ASCII, for you to check: line %d, %s: %s\n", b.Line, cli.OneLine(b.Column), printable(b.Value))
}

// printable is a value of a file without characters that could move a terminal's cursor.
func printable(value string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, value)
}

func countText(f csvimport.Forecast) string {
	least := ""
	if f.DuplicatesAtLeast {
		least = "at least "
	}
	return fmt.Sprintf("%s: %d accepted, %s%d duplicate, %d refused\n", progress.Count(f.Rows, "row"), f.Accepted, least, f.Duplicates, f.Rejected)
}

func rejectedText(f csvimport.Forecast) string {
	if f.Rejected == 0 {
		return ""
	}
	var text strings.Builder
	for _, reason := range f.Commonest() {
		fmt.Fprintf(&text, "  %s: %s\n", progress.Count(f.Reasons[reason], "row"), reason)
	}
	fmt.Fprintf(&text, "First refused rows:\n")
	for _, row := range f.First {
		fmt.Fprintf(&text, "  %s: %s\n", whereText(row), row.Reason)
	}
	return text.String()
}

// sampleText shows the number of tones but not the tones, because they may be a secret.
func sampleText(f csvimport.Forecast) string {
	tones := ""
	if n := len(f.Sample.DTMFAnswer); n > 0 {
		tones = fmt.Sprintf("Once it is answered, line %d is sent %s.\n", f.SampleLine, progress.Count(n, "tone"))
	}
	switch {
	case f.SampleLine == 0 && f.Accepted > 0:
		return fmt.Sprintf("There is no such row: the file has %s.\n", progress.Count(f.Rows, "row"))
	case f.SampleLine == 0:
		return "No row can be called.\n"
	case f.SampleRefused != "":
		return fmt.Sprintf("Line %d cannot be called: %s\n", f.SampleLine, f.SampleRefused)
	case f.Sample.AnswerURL != "":
		return fmt.Sprintf("Vonage asks %s what to say.\n", f.Sample.AnswerURL) + tones
	}
	return fmt.Sprintf("The message of line %d:\n%s", f.SampleLine, scriptText(f.Sample)) + tones
}

// lengthText says how long a call may last, which bounds its cost.
func lengthText(f csvimport.Forecast, s campaign.Settings) string {
	if f.Accepted == 0 {
		return ""
	}
	return fmt.Sprintf("A call rings for %d s and lasts %d s at most.\n", s.RingingTimer, s.LengthTimer)
}

func roundText(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
