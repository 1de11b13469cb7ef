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
	// A part is what one worker parses and one transaction adds. The bytes of
	// the file bound it where records are long: without them, 2,000 records of 64 KiB
	// would make one part.
	partRecords = 2000
	partBytes   = 1 << 20
)

// part is a run of a file's records, and what became of them.
type part struct {
	records []campaign.Record
	batch   campaign.Batch
	err     error         // the file could not be read beyond the records
	parsed  chan struct{} // closed when batch is there
}

// text is the record that began on a line, as it stood in the file.
func (p *part) text(line int) string {
	i, found := slices.BinarySearchFunc(p.records, line, func(r campaign.Record, line int) int { return cmp.Compare(r.Line, line) })
	if !found {
		return ""
	}
	return p.records[i].Text
}

func (p *part) parse(r *campaign.Reader) {
	defer close(p.parsed)
	for _, rec := range p.records {
		row, reject := r.Parse(rec)
		if reject != nil {
			p.batch.Rejects = append(p.batch.Rejects, *reject)
			continue
		}
		p.batch.Rows = append(p.batch.Rows, row)
	}
}

// parts reads a file in its order and parses it on all cores. Of two rows with
// one number the first must win, so the parts come out in the file's order
// too. Only a few are in memory at any time.
//
// A part with an err is the last one and has nothing else. The sequence ends
// early when ctx does; the caller cancels ctx when it wants no more.
func parts(ctx context.Context, r *campaign.Reader) iter.Seq[*part] {
	workers := runtime.GOMAXPROCS(0)
	work := make(chan *part)
	inOrder := make(chan *part, 2*workers)
	for range workers {
		go func() {
			for p := range work {
				p.parse(r)
			}
		}()
	}
	go func() {
		defer close(inOrder)
		defer close(work)
		split(ctx, r, func(p *part) bool { return send(ctx, inOrder, p) && (p.err != nil || send(ctx, work, p)) })
	}()
	return func(yield func(*part) bool) {
		for {
			p, ok := next(ctx, inOrder)
			if !ok || !yield(p) {
				return
			}
		}
	}
}

func send(ctx context.Context, to chan<- *part, p *part) bool {
	select {
	case to <- p:
		return true
	case <-ctx.Done():
		return false
	}
}

// next waits for the next part of the file to be parsed.
func next(ctx context.Context, inOrder <-chan *part) (*part, bool) {
	if ctx.Err() != nil { // select would pick either
		return nil, false
	}
	select {
	case <-ctx.Done():
		return nil, false
	case p, ok := <-inOrder:
		if !ok || p.err != nil {
			return p, ok
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-p.parsed:
			return p, true
		}
	}
}

// split cuts the file into parts until emit wants no more.
func split(ctx context.Context, r *campaign.Reader, emit func(*part) bool) {
	p, size := newPart(), 0
	for rec, err := range r.Records() {
		if err != nil {
			if len(p.records) == 0 || emit(p) {
				emit(&part{err: err})
			}
			return
		}
		p.records = append(p.records, rec)
		size += rec.Size
		if len(p.records) < partRecords && size < partBytes {
			continue
		}
		if !emit(p) {
			return
		}
		p, size = newPart(), 0
	}
	if len(p.records) > 0 {
		emit(p)
	}
}

func newPart() *part { return &part{parsed: make(chan struct{})} }
