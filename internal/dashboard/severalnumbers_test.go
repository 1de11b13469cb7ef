package dashboard

import (
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
)

// A person who complains about a call has the telephone that was called last, even if
// another one is next.
func TestSuppressTheNumberThatWasCalled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := testkit.ContactRows(0, 1)
	rows[0].More = []campaign.RowNumber{{To: testkit.Number(1), Zones: rows[0].Zones}}
	w.db.StartCampaignOf(t, "outage", rows)
	w.db.Exec(t, `UPDATE contacts SET to_number = $1`, testkit.Number(1)) // its turn
	w.get("/campaigns/1/contacts/1", 200, testkit.Number(0))
	w.post("/campaigns/1/contacts/1/suppress", nil, 200, "Suppressed")
	w.get("/suppressions", 200, testkit.Number(0))
	if text := w.get("/suppressions", 200); strings.Contains(text, testkit.Number(1)) {
		t.Error("the number is suppressed that was not called")
	}
}
