package campaign

import "time"

// Row is one accepted row of a CSV.
type Row struct {
	Line   int // 1-based, the header is line 1; of the record's first line
	To     string
	Zones  []string
	CallAt time.Time // zero: due when the campaign starts
	Vars   map[string]string
}

// RowError is one refused row.
type RowError struct {
	Line   int
	Column string // the header's name, "" when the whole record is meant
	Reason string // what is wrong and what to do; does not hold the value
	Record string // the record as it stood in the file, cut at 1 KiB
}

// Batch is a run of the file's rows, in its order.
type Batch struct {
	Rows    []Row
	Rejects []RowError
}

// Added says what became of a batch.
type Added struct {
	Contacts   int
	Already    int // the same line of the same file, added by an earlier run
	Duplicates []Duplicate
	Refused    []RowError // of rows that the store cannot keep
}

// Duplicate is a row whose number the campaign already has.
type Duplicate struct {
	Line  int
	First int // the line that the campaign's contact came from
}
