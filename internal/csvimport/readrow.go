package csvimport

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"dialer/campaign"
)

// ReadRow reads the values of one person's row, by column, in the same way as the rows of
// their file.
func ReadRow(values map[string]string, s campaign.Settings, o Options) (campaign.Row, error) {
	names := slices.Sorted(maps.Keys(values))
	fields := make([]string, len(names))
	for i, name := range names {
		if fields[i] = values[name]; !utf8.ValidString(fields[i]) || strings.ContainsRune(fields[i], 0) {
			return campaign.Row{}, fmt.Errorf("%s: this is no text", name)
		}
	}
	r := &reader{settings: s, options: o}
	var err error
	if r.message, err = s.Message.Compile(); err != nil {
		return campaign.Row{}, err
	}
	if r.header, err = findColumns(names, o.Map); err != nil {
		return campaign.Row{}, err
	}
	if err := r.prepare(); err != nil {
		return campaign.Row{}, err
	}
	row, column, err := r.parseRow(record{line: 1, fields: fields, columns: len(fields)})
	if err != nil && column != "" {
		err = errors.New(column + ": " + err.Error())
	}
	return row, err
}
