package httpapi_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/internal/app"
	"dialer/internal/testkit"
)

// A merge patch of the document makes a new version, which also applies to people who are
// already in the campaign.
func TestEditACampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.want(w.do(app.Operator, "POST", "campaigns?draft=true", document), 201, `"version":1`)
	w.want(w.do(app.Operator, "PUT", "campaigns/dental/contacts/p1", `{"to":"+447700900101","name":"Ann","appointment":"2036-12-03 10:00"}`), 201)
	patch := func(status int, body string, says ...string) reply {
		t.Helper()
		return w.want(w.do(app.Operator, "PATCH", "campaigns/dental", body), status, says...)
	}
	if same := patch(200, `{"name":"dental"}`, `"version":1`); same.header.Get("ETag") != made.header.Get("ETag") {
		t.Error("a patch that changes nothing makes another version")
	}
	edited := patch(200, `{"message":{"say":"Dear {{name}}, hello.","keys":{"1":null,"2":{"result":"cancelled"}}},"when":{"end":"2036-12-31T18:00:00Z"}}`,
		`"version":2`, `"say":"Dear {{name}}, hello."`, `"end":"2036-12-31T18:00:00+00:00"`, `"hours":"00:00-24:00"`)
	if keys := edited.value(t, "document", "message", "keys"); fmt.Sprint(keys) != "map[2:map[result:cancelled]]" {
		t.Errorf("keys %v", keys)
	}
	if got := testkit.Value[string](t, w.db, `SELECT settings #>> '{message,say}' || ' ' || ends_at::date FROM campaigns`); got != "Dear {{name}}, hello. 2036-12-31" {
		t.Errorf("it has %q", got)
	}
	if by := testkit.Rows[string](t, w.db, `SELECT made_by FROM campaign_versions ORDER BY version`); len(by) != 2 || by[1] != "operator" {
		t.Errorf("versions by %q", by)
	}
	patch(200, `{"when":{"end":null}}`, `"version":3`, `"end":null`)

	for body, says := range map[string]string{
		`{"name":"other"}`:        "name cannot be changed",
		`{"people":{"key":null}}`: "people.key cannot be changed",
		`{"remind":{"column":"appointment","before":["24h"]}}`: "remind cannot be changed",
		`{"when":{"end":"2020-01-01T00:00:00Z"}}`:              "is past",
		`{"when":{"hours":"25:00-26:00"}}`:                     "hours",
		`{"message":{"say":"Hello {{nobody}}."}}`:              "nobody",
		`{"message":{"say":"forbidden"}}`:                      "may not",
		`{"colour":1}`:                                         "colour",
		`{"message":null}`:                                     "message",
		`{"message":{"say":{"a":"b"}}}`:                        "",
		`[]`:                                                   "want an object",
		`null`:                                                 "want an object",
		`{`:                                                    "JSON",
		``:                                                     "JSON",
	} {
		patch(422, body, says)
	}
	now := w.want(w.do(app.Viewer, "GET", "campaigns/dental", ""), 200, `"version":3`)

	const say = `{"message":{"say":"Two."}}`
	w.want(w.do(app.Operator, "PATCH", "campaigns/dental", say, "If-Match", made.header.Get("ETag")), 412, "changed since")
	w.want(w.do(app.Operator, "PATCH", "campaigns/dental", say, "If-Match", now.header.Get("ETag")), 200, `"version":4`)
	w.want(w.do(app.Operator, "PATCH", "campaigns/dental", say, "If-Match", "*"), 200, `"version":4`)
	w.want(w.do(app.Operator, "PATCH", "campaigns/nobody", say, "If-Match", `"x"`), 404)
	w.want(w.do(app.Operator, "PATCH", "campaigns/nobody", say), 404)
	w.want(w.do(app.Viewer, "PATCH", "campaigns/dental", say), 403)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/stop", ""), 200)
	patch(422, `{"message":{"say":"Three."}}`, "it is stopped")
}

// Of several edits that name the same version, only one is made.
func TestEditsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	const rounds = 10 // in each, some pass the check of the ETag together
	for round := range rounds {
		version := w.want(w.do(app.Operator, "GET", "campaigns/dental", ""), 200).header.Get("ETag")
		statuses := make([]int, 8)
		var wg sync.WaitGroup
		for i := range statuses {
			wg.Go(func() {
				body := fmt.Sprintf(`{"message":{"say":"Words of edit %d in round %d."}}`, i, round)
				statuses[i] = w.do(app.Operator, "PATCH", "campaigns/dental", body, "If-Match", version).status
			})
		}
		wg.Wait()
		count := map[int]int{}
		for _, status := range statuses {
			count[status]++
		}
		if count[200] != 1 || count[412] != len(statuses)-1 {
			t.Errorf("statuses %v", statuses)
		}
	}
	if n := testkit.Value[int](t, w.db, `SELECT version FROM campaigns`); n != 1+rounds {
		t.Errorf("version %d", n)
	}
}

// A campaign that is over takes no rows, even while its calls are still up.
func TestRowsForACampaignThatIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(w.do(app.Operator, "POST", "campaigns", document), 201)
	w.want(w.do(app.Operator, "POST", "campaigns/dental/stop", ""), 200)
	rows := `[{"patient":"p1","to":"+447700900101","name":"Ann","appointment":"` + time.Now().AddDate(1, 0, 0).Format(time.DateOnly) + `"}]`
	if got := w.want(w.do(app.Operator, "POST", "campaigns/dental/contacts", rows), 422); !strings.Contains(got.body, "stopped") {
		t.Errorf("%s", got.body)
	}
}
