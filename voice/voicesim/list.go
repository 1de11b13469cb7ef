package voicesim

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"time"
)

// search is the query of a GET of /calls.
type search struct {
	status       string
	from, to     time.Time // of the call's creation, both inclusive
	size, index  int
	descending   bool
	conversation string
	kept         url.Values // the filters as they came, for links
}

// listed are the statuses that can be asked for.
var listed = []string{
	started, ringing, answered, machine, completed, busy, cancelled, failed, rejected, timeout, unanswered,
}

func parseSearch(q url.Values) (search, []invalidParameter) {
	var c complaints
	p := search{
		status: q.Get("status"), conversation: q.Get("conversation_uuid"),
		size: c.number(q, "page_size", 10, 1, 100), index: c.number(q, "record_index", 0, 0, 1<<31),
		from: c.date(q, "date_start"), to: c.date(q, "date_end"), kept: url.Values{},
	}
	c.oneOf("status", p.status, listed...)
	c.oneOf("order", q.Get("order"), "asc", "desc")
	p.descending = q.Get("order") == "desc"
	for _, name := range []string{"status", "date_start", "date_end", "order", "conversation_uuid"} {
		if q.Has(name) {
			p.kept.Set(name, q.Get(name))
		}
	}
	return p, c
}

func (c *complaints) number(q url.Values, name string, usual, low, high int) int {
	if !q.Has(name) {
		return usual
	}
	n, err := strconv.Atoi(q.Get(name))
	c.unless(err == nil && low <= n && n <= high, name, "is out of range")
	return n
}

func (c *complaints) date(q url.Values, name string) time.Time {
	if !q.Has(name) {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, q.Get(name))
	c.unless(err == nil, name, "is not a date-time")
	return t
}

// list serves GET /calls.
func (s *Sim) list(w http.ResponseWriter, r *http.Request) {
	p, wrong := parseSearch(r.URL.Query())
	if len(wrong) > 0 {
		s.stats.refused(http.StatusBadRequest)
		refuse(w, http.StatusBadRequest, wrong...)
		return
	}
	s.mu.Lock()
	count, records := s.page(p)
	s.mu.Unlock()
	s.show(w, object{
		{"count", count}, {"page_size", p.size}, {"record_index", p.index},
		{"_embedded", object{{"calls", records}}}, {"_links", s.links(p, count)},
	})
}

// page counts the matches and writes those that are asked for.
func (s *Sim) page(p search) (count int, records []object) {
	now := s.now()
	calls := s.within(p.from, p.to, now)
	records = []object{}
	for i := range calls {
		c := calls[i]
		if p.descending {
			c = calls[len(calls)-1-i]
		}
		if !s.matches(p, c, now) {
			continue
		}
		if p.index <= count && count < p.index+p.size {
			records = append(records, s.record(c, now))
		}
		count++
	}
	return count, records
}

// within are the calls created from one moment to another, both included, zero
// meaning no bound. Calls that are forgotten for good are passed over.
func (s *Sim) within(from, to, now time.Time) []*call {
	for s.kept < len(s.calls) && s.forgotten(s.calls[s.kept], now) {
		s.kept++
	}
	calls := s.calls[s.kept:]
	if !from.IsZero() {
		low := stampOf(from)
		calls = calls[sort.Search(len(calls), func(i int) bool { return calls[i].placedAt >= low }):]
	}
	if !to.IsZero() {
		high := stampOf(to)
		calls = calls[:sort.Search(len(calls), func(i int) bool { return calls[i].placedAt > high })]
	}
	return calls
}

func (s *Sim) matches(p search, c *call, now time.Time) bool {
	return stampOf(now) >= c.listedAt && !s.forgotten(c, now) &&
		(p.status == "" || c.status == p.status) &&
		(p.conversation == "" || c.conversation() == p.conversation)
}

// links are relative. The first page's has no record_index, and the contract
// knows none but self.
func (s *Sim) links(p search, count int) object {
	at := func(index int) object {
		q := url.Values{"page_size": {strconv.Itoa(p.size)}}
		for name, values := range p.kept {
			q[name] = values
		}
		if index >= 0 {
			q.Set("record_index", strconv.Itoa(index))
		}
		return object{{"href", s.path("/calls?" + q.Encode())}}
	}
	links := object{{"self", at(p.index)}}
	if s.cfg.ContractShapes {
		return links
	}
	last := max(0, count-1) / p.size * p.size
	links = append(links, member{"first", at(-1)}, member{"last", at(last)})
	if p.index+p.size < count {
		links = append(links, member{"next", at(p.index + p.size)})
	}
	if p.index > 0 {
		links = append(links, member{"prev", at(max(0, p.index-p.size))})
	}
	return links
}
