package csvimport

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
)

// ColumnsError says that a file's columns do not fit, and lists them.
type ColumnsError struct {
	Found []string
	Err   error
}

func (e *ColumnsError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *ColumnsError) Unwrap() error { return e.Err }

// mended is the record with the cells of Options.Mend.
func (r *reader) mended(rec record) record {
	cells := r.options.Mend[rec.line]
	names := r.header.names
	if len(cells) == 0 || rec.fault != "" || len(rec.fields) > len(names) {
		return rec
	}
	fields := make([]string, len(names))
	copy(fields, rec.fields)
	for name, value := range cells {
		if at := slices.Index(names, name); at >= 0 {
			fields[at] = value
		}
	}
	rec.fields, rec.columns = fields, len(names)
	return rec
}

const maxValue = 200

// valueIn is the record's value in a column.
func (r *reader) valueIn(rec record, column string) string {
	at := slices.Index(r.header.names, column)
	if at < 0 || at >= len(rec.fields) {
		return ""
	}
	if runes := []rune(rec.fields[at]); len(runes) > maxValue {
		return string(runes[:maxValue])
	}
	return rec.fields[at]
}

// mendedSource is the fingerprint of a file with corrected cells. It differs from
// the file's own.
func mendedSource(source string, mend map[int]map[string]string) string {
	if len(mend) == 0 {
		return source
	}
	sum := sha256.New()
	fmt.Fprint(sum, source)
	for _, line := range slices.Sorted(maps.Keys(mend)) {
		for _, name := range slices.Sorted(maps.Keys(mend[line])) {
			fmt.Fprintf(sum, "%d %q %q", line, name, mend[line][name])
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
