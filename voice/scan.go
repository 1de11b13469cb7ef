package voice

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
)

// maxStrays is how often a scan may go back for rows that it may have missed,
// or see nothing new, without getting any further, before it gives up.
const maxStrays = 5

// Calls reads the whole list that f selects, oldest first, and yields each
// call once. Rows that leave the list while it is read move the others to the
// front, so each page begins overlap rows before the last one's end, and a
// page that shares no row with what was read is read again from further back.
// An error is the last thing yielded: the scan is then incomplete, and nothing
// may be concluded from what it did not show. f.Order is not used.
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

// scan is how far the reading of a list has come.
type scan struct {
	filter  ListFilter
	first   int // row
	overlap int
	seen    map[string]struct{}
	fresh   []Call // of the last page, not seen before
	strays  int    // pages that brought nothing since reached grew
	reached int    // the furthest row that a page with new calls began with
	done    bool
}

// advance takes a page in and decides where the next one begins.
func (s *scan) advance(page CallPage) error {
	s.fresh = s.fresh[:0]
	if s.adrift(page) {
		return s.goBack()
	}
	s.take(page.Calls)
	switch {
	case len(page.Calls) == 0 && (page.More || page.Count > page.RecordIndex):
		return errors.New("a page in the middle of the list is empty")
	case s.last(page):
		s.done = true
		return nil
	case len(s.fresh) > 0 && s.filter.RecordIndex > s.reached:
		s.reached, s.strays = s.filter.RecordIndex, 0
	case len(s.fresh) == 0:
		if s.strays++; s.strays > maxStrays {
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

// adrift: the page should have begun with rows that were read before, and has
// none, so rows between may have been missed. Nothing is taken from it.
func (s *scan) adrift(page CallPage) bool {
	if s.overlap == 0 || len(s.seen) == 0 || s.filter.RecordIndex <= s.first {
		return false
	}
	return !slices.ContainsFunc(page.Calls, func(call Call) bool {
		_, ok := s.seen[call.UUID]
		return ok
	})
}

func (s *scan) goBack() error {
	if s.strays++; s.strays > maxStrays {
		return errors.New("the list moves faster than it can be read")
	}
	s.filter.RecordIndex = max(s.first, s.filter.RecordIndex-s.filter.PageSize)
	return nil
}

// last: a full page may be followed by another even if nothing says so,
// because old servers send no links and count only the page.
func (s *scan) last(page CallPage) bool {
	size := s.filter.PageSize
	if page.PageSize > 0 {
		size = min(size, page.PageSize)
	}
	return !page.More && len(page.Calls) < size && page.RecordIndex+len(page.Calls) >= page.Count
}
