package main

import (
	_ "embed"
	"strings"
)

//go:embed replacements.txt
var replacementsText string

// replacements are what stands in the place of a guard whose marker says only value,
// by the marker's sentence: lines of SQL, and long values of Go. They stand in a file
// of their own, so that the program is read without them. A sentence whose guards
// are several has a text for each: value stands for the first, value2 for the second.
var replacements = parseReplacements(replacementsText)

// parseReplacements reads a sentence, and behind tabs in the next lines its texts.
func parseReplacements(text string) map[string][]string {
	found := map[string][]string{}
	sentence := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if value, isValue := strings.CutPrefix(line, "\t"); isValue {
			found[sentence] = append(found[sentence], value)
		} else {
			sentence = line
		}
	}
	return found
}
