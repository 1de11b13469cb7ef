package voice

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// maxIdlePages is how many pages a scan reads without progress before it gives
// up: pages without new rows, and pages for which it had to step back.
const maxIdlePages = 5

// Calls reads the whole list that f selects, oldest first, and yields each call
// once. Rows that leave the list during the scan move the later rows forward.
// So each page starts overlap rows before the end of the last one. If it shares no
// row with the rows read before, the scan steps back and reads again.
// A row that cannot be read is yielded as a call without a UUID, once.
// An error is yielded last. The scan is then incomplete, and a call that it did
// not show may exist. f.Order is ignored.
func (c *Client) Calls(ctx context.Context, f ListFilter, overlap int) iter.Seq2[Call, error] {
	return func(yield func(Call, error) bool) {
		f.Order = "asc"
		if f.PageSize == 0 {
			f.PageSize = MaxPageSize
		}
		s := scan{filter: f, first: f.RecordIndex, overlap: max(0, min(overlap, f.PageSize-1)), seen: make(map[string]struct{})}
		for !s.done {
			page, err := c.ListCalls(ctx, s.filter)
			if err == nil {
				err = s.advance(page)
			}
			if err != nil {
				yield(Call{}, fmt.Errorf("scan calls: %w", err))
				return
			}
			for _, call := range s.fresh {
				if !yield(call, nil) {
					return
				}
			}
		}
	}
}

// scan is the progress of one reading of a list.
type scan struct {
	filter    ListFilter
	first     int // row of the first page
	overlap   int
	seen      map[string]struct{}
	fresh     []Call // rows of the last page that are new
	idlePages int    // since reached grew
	reached   int    // the largest first row of a page that had new calls
	done      bool
}

// advance takes a page and decides which row the next one starts with.
func (s *scan) advance(page CallPage) error {
	s.fresh = s.fresh[:0]
	if s.overlapLost(page) {
		return s.stepBack()
	}
	s.take(page.Calls)
	switch {
	case len(page.Calls) == 0 && (page.More || page.Count > page.RecordIndex):
		return errors.New("a page in the middle of the list is empty")
	case s.last(page):
		s.done = true
		return nil
	case len(s.fresh) > 0 && s.filter.RecordIndex > s.reached:
		s.reached, s.idlePages = s.filter.RecordIndex, 0
	case len(s.fresh) == 0:
		if s.idlePages++; s.idlePages > maxIdlePages {
			return errors.New("the list does not end")
		}
	}
	s.filter.RecordIndex += max(1, len(page.Calls)-s.overlap)
	return nil
}

func (s *scan) take(calls []Call) {
	for _, call := range calls {
		if _, ok := s.seen[call.UUID]; !ok {
			s.seen[call.UUID] = struct{}{}
			s.fresh = append(s.fresh, call)
		}
	}
}

// overlapLost reports whether a page that should start with known rows has none:
// rows in between may have been missed.
func (s *scan) overlapLost(page CallPage) bool {
	if s.overlap == 0 || len(s.seen) == 0 || s.filter.RecordIndex <= s.first {
		return false
	}
	return !slices.ContainsFunc(page.Calls, func(call Call) bool {
		_, ok := s.seen[call.UUID]
		return ok && call.UUID != ""
	})
}

// stepBack makes the next page start one page earlier.
func (s *scan) stepBack() error {
	if s.idlePages++; s.idlePages > maxIdlePages {
		return errors.New("the list changes faster than it can be read")
	}
	s.filter.RecordIndex = max(s.first, s.filter.RecordIndex-s.filter.PageSize)
	return nil
}

// last reports whether no page follows. It is false after a full page: old servers
// send no links and count only the rows of the page.
func (s *scan) last(page CallPage) bool {
	size := s.filter.PageSize
	if page.PageSize > 0 {
		size = min(size, page.PageSize)
	}
	return !page.More && len(page.Calls) < size && page.RecordIndex+len(page.Calls) >= page.Count
}
