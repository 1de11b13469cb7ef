package voice

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"dialer/internal/testkit/testkey"

	"pgregory.net/rapid"
)

// ledger is a list that changes during the scan.
type ledger struct {
	rows     []string
	between  func(*ledger) // after each page
	contract bool          // count is that of the page, and there are no links
	pages    int
	hollow   int // the page that has no rows
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
	index, _ := strconv.Atoi(r.URL.Query().Get("record_index"))
	l.pages++
	begin := min(index, len(l.rows))
	end := min(index+size, len(l.rows))
	calls := make([]map[string]string, 0, size)
	for _, uuid := range l.rows[begin:end] {
		if l.pages == l.hollow {
			break
		}
		calls = append(calls, map[string]string{"uuid": uuid})
	}
	page := map[string]any{"count": len(l.rows), "page_size": size, "record_index": index, "_embedded": map[string]any{"calls": calls}}
	links := map[string]any{"self": map[string]string{"href": "/v1/calls"}}
	if end < len(l.rows) {
		links["next"] = map[string]string{"href": "http://elsewhere.example/v1/calls"}
	}
	page["_links"] = links
	if l.contract {
		page["count"] = len(calls)
		delete(page, "_links")
	}
	json.NewEncoder(w).Encode(page)
	if l.between != nil {
		l.between(l)
	}
}

func newLedger(n int) *ledger {
	l := &ledger{}
	for i := range n {
		l.rows = append(l.rows, fmt.Sprintf("u-%04d", i))
	}
	return l
}

// collect reads a whole list and fails on a call that is yielded twice.
func collect(t rapid.TB, l *ledger, pageSize, overlap int) (map[string]bool, error) {
	c, err := NewClient(Config{ApplicationID: testApp, Key: testkey.RSA(), Transport: inProcess{l}})
	if err != nil {
		t.Fatal(err)
	}
	seen := make(map[string]bool)
	for call, err := range c.Calls(context.Background(), ListFilter{PageSize: pageSize}, overlap) {
		if err != nil {
			return seen, err
		}
		if seen[call.UUID] {
			t.Fatalf("%s came twice", call.UUID)
		}
		seen[call.UUID] = true
	}
	return seen, nil
}

func TestScanReadsAllPages(t *testing.T) {
	t.Parallel()
	for _, contract := range []bool{false, true} {
		for _, n := range []int{0, 1, 9, 10, 11, 20, 55} {
			for _, overlap := range []int{0, 3, 9, 50} {
				l := newLedger(n)
				l.contract = contract
				seen, err := collect(t, l, 10, overlap)
				if err != nil || len(seen) != n {
					t.Errorf("contract %v, %d rows, overlap %d: got %d rows, %v", contract, n, overlap, len(seen), err)
				}
			}
		}
	}
}

// TestScanMissesNothing removes rows at the front and adds some at the end between
// pages. Every row that was there all the time must be yielded, or the scan must
// end with an error.
func TestScanMissesNothing(t *testing.T) {
	t.Parallel()
	complete := 0
	rapid.Check(t, func(t *rapid.T) {
		l := newLedger(rapid.IntRange(0, 120).Draw(t, "rows"))
		stays := make(map[string]bool)
		for _, uuid := range l.rows {
			stays[uuid] = true
		}
		l.between = func(l *ledger) {
			for range min(rapid.IntRange(0, 14).Draw(t, "expire"), len(l.rows)) {
				delete(stays, l.rows[0])
				l.rows = l.rows[1:]
			}
			for range rapid.IntRange(0, 3).Draw(t, "join") {
				l.rows = append(l.rows, fmt.Sprintf("new-%d-%d", l.pages, len(l.rows)))
			}
		}
		seen, err := collect(t, l, 10, rapid.IntRange(1, 9).Draw(t, "overlap"))
		if err != nil {
			return
		}
		complete++
		for uuid := range stays {
			if !seen[uuid] {
				t.Fatalf("%s was in the list all the time and was not yielded", uuid)
			}
		}
	})
	if complete == 0 {
		t.Error("no scan was ever complete")
	}
}

// TestScanWithoutOverlapMisses shows why the overlap is needed.
func TestScanWithoutOverlapMisses(t *testing.T) {
	t.Parallel()
	expire := func(l *ledger) { l.rows = l.rows[2:] }
	for overlap, want := range map[int]bool{0: true, 5: false} {
		l := newLedger(60)
		l.between = func(l *ledger) {
			if l.pages <= 3 {
				expire(l)
			}
		}
		seen, err := collect(t, l, 10, overlap)
		if err != nil {
			t.Fatal(err)
		}
		missed := false
		for _, uuid := range l.rows {
			missed = missed || !seen[uuid]
		}
		if missed != want {
			t.Errorf("overlap %d: missed rows %v, want %v", overlap, missed, want)
		}
	}
}

func TestScanStepsBack(t *testing.T) {
	t.Parallel()
	l := newLedger(60)
	l.between = func(l *ledger) {
		if l.pages == 2 {
			l.rows = l.rows[8:] // more than the overlap
		}
	}
	seen, err := collect(t, l, 10, 3)
	if err != nil || len(seen) != 60 {
		t.Errorf("got %d rows, %v, want 60", len(seen), err)
	}
}

func TestScanGivesUp(t *testing.T) {
	t.Parallel()
	page := func(count int, more bool, uuids ...string) string {
		calls := make([]map[string]string, 0)
		for _, uuid := range uuids {
			calls = append(calls, map[string]string{"uuid": uuid})
		}
		p := map[string]any{"count": count, "_embedded": map[string]any{"calls": calls}}
		if more {
			p["_links"] = map[string]any{"next": map[string]string{"href": "/v1/calls"}}
		}
		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	lists := map[string]string{
		"always the same page":  page(50, true, "a", "b"),
		"empty with more to go": page(50, false),
		"empty with a next one": page(0, true),
	}
	for name, text := range lists {
		s := &script{answers: []func(http.ResponseWriter){body(text)}}
		failed := false
		for _, err := range newFakeClient(t, s.handle).Calls(t.Context(), ListFilter{PageSize: 2}, 1) {
			failed = failed || err != nil
		}
		if !failed {
			t.Errorf("%s: the scan did not say that it is incomplete", name)
		}
	}
	hollow := newLedger(30)
	hollow.hollow = 2
	if seen, err := collect(t, hollow, 10, 0); err == nil {
		t.Errorf("%d rows of 30 were read as the whole list", len(seen))
	}
	moving := newLedger(100)
	moving.between = func(l *ledger) {
		for i := range l.rows {
			l.rows[i] = fmt.Sprintf("u-%d-%d", l.pages, i)
		}
	}
	if _, err := collect(t, moving, 10, 3); err == nil {
		t.Error("a list that is another each time was read as one")
	}
}

func TestScanStopsOnBreak(t *testing.T) {
	t.Parallel()
	l := newLedger(100)
	c := newTestClient(t, "http://provider.example", func(cfg *Config) { cfg.Transport = inProcess{l} })
	for range c.Calls(t.Context(), ListFilter{PageSize: 10}, 3) {
		break
	}
	if l.pages != 1 {
		t.Errorf("%d pages were read, want 1", l.pages)
	}
}
