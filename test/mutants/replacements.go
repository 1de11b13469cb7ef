package main

import (
	_ "embed"
	"strings"
)

//go:embed replacements.txt
var replacementsText string

// replacements are the texts for guards whose marker says only value, by the marker's
// sentence: lines of SQL, and long Go values. They are in a separate file, so that people
// read the program without them. If a sentence has several guards, each has a text: value
// means the first, value2 the second.
var replacements = parseReplacements(replacementsText)

// parseReplacements reads a sentence, and its texts after tabs in the next lines.
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
