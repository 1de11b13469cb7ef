package csvimport

import (
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// The reminders of a row are before its own time, in the hours, and never after its
// call_before. A row that has none left adds nobody.
func TestReaderReminders(t *testing.T) {
	t.Parallel()
	s := lenient()
	s.Hours = campaign.Daily(9*60, 20*60)
	s.Remind = &campaign.Remind{Column: "when", Before: []time.Duration{24 * time.Hour, 2 * time.Hour}}
	type read struct {
		RemindAt          []string
		CallAt, Own, Last string
		Moved, Past, Late bool
		Refused           string
	}
	text := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format("01-02 15:04")
	}
	const none = "every reminder of this time is past, or the hours leave none before it; give a time to come"
	for row, want := range map[string]read{ // it is 2026-11-24 09:00 in London
		"2026-12-03 14:00,":                 {RemindAt: []string{"12-02 14:00", "12-03 12:00"}, CallAt: "12-02 14:00", Own: "12-03 14:00", Last: "12-03 14:00"},
		"2026-12-03 10:00,":                 {RemindAt: []string{"12-02 10:00", "12-02 19:49"}, CallAt: "12-02 10:00", Own: "12-03 10:00", Last: "12-03 10:00", Moved: true},
		"2026-12-03 14:00,2026-12-03 11:00": {RemindAt: []string{"12-02 14:00"}, CallAt: "12-02 14:00", Own: "12-03 14:00", Last: "12-03 11:00"},
		"2026-11-24 10:30,":                 {Own: "11-24 10:30", Last: "11-24 10:30", Late: true, Refused: none},
		"2026-11-23 10:30,":                 {Own: "11-23 10:30", Last: "11-23 10:30", Late: true, Past: true, Refused: none},
	} {
		o := options()
		o.Now = at("2026-11-24T09:00:00Z")
		reader := mustReader(t, "to,zone,when,call_before\n+442079460018,,"+row+"\n", s, o)
		var r campaign.Row
		for rec, err := range reader.records() {
			require.NoError(t, err)
			var rejected *campaign.RowError
			if r, rejected = reader.parse(rec); rejected != nil {
				t.Errorf("%s: %+v", row, rejected)
			}
		}
		got := read{CallAt: text(r.CallAt), Own: text(r.OwnTime), Last: text(r.NotLaterThan), Moved: r.CallAtMoved, Past: r.Past, Late: r.TooLate, Refused: r.NotNew.Reason}
		for _, at := range r.RemindAt {
			got.RemindAt = append(got.RemindAt, text(at))
		}
		if diff := cmp.Diff(want, got); diff != "" || r.RemindAt == nil {
			t.Errorf("%s (-want +got)\n%s", row, diff)
		}
	}
}
