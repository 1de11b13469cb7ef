package main

import (
	_ "embed"
	"strings"
)

//go:embed replacements.txt
var replacementsText string

// replacements are what stands in the place of a guard whose marker says only value,
// by the marker's sentence: lines of SQL, and long values of Go. They stand in a file
// of their own, so that the program is read without them.
var replacements = parseReplacements(replacementsText)

// parseReplacements reads pairs of lines: a sentence, and behind a tab its text.
func parseReplacements(text string) map[string]string {
	found := map[string]string{}
	sentence := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if value, isValue := strings.CutPrefix(line, "\t"); isValue {
			found[sentence] = value
		} else {
			sentence = line
		}
	}
	return found
}
