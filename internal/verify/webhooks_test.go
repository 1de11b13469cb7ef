package verify_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/app"
	"dialer/internal/verify"

	"github.com/google/uuid"
)

// Each webhook that our side acknowledged is a row, and each row is such a webhook.
func TestCompareWebhooks(t *testing.T) {
	t.Parallel()
	lose := func(kind string, attempt uuid.UUID) func(*world) {
		return func(w *world) {
			for i, e := range w.records.Events {
				if e.Kind == kind && e.Attempt == attempt {
					w.records.Events[i].Rows--
				}
			}
		}
	}
	for _, test := range []struct {
		name  string
		world func(*world)
		finds string // "": nothing
		waits bool
	}{
		{"all stored", func(*world) {}, "", false},
		{"an input that is lost", lose("input", two), "I13: 1 webhooks input of attempt " + two.String() + " were answered 200, and 0 are stored", false},
		{"one of two notifies that is lost", lose("notify", two), "I13: 2 webhooks notify of attempt", false},
		{"a copy of a status that is lost", lose("ringing", one), "I13: 2 webhooks ringing of attempt", false},
		{"one of a call by hand that is lost", lose("answered", uuid.Nil), "I13: 1 webhooks answered of attempt " + uuid.Nil.String(), false},
		{"one of another attempt", func(w *world) { w.records.Events[0].Attempt = one }, "I13: 1 webhooks input of attempt " + two.String(), false},
		{"one that was lost just now", func(w *world) {
			lose("input", two)(w)
			w.told[0].At = w.records.At
		}, "", true},
		{"a row of nothing that was sent", func(w *world) { w.records.Events[0].Rows = 2 }, "I13: 2 webhooks input of attempt " + two.String() + " are stored, and 1 were sent", false},
		{"a repeat that is a row", func(w *world) { w.records.Events[3].Rows = 2 }, "I13: 2 webhooks completed", false},
		{"stored, and the answer was lost", func(w *world) { w.told[0].Taken = false }, "", false},
		{"a row of a call by hand whose attempt is known", func(w *world) { w.records.Events[4].Attempt = manual }, "", false},
		{"forged", func(w *world) { w.forged = 1 }, "I13: 1 webhooks with the token of another one were answered 200", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := sound()
			id := byte(0)
			told := func(attempt uuid.UUID, kind string) {
				id++
				w.told = append(w.told, verify.Webhook{Attempt: attempt, Kind: kind, Token: uuid.UUID{id}, At: noon.Add(time.Minute), Taken: true})
			}
			told(two, "input")
			told(two, "notify")
			told(two, "notify")
			told(one, "ringing")
			told(one, "ringing")
			told(one, "completed")
			w.told = append(w.told, w.told[len(w.told)-1]) // the same token again
			told(uuid.Nil, "answered")
			w.records.Events = []app.EventCount{
				{Attempt: two, Kind: "input", Rows: 1}, {Attempt: two, Kind: "notify", Rows: 2}, {Attempt: one, Kind: "ringing", Rows: 2},
				{Attempt: one, Kind: "completed", Rows: 1}, {Kind: "answered", Rows: 1},
			}
			test.world(w)
			got := w.compare()
			found := func(f verify.Finding) bool { return strings.Contains(f.Invariant+": "+f.What, test.finds) }
			if test.finds == "" && !got.Sound() || test.finds != "" && !slices.ContainsFunc(got.Broken, found) {
				t.Errorf("found %v, want %q", got.Broken, test.finds)
			}
			if got.Settled() == test.waits {
				t.Errorf("waits for %v", got.Pending)
			}
		})
	}
}
