package main

import (
	"errors"
	"maps"

	"dialer/campaign"
	"dialer/internal/csvimport"
)

// document is the campaign document of --campaign, or an empty one, with the flags'
// values in place of its own.
func (f *flags) document() (campaign.Document, error) {
	d, err := f.Document(campaign.Document{})
	for _, flag := range []struct {
		path, name, value string
		to                *string
	}{
		{"people.country", "--default-country", f.DefaultCountry, &d.People.Country},
		{"people.key", "--key", f.Key, &d.People.Key},
		{"people.date_format", "--date-format", f.DateFormat, &d.People.DateFormat},
	} {
		if flag.value != "" {
			*flag.to = flag.value
			d.FromFlag(flag.path, flag.name)
		}
	}
	if len(f.Countries) > 0 {
		d.People.Countries = f.Countries
		d.FromFlag("people.countries", "--countries")
	}
	return d, err
}

// mergedMap is the document's map of columns, with the flag's values in place of its own.
func mergedMap(document, flag map[string]string) map[string]string {
	if len(document) == 0 {
		return flag
	}
	merged := maps.Clone(document)
	maps.Copy(merged, flag)
	return merged
}

// placed adds to an error about a column in the message the column's place in the
// document.
func (f flags) placed(err error) error {
	if missing, ok := errors.AsType[*csvimport.MissingColumnsError](err); ok {
		return f.read.AtPlaceholder(missing.Columns[0], err)
	}
	return err
}
