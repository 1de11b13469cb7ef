package voicesim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// list reads one page.
func (w *testSim) list(query string) (uuids []string, page map[string]any) {
	w.t.Helper()
	r := w.do("GET", "/v1/calls?"+query, "")
	if r.status != 200 || r.err != nil {
		w.t.Fatalf("list %s: %d %v %v", query, r.status, r.body, r.err)
	}
	for _, c := range r.body["_embedded"].(map[string]any)["calls"].([]any) {
		uuids = append(uuids, c.(map[string]any)["uuid"].(string))
	}
	return uuids, r.body
}

func href(page map[string]any, name string) string {
	link, _ := page["_links"].(map[string]any)[name].(map[string]any)
	text, _ := link["href"].(string)
	return text
}

func TestListPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{})
		defer w.close()
		var placed []string
		for _, number := range testNumbers(25) {
			placed = append(placed, w.place(number, nil))
			time.Sleep(time.Second)
		}
		for _, order := range []string{"asc", "desc"} {
			want := slices.Clone(placed)
			if order == "desc" {
				slices.Reverse(want)
			}
			var got []string
			next := "/v1/calls?page_size=10&order=" + order
			for next != "" {
				if !strings.HasPrefix(next, "/v1/calls?") {
					t.Fatalf("link %q", next)
				}
				uuids, page := w.list(strings.TrimPrefix(next, "/v1/calls?"))
				if page["count"] != 25.0 || page["page_size"] != 10.0 || page["record_index"] != float64(len(got)) {
					t.Errorf("count %v, page_size %v, record_index %v", page["count"], page["page_size"], page["record_index"])
				}
				got = append(got, uuids...)
				next = href(page, "next")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", order, diff)
			}
		}
		first, page := w.list("")
		if len(first) != 10 || href(page, "prev") != "" || strings.Contains(href(page, "first"), "record_index") || !strings.HasSuffix(href(page, "last"), "record_index=20") {
			t.Errorf("the first page has %d rows and links %v", len(first), page["_links"])
		}
		if rest, page := w.list("page_size=100&record_index=22"); !cmp.Equal(rest, placed[22:]) || href(page, "next") != "" {
			t.Errorf("record_index is a row: got %d rows, links %v", len(rest), page["_links"])
		}
	})
}

func TestListFilters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		numbers := testNumbers(6)
		w := inBubble(t, voicesim.Config{Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
			numbers[0]: {{Outcome: "busy"}}, numbers[1]: {{Outcome: "answered"}}, numbers[2]: {{Outcome: "busy"}},
			numbers[3]: {{Outcome: "rejected"}}, numbers[4]: {{Outcome: "answered"}}, numbers[5]: {{Outcome: "timeout"}},
		}}})
		defer w.close()
		var placed []string
		for _, number := range numbers {
			placed = append(placed, w.place(number, nil))
			time.Sleep(10 * time.Second)
		}
		w.waitIdle()
		ledger := w.sim.Ledger()
		at := func(i int) string { return url.QueryEscape(ledger[i].PlacedAt.Format(time.RFC3339Nano)) }
		tests := map[string][]string{
			"status=busy":                            {placed[0], placed[2]},
			"status=completed":                       {placed[1], placed[4]},
			"status=ringing":                         nil,
			"date_start=" + at(2) + "&page_size=100": placed[2:],
			"date_end=" + at(2):                      placed[:3],
			"date_start=" + at(1) + "&date_end=" + at(4) + "&order=desc": {placed[4], placed[3], placed[2], placed[1]},
			"conversation_uuid=" + ledger[3].ConversationUUID:            {placed[3]},
			"conversation_uuid=CON-x":                                    nil,
		}
		for query, want := range tests {
			if got, _ := w.list(query); !cmp.Equal(got, want) {
				t.Errorf("%s: got %v, want %v", query, got, want)
			}
		}
		for _, query := range []string{"status=human", "page_size=101", "page_size=0", "record_index=-1", "order=up", "date_start=today"} {
			if r := w.do("GET", "/v1/calls?"+query, ""); r.status != 400 {
				t.Errorf("%s: %d, want 400", query, r.status)
			}
		}
	})
}

func TestListLag(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lag = 10 * time.Second
		w := inBubble(t, voicesim.Config{ListLag: lag})
		defer w.close()
		for _, number := range testNumbers(50) {
			w.place(number, nil)
		}
		count := func() int {
			_, page := w.list("page_size=1")
			return int(page["count"].(float64))
		}
		if n := count(); n != 0 {
			t.Errorf("%d listed at once", n)
		}
		time.Sleep(lag / 2)
		if n := count(); n < 10 || n > 40 {
			t.Errorf("%d of 50 listed after half of the lag", n)
		}
		time.Sleep(lag / 2)
		if n := count(); n != 50 {
			t.Errorf("%d of 50 listed after the lag", n)
		}
	})
}

func TestRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: "busy"})})
		defer w.close()
		uuid := w.place(target, nil)
		w.waitIdle()
		time.Sleep(48*time.Hour - time.Minute)
		if r := w.do("GET", "/v1/calls/"+uuid, ""); r.status != 200 {
			t.Errorf("at 47:59: %d", r.status)
		}
		time.Sleep(time.Minute)
		got, _ := w.list("")
		if r := w.do("GET", "/v1/calls/"+uuid, ""); r.status != 404 || len(got) != 0 {
			t.Errorf("at 48:00: %d, %d listed", r.status, len(got))
		}
		if len(w.sim.Ledger()) != 1 {
			t.Error("the ledger forgot a call")
		}
	})
}

func TestUUIDsMatchExactly(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Faults: voicesim.Faults{DashlessUUIDs: 1}})
	uuid := w.place(target, nil)
	dashed := fmt.Sprintf("%s-%s-%s-%s-%s", uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:])
	for text, want := range map[string]int{uuid: 200, dashed: 404, strings.ToUpper(uuid): 404, "nonsense": 404} {
		r := w.do("GET", "/v1/calls/"+text, "")
		if r.status != want {
			t.Errorf("GET %s: %d, want %d", text, r.status, want)
		}
		if want == 404 && (r.body["type"] != 404.0 || r.body["title"] != "Not Found") {
			t.Errorf("GET %s: %v", text, r.body)
		}
	}
}

func TestReadFaults(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Faults: voicesim.Faults{ReadFails: 0.5}})
	// On a reused connection Go's client sends a GET again by itself.
	w.client.Transport.(*http.Transport).DisableKeepAlives = true
	w.place(target, nil)
	seen := map[string]int{}
	for range 100 {
		r := w.do("GET", "/v1/calls", "")
		switch {
		case r.err != nil && r.status == 200:
			seen["broken off"]++
		case r.err != nil:
			seen["cut"]++
		default:
			seen[fmt.Sprint(r.status)]++
		}
	}
	for _, way := range []string{"200", "500", "503", "cut", "broken off"} {
		if seen[way] < 3 {
			t.Errorf("%s: %d of 100 (%v)", way, seen[way], seen)
		}
	}
}
