package csvimport

import (
	"cmp"
	"context"
	"iter"
	"runtime"
	"slices"

	"dialer/campaign"
)

const (
	// A chunk is parsed by one goroutine and added by one transaction. Its bytes
	// are bounded too, because 2,000 records may be 64 KiB long each.
	chunkRecords = 2000
	chunkBytes   = 1 << 20
)

// chunk is a run of a file's records and the rows parsed from them.
type chunk struct {
	records []record
	rows    campaign.RowBatch
	err     error         // the file could not be read any further; there are no records
	parsed  chan struct{} // closed when rows is complete
}

func newChunk() *chunk { return &chunk{parsed: make(chan struct{})} }

// chunks reads a file in its order and parses it on all cores. The chunks come out in the
// file's order, because the first of two rows with the same number counts. Only a few are
// in memory at any time.
//
// A chunk with an err is the last one. The sequence ends early when ctx ends; the caller
// cancels ctx when it wants no more chunks.
func chunks(ctx context.Context, r *reader) iter.Seq[*chunk] {
	inOrder := make(chan *chunk, 2*runtime.GOMAXPROCS(0))
	go func() {
		defer close(inOrder)
		for c := range split(r) {
			select {
			case inOrder <- c:
				go c.parse(r)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func(yield func(*chunk) bool) {
		for {
			c := nextChunk(ctx, inOrder)
			if c == nil || !yield(c) {
				return
			}
		}
	}
}

// split cuts the file into chunks. An error comes last, in a chunk of its own.
func split(r *reader) iter.Seq[*chunk] {
	return func(yield func(*chunk) bool) {
		c, size := newChunk(), 0
		for rec, err := range r.records() {
			if err != nil {
				if len(c.records) == 0 || yield(c) {
					failed := newChunk()
					failed.err = err
					yield(failed)
				}
				return
			}
			c.records = append(c.records, rec)
			//guard:value(len(rec.text)) internal/csvimport.TestChunksOfLongRecords: a chunk is bounded by the length of its records
			size += rec.size
			if len(c.records) < chunkRecords && size < chunkBytes {
				continue
			}
			if !yield(c) {
				return
			}
			c, size = newChunk(), 0
		}
		if len(c.records) > 0 {
			yield(c)
		}
	}
}

// nextChunk waits for the next chunk of the file and for its rows. It is nil
// when there is none, or when ctx ends.
func nextChunk(ctx context.Context, inOrder <-chan *chunk) *chunk {
	if ctx.Err() != nil { // select may choose any ready case
		return nil
	}
	select {
	case <-ctx.Done():
	case c, ok := <-inOrder:
		if !ok {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-c.parsed:
			return c
		}
	}
	return nil
}

func (c *chunk) parse(r *reader) {
	defer close(c.parsed)
	for _, rec := range c.records {
		row, rejected := r.parse(rec)
		if rejected != nil {
			c.rows.Rejected = append(c.rows.Rejected, *rejected)
			continue
		}
		c.rows.Rows = append(c.rows.Rows, row)
	}
}

// record is the record that begins on a line.
func (c *chunk) record(line int) record {
	i, found := slices.BinarySearchFunc(c.records, line, func(r record, line int) int { return cmp.Compare(r.line, line) })
	if !found {
		return record{}
	}
	return c.records[i]
}
