package voice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// MaxPageSize is the largest number of rows on a page.
const MaxPageSize = 100

// ListFilter selects calls. A member that is zero does not filter.
type ListFilter struct {
	Status           string
	DateStart        time.Time
	DateEnd          time.Time
	PageSize         int    // 1 to MaxPageSize; 0: Vonage's default, 10
	RecordIndex      int    // of the page's first row
	Order            string // asc or desc; "": asc, because Vonage's default is uncertain
	ConversationUUID string
}

// CallPage is one page of a list.
type CallPage struct {
	Calls       []Call // a call without a UUID is a row that cannot be read: it may be any call
	Count       int    // rows of the whole list; from old servers, of this page
	PageSize    int
	RecordIndex int
	More        bool // the page names a next one
}

// listStatuses are the values of Vonage's status filter.
var listStatuses = []string{
	"started", "ringing", "answered", "machine", "completed", "busy",
	"cancelled", "failed", "rejected", "timeout", "unanswered",
}

// Validate reports every field that breaks a limit of the API, with the limit.
func (f ListFilter) Validate() error {
	var p problems
	p.oneOf("status", f.Status, listStatuses...)
	p.between("page_size", f.PageSize, 1, MaxPageSize)
	if f.RecordIndex < 0 {
		p.add("record_index", "is %d, must be 0 or more", f.RecordIndex)
	}
	p.oneOf("order", f.Order, "asc", "desc")
	if !f.DateStart.IsZero() && !f.DateEnd.IsZero() && f.DateEnd.Before(f.DateStart) {
		p.add("date_end", "is before date_start")
	}
	return p.err()
}

func (f ListFilter) query() url.Values {
	q := url.Values{"order": {"asc"}}
	set := func(key, value string) {
		if value != "" {
			q.Set(key, value)
		}
	}
	set("status", f.Status)
	set("date_start", wireTime(f.DateStart))
	set("date_end", wireTime(roundUp(f.DateEnd)))
	set("order", f.Order)
	set("conversation_uuid", f.ConversationUUID)
	if f.PageSize > 0 {
		q.Set("page_size", strconv.Itoa(f.PageSize))
	}
	if f.RecordIndex > 0 {
		q.Set("record_index", strconv.Itoa(f.RecordIndex))
	}
	return q
}

// roundUp keeps the last fraction of a second inside the window.
func roundUp(t time.Time) time.Time {
	if t.Nanosecond() == 0 {
		return t
	}
	return t.Truncate(time.Second).Add(time.Second)
}

// wireTime is UTC in whole seconds, the only documented form.
func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// ListCalls reads one page. See
// https://developer.vonage.com/en/api/voice#getCalls.
func (c *Client) ListCalls(ctx context.Context, f ListFilter) (CallPage, error) {
	const op = "list calls"
	if err := f.Validate(); err != nil {
		return CallPage{}, unsent(op, err)
	}
	rep, err := c.do(ctx, request{op: op, method: http.MethodGet, path: "/calls", query: f.query(), retry: retryAlways})
	if err != nil {
		return CallPage{}, err
	}
	page, err := parsePage(rep.body, f.RecordIndex)
	if err != nil {
		return CallPage{}, rep.unreadable(op, err)
	}
	return page, nil
}

// parsePage is strict where a call could be missed, because the absence of a
// call is proved from lists. A body that may not be a whole page is an error.
func parsePage(body []byte, asked int) (CallPage, error) {
	o, err := parseObject(body)
	if err != nil {
		return CallPage{}, err
	}
	count := o.whole("count")
	if count == nil {
		return CallPage{}, errors.New("the page has no count")
	}
	page := CallPage{Count: *count, RecordIndex: asked}
	if index := o.whole("record_index"); index != nil && *index != asked {
		return CallPage{}, fmt.Errorf("asked for row %d, got row %d", asked, *index)
	}
	if size := o.whole("page_size"); size != nil {
		page.PageSize = *size
	}
	if links, ok := o.nested("_links"); ok {
		page.More = links.has("next")
	}
	page.Calls, err = parseRows(o, *count)
	return page, err
}

func parseRows(o object, count int) ([]Call, error) {
	embedded, _ := o.nested("_embedded")
	var rows []json.RawMessage
	if err := json.Unmarshal(embedded["calls"], &rows); err != nil && (count > 0 || embedded.has("calls")) {
		return nil, errors.New("the page has no list of calls")
	}
	calls := make([]Call, 0, len(rows))
	for _, raw := range rows {
		call, err := parseCall(raw)
		if err != nil {
			call = Call{}
		}
		calls = append(calls, call)
	}
	return calls, nil
}
