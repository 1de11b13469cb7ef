package campaign

import (
	"cmp"
	"time"
)

// Row is one accepted row of a file of contacts.
type Row struct {
	Line    int    // of the row's first line in the file, 1-based; the header is line 1
	Key     string // what makes the row this person; "": its number
	To      string
	Country string // of the number, an ISO code; "" for a number of no country
	Zones   []string
	// ZoneBasis is how the zones were found.
	ZoneBasis ZoneBasis
	More      []RowNumber // the person's further numbers, in the order in which they are called
	CallAt    time.Time   // zero: due when the campaign starts
	// RemindAt are the times of the reminders, in order, where the campaign has them; nil:
	// it has none. Empty: none of this row is left.
	RemindAt []time.Time
	// OwnTime is the time that the row itself gives: CallAt as it was written, or with
	// reminders the time before which they are; zero: it gives none.
	OwnTime time.Time
	// NotLaterThan is when the person is not called any more; zero: never.
	NotLaterThan time.Time
	Vars         map[string]string // the file's columns that have a name
	// CallAtMoved: CallAt is not the time of the row but the opening of the hours
	// after it, or one of RemindAt is not as long before OwnTime as it was to be.
	CallAtMoved bool
	// Past: the row's own time was past when it was read.
	Past bool
	// NotNew says why the row may not add a contact, for example because its time
	// is past. A contact that is in the campaign already stays. Its Reason is ""
	// where the row may be a new contact.
	NotNew RowError
	// TooLate: NotNew is that the row's own time leaves nobody to call. Who is in the
	// campaign with another time ends.
	TooLate bool
}

// RowNumber is a further number of a row's person.
type RowNumber struct {
	To        string
	Country   string
	Zones     []string
	ZoneBasis ZoneBasis
}

// Numbers are all of the person's.
func (r Row) Numbers() []RowNumber {
	return append([]RowNumber{{r.To, r.Country, r.Zones, r.ZoneBasis}}, r.More...)
}

// KeyOrNumber is the row's key.
func (r Row) KeyOrNumber() string { return cmp.Or(r.Key, r.To) }

// RowError is one rejected row.
type RowError struct {
	Line   int
	Column string // the header's name; "" when it is about the whole record
	Reason string // what is wrong and what to do; does not hold the value
	Record string // the record as it is in the file, at most 1 KiB of it
	Key    string // the row's key, if that could be read
	Value  string // what stands in the column, at most 200 characters of it
}

// RowBatch is a run of a file's rows, in the file's order.
type RowBatch struct {
	Rows     []Row
	Rejected []RowError
	Import   Import // zero: an import of this batch alone
}

// Import is one reading of a file into a campaign.
type Import struct {
	ID         int64 // given by the store
	CampaignID int64
	Source     string   // the file's fingerprint
	Columns    []string // of the file, in their order
	Reading    Reading
	// Update changes contacts whose rows differ and that are still to be called.
	Update bool
	// RemoveMissing ends contacts that the file has no row of.
	RemoveMissing bool
}

// Reading is how a file's rows are read. It is kept, so that one person can be
// changed later.
type Reading struct {
	DefaultCountry string            `json:"default_country,omitempty"`
	Map            map[string]string `json:"map,omitempty"` // our column to the file's
	DateFormat     string            `json:"date_format,omitempty"`
	AllowUnknown   bool              `json:"allow_unknown,omitempty"`

	Yes bool `json:"-"` // a time that is past or outside the hours moves to the next opening
}

// BatchResult says what became of a batch that was added.
type BatchResult struct {
	Added      int
	Already    int // in the campaign, with the same values
	Changed    []ChangedRow
	Duplicates []DuplicateRow
	Rejected   []RowError // rows that no contact can be made of
}

// DuplicateRow is a row whose key stands in the same file before.
type DuplicateRow struct {
	Line      int
	FirstLine int
}

// ChangedRow is a row of somebody who is in the campaign with other values.
type ChangedRow struct {
	Line    int
	Columns []string // whose values differ, sorted
	Updated bool     // the contact was changed
	Why     string   // why it was not, "" without Import.Update; or why who was changed is not called any more
}
