package campaign

import (
	"cmp"
	"time"
)

// Row is one accepted row of a file of contacts.
type Row struct {
	Line    int    // line in the file of the row's first line, 1-based; the header is line 1
	Key     string // identifies the person; "": the number does
	To      string
	Country string // of the number, an ISO code; "" for a number of no country
	Zones   []string
	// ZoneBasis says how the zones were found.
	ZoneBasis ZoneBasis
	More      []RowNumber // the person's further numbers, in the order of calling
	CallAt    time.Time   // zero: due at the campaign's start
	// RemindAt are the times of the reminders, in order, if the campaign has reminders;
	// nil: it has none. Empty: no reminder of this row is left.
	RemindAt []time.Time
	// OwnTime is the time in the row: CallAt as it was written, or with reminders the time
	// that they come before; zero: there is none.
	OwnTime time.Time
	// NotLaterThan is the time from which the person is not called any more; zero: never.
	NotLaterThan time.Time
	Vars         map[string]string // the columns of the file that have a name
	// CallAtMoved: CallAt is not the row's time but the next opening of the hours. With
	// reminders: one of RemindAt is not at its requested offset before OwnTime.
	CallAtMoved bool
	// Past: the row's own time was past when the row was read.
	Past bool
	// NotNew says why the row may not add a contact, for example because its time is past.
	// A contact that is in the campaign already stays. If the row may be a new contact,
	// the Reason is "".
	NotNew RowError
	// TooLate: the reason in NotNew is that nobody can be called any more at the row's own
	// time. A contact in the campaign with another time ends.
	TooLate bool
}

// RowNumber is a further number of a row's person.
type RowNumber struct {
	To        string
	Country   string
	Zones     []string
	ZoneBasis ZoneBasis
}

// Numbers are all numbers of the person.
func (r Row) Numbers() []RowNumber {
	return append([]RowNumber{{r.To, r.Country, r.Zones, r.ZoneBasis}}, r.More...)
}

// KeyOrNumber is the row's key, else its number.
func (r Row) KeyOrNumber() string { return cmp.Or(r.Key, r.To) }

// RowError is one rejected row.
type RowError struct {
	Line   int
	Column string // the header's name; "" if the error is about the whole record
	Reason string // what is wrong and what to do; does not contain the value
	Record string // the record from the file, at most 1 KiB of it
	Key    string // the row's key, if that could be read
	Value  string // the value in the column, at most 200 characters of it
}

// RowBatch is a series of rows, in the file's order.
type RowBatch struct {
	Rows     []Row
	Rejected []RowError
	Import   Import // zero: an import with only this batch
}

// Import is one reading of a file into a campaign.
type Import struct {
	ID         int64 // given by the store
	CampaignID int64
	Source     string   // the file's fingerprint
	Columns    []string // the file's columns, in their order
	Reading    Reading
	// Update changes contacts that are still to be called and whose rows differ.
	Update bool
	// RemoveMissing ends contacts without a row in the file.
	RemoveMissing bool
}

// Reading says how a file's rows are read. It is stored, so that one person can be
// changed later.
type Reading struct {
	DefaultCountry string            `json:"default_country,omitempty"`
	Map            map[string]string `json:"map,omitempty"` // maps our columns to the file's
	DateFormat     string            `json:"date_format,omitempty"`
	AllowUnknown   bool              `json:"allow_unknown,omitempty"`

	Yes bool `json:"-"` // moves a time in the past or outside the hours to the next opening
}

// BatchResult is the result of adding a batch.
type BatchResult struct {
	Added      int
	Already    int // already in the campaign, with the same values
	Changed    []ChangedRow
	Duplicates []DuplicateRow
	Rejected   []RowError // rows that cannot become contacts
}

// DuplicateRow is a row whose key occurs earlier in the same file.
type DuplicateRow struct {
	Line      int
	FirstLine int
}

// ChangedRow is a row of a person who is in the campaign with other values.
type ChangedRow struct {
	Line    int
	Columns []string // the columns whose values differ, sorted
	Updated bool     // the contact was changed
	Why     string   // why it was not changed, "" without Import.Update; or why a changed contact is not called any more
}
