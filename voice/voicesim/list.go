package voicesim

import (
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"time"
)

// search is the query of GET /calls.
type search struct {
	status       string
	from, to     time.Time // of the call's creation, both inclusive
	size, index  int
	descending   bool
	conversation string
	filters      url.Values // the filters as they came, for links
}

// filterStatuses are the values of the status filter.
var filterStatuses = []string{
	started, ringing, answered, machine, completed, busy, cancelled, failed, rejected, timeout, unanswered,
}

func parseSearch(q url.Values) (search, []invalidParameter) {
	var c problems
	p := search{
		status: q.Get("status"), conversation: q.Get("conversation_uuid"),
		size: c.number(q, "page_size", 10, 1, 100), index: c.number(q, "record_index", 0, 0, 1<<31),
		from: c.date(q, "date_start"), to: c.date(q, "date_end"), filters: url.Values{},
	}
	present := given{"status": q.Has("status"), "order": q.Has("order")}
	c.word(present, "status", p.status, filterStatuses...)
	c.word(present, "order", q.Get("order"), "asc", "desc")
	p.descending = q.Get("order") == "desc"
	for _, name := range []string{"status", "date_start", "date_end", "order", "conversation_uuid"} {
		if q.Has(name) {
			p.filters.Set(name, q.Get(name))
		}
	}
	return p, c
}

func (c *problems) number(q url.Values, name string, value, low, high int) int {
	if !q.Has(name) {
		return value
	}
	n, err := strconv.Atoi(q.Get(name))
	c.require(err == nil && low <= n && n <= high, name, "is out of range")
	return n
}

func (c *problems) date(q url.Values, name string) time.Time {
	if !q.Has(name) {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, q.Get(name))
	c.require(err == nil, name, "is not a date-time")
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
	s.respondRead(w, object{
		{"count", count}, {"page_size", p.size}, {"record_index", p.index},
		{"_embedded", object{{"calls", records}}}, {"_links", s.links(p, count)},
	})
}

// page counts the matches and returns the records of one page.
func (s *Sim) page(p search) (count int, records []object) {
	now := s.now()
	calls := s.createdBetween(p.from, p.to, now)
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
			records = append(records, s.record(c, c.listedUUID(s.wordingOf(c).uuid), now))
		}
		count++
	}
	return count, records
}

// createdBetween returns the calls that were created between two times, both
// included; zero is no bound. It skips the records that have expired.
func (s *Sim) createdBetween(from, to, now time.Time) []*call {
	for s.firstKept < len(s.calls) && s.expired(s.calls[s.firstKept], now) {
		s.firstKept++
	}
	calls := s.calls[s.firstKept:]
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
	return stampOf(now) >= c.listedAt && !s.expired(c, now) &&
		(p.status == "" || c.status == p.status) &&
		(p.conversation == "" || c.conversation() == p.conversation)
}

// links are relative. The link to the first page has no record_index, and the
// contract has only self.
func (s *Sim) links(p search, count int) object {
	at := func(index int) object {
		q := url.Values{"page_size": {strconv.Itoa(p.size)}}
		for name, values := range p.filters {
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
