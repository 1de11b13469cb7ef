package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
)

// CheckEdit names the members that differ from the campaign's document and that no edit
// may change: they identify the people in it, and their rows were read with them.
func (d Document) CheckEdit(edited Document) error {
	var errs []error
	for _, m := range []struct {
		member   string
		was, now any
	}{
		{"name", d.Name, edited.Name},
		{"people.key", d.People.Key, edited.People.Key},
		{"people.together", d.People.Together, edited.People.Together},
		{"people.numbers", d.People.Numbers, edited.People.Numbers},
		{"people.country", d.People.Country, edited.People.Country},
		{"people.zone", d.People.Zone, edited.People.Zone},
		{"people.postal_code", d.People.PostalCode, edited.People.PostalCode},
		//guard:drop campaign.TestEditOfTheZone: a zone that would move nobody's hours is not taken as if it did
		{"when.zone", d.clock(), edited.clock()},
		{"remind", remindOf(d), remindOf(edited)},
		{"people.call_at", d.People.CallAt, edited.People.CallAt},
		{"people.call_before", d.People.CallBefore, edited.People.CallBefore},
	} {
		if !reflect.DeepEqual(m.was, m.now) {
			errs = append(errs, fmt.Errorf("%s cannot be changed: it was %s, and is %s here; for other people make another campaign",
				m.member, memberText(m.was), memberText(m.now)))
		}
	}
	return errors.Join(errs...)
}

// clock says which clock the hours use. Each person's zones were stored when the row
// was read, so an edit cannot change them.
func (d Document) clock() string {
	if name, err := ZoneName(d.When.Zone); err == nil && d.When.Zone != "" {
		return name
	}
	return cmp.Or(d.When.Zone, ZoneRecipient)
}

// remindOf is the member remind as text.
func remindOf(d Document) string {
	if d.Remind == nil {
		return ""
	}
	return fmt.Sprintf("%v before %s, merge %s", []string(d.Remind.Before), d.Remind.Column, d.Remind.Merge)
}

func memberText(value any) string {
	if text := fmt.Sprint(value); text != "" && text != "[]" {
		return fmt.Sprintf("%q", text)
	}
	return "none"
}
