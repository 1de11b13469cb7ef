package campaign

import "time"

// Row is one accepted row of a file of contacts.
type Row struct {
	Line   int // of the row's first line in the file, 1-based; the header is line 1
	To     string
	Zones  []string
	CallAt time.Time // zero: due when the campaign starts
	Vars   map[string]string
}

// RowError is one rejected row.
type RowError struct {
	Line   int
	Column string // the header's name; "" when it is about the whole record
	Reason string // what is wrong and what to do; does not hold the value
	Record string // the record as it is in the file, at most 1 KiB of it
}

// RowBatch is a run of a file's rows, in the file's order.
type RowBatch struct {
	Rows     []Row
	Rejected []RowError
}

// BatchResult says what became of a batch that was added.
type BatchResult struct {
	Added      int
	Already    int // the same line of the same file, added by an earlier run
	Duplicates []DuplicateRow
	Rejected   []RowError // rows that the store cannot keep
}

// DuplicateRow is a row whose number the campaign already has.
type DuplicateRow struct {
	Line      int
	FirstLine int // the line that the campaign's contact came from
}
