package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/joho/godotenv"
)

// DotEnv is the file of settings in the working directory that both programs
// read. A variable of the environment wins over it.
const DotEnv = ".env"

const maxDotEnv = 1 << 20

// readDotEnv reads the file; nil if there is none. Its errors name a line but show
// nothing of it, because lines contain secrets.
func readDotEnv(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s cannot be read: %w", path, errors.Unwrap(err))
	case len(text) > maxDotEnv:
		return nil, fmt.Errorf("%s is larger than 1 MiB", path)
	}
	text = bytes.ReplaceAll(bytes.TrimPrefix(text, []byte("\uFEFF")), []byte("\r\n"), []byte("\n"))
	settings, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		return nil, fmt.Errorf("%s, line %d: write it as NAME=value; a value with blanks, or of several lines, in quotes", path, badLine(text))
	}
	//guard:false internal/cli.TestDotEnv: no part of a secret is taken for the name of a variable
	if line := replaced(text); line > 0 {
		return nil, fmt.Errorf("%s, line %d: the sign $ stands for another variable there: put the value between ' and '", path, line)
	}
	return settings, nil
}

// badLine is the line after the longest part of the text that can be read.
func badLine(text []byte) int {
	lines := bytes.SplitAfter(text, []byte("\n"))
	for n := len(lines) - 1; n > 0; n-- {
		if _, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n], nil)); err == nil {
			return n + 1
		}
	}
	return 1
}

// variable finds values in which the library inserts another variable: outside single
// quotes and comments.
var variable = regexp.MustCompile(`^[^#'=]*=\s*[^'\s].*\$[({A-Z0-9_]`)

// replaced is the first line with such a value; 0 if there is none.
func replaced(text []byte) int {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if variable.Match(line) {
			return i + 1
		}
	}
	return 0
}
