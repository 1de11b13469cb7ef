package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/progress"
)

// dryRun shows what an import would do, and does nothing.
func dryRun(ctx context.Context, f flags, s campaign.Settings, t terminal) error {
	in, err := openInput(f.File, t.in)
	if err != nil {
		return err
	}
	defer in.Close()
	forecast, err := csvimport.Preview(ctx, in, s, f.options())
	if err != nil {
		return fmt.Errorf("%s: %w", f.input(), err)
	}
	for _, part := range []string{
		fileText(f.input(), forecast), countText(forecast), refusalText(forecast), sampleText(forecast),
		paceText(forecast, s, f.CallsPerSecond),
	} {
		t.printf("%s", part)
	}
	t.printf("Nothing was written: this was a dry run.\n")
	return nil
}

// delimiterNames are the delimiters that cannot be seen, or hardly.
var delimiterNames = map[string]string{",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}

func fileText(file string, f csvimport.Forecast) string {
	text := fmt.Sprintf("%s: %s, separated by %s\n", file, f.Encoding, delimiterNames[f.Delimiter])
	text += fmt.Sprintf("  number to call: %q\n", f.Columns.To)
	if f.Columns.Zone != "" {
		text += fmt.Sprintf("  time zone: %q\n", f.Columns.Zone)
	}
	if f.Columns.CallAt != "" {
		text += fmt.Sprintf("  time of the call: %q\n", f.Columns.CallAt)
	}
	if len(f.Columns.Vars) > 0 {
		text += "  for the message: " + quoted(f.Columns.Vars) + "\n"
	}
	return text
}

func quoted(names []string) string {
	names = slices.Clone(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("{{%s}}", name)
	}
	return strings.Join(names, " ")
}

func countText(f csvimport.Forecast) string {
	least := ""
	if f.DuplicatesAtLeast {
		least = "at least "
	}
	return fmt.Sprintf("%s: %d accepted, %s%d duplicate, %d refused\n", progress.Count(f.Rows, "row"), f.Accepted, least, f.Duplicates, f.Refused)
}

func refusalText(f csvimport.Forecast) string {
	if f.Refused == 0 {
		return ""
	}
	var text strings.Builder
	for _, reason := range f.Commonest() {
		fmt.Fprintf(&text, "  %s: %s\n", progress.Count(f.Reasons[reason], "row"), reason)
	}
	fmt.Fprintf(&text, "First refused rows:\n")
	for _, row := range f.First {
		fmt.Fprintf(&text, "  %s: %s\n", place(row), row.Reason)
	}
	return text.String()
}

func sampleText(f csvimport.Forecast) string {
	tones := ""
	if n := len(f.Sample.DTMFAnswer); n > 0 {
		tones = fmt.Sprintf("Once it is answered, line %d is sent %s.\n", f.SampleLine, progress.Count(n, "tone"))
	}
	switch {
	case f.SampleLine == 0:
		return "No row can be called.\n"
	case f.Sample.AnswerURL != "":
		return fmt.Sprintf("Vonage asks %s what to say.\n", f.Sample.AnswerURL) + tones
	}
	return fmt.Sprintf("The message of line %d:\n  %s\n", f.SampleLine, f.Sample.NCCO) + tones
}

// paceText reckons with the account's rate and the hours; retries come on top.
func paceText(f csvimport.Forecast, s campaign.Settings, callsPerSecond float64) string {
	if f.Accepted == 0 {
		return ""
	}
	takes := f.Takes(callsPerSecond)
	text := fmt.Sprintf("Calling everybody once, %s, takes %s at %v a second", when(s), rounded(takes), callsPerSecond)
	window := time.Duration(s.Hours.To-s.Hours.From) * time.Minute
	if days := math.Ceil(float64(takes) / float64(window)); days > 1 {
		text += fmt.Sprintf(", on %.0f days", days)
	}
	return text + ".\n"
}

func rounded(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}
