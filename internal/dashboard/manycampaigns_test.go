package dashboard

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// The first page shows a limited number of campaigns: those that are not over, then the
// latest. Its figures count all campaigns, and other pages list them all.
func TestFirstPageIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := w.db.StartCampaign(t, "the oldest, which runs", 4)
	heard := w.db.StartCampaignOf(t, "until heard", testkit.ContactRows(10, 6), func(s *campaign.Settings) { s.Retry.Until = campaign.UntilHeard })
	w.db.Exec(t, `
		UPDATE contacts SET state = 'done', reason = (ARRAY['human', 'busy', 'suppressed'])[1 + line_no % 3] WHERE line_no > 3;
		UPDATE contacts SET heard_at = now() WHERE reason = 'human' AND line_no < 6`)
	w.db.Exec(t, `UPDATE campaigns SET status = 'finished' WHERE id = $1`, heard.ID)
	w.db.Exec(t, `
		INSERT INTO campaigns (name, status, settings, from_numbers, open_minutes, import_finished_at)
		SELECT 'over ' || i, 'finished', settings, from_numbers, open_minutes, now() FROM campaigns, generate_series(1, 68) AS i WHERE id = $1`, old.ID)
	first := w.get("/", 200, "the oldest, which runs", "over 68", "over 20<", "All 70 campaigns")
	if strings.Contains(first, "over 19<") || strings.Contains(first, "until heard") {
		t.Error("the first page shows more than it should")
	}
	links := regexp.MustCompile(`href="/campaigns/(\d+)"`)
	var seen []string
	for path := "/campaigns"; path != ""; {
		text := w.get(path, 200)
		for _, link := range links.FindAllStringSubmatch(text, -1) {
			seen = append(seen, link[1])
		}
		path = ""
		if next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(text); next != nil {
			path = "/campaigns" + next[1]
		}
	}
	want := testkit.Rows[string](t, w.db, `SELECT id::text FROM campaigns c ORDER BY c.id DESC`)
	if !slices.Equal(seen, want) {
		t.Errorf("the pages of all campaigns have %v, want %v", seen, want)
	}
	w.get("/campaigns?after=x", 422)
	w.get(fmt.Sprint("/campaigns/", heard.ID), 200, "until heard")

	s, err := w.db.Snapshot(t.Context())
	require.NoError(t, err)
	reports, err := w.db.Report(t.Context())
	require.NoError(t, err)
	sum := app.Totals{AllCampaigns: len(reports)}
	for _, r := range reports {
		sum.Calls, sum.Unpriced, sum.Lost = sum.Calls+r.Calls, sum.Unpriced+r.Unpriced, sum.Lost+r.Attempts[campaign.Lost]
		sum.Spent, sum.ByHand = sum.Spent.Add(r.Price), sum.ByHand+r.ByHand
		if r.Status == campaign.Running {
			sum.Running, sum.ToGo = sum.Running+1, sum.ToGo+standing{Report: r}.Uncalled()
		}
	}
	if sum.ByHand == 0 || sum.ToGo == 0 || fmt.Sprint(s.Totals) != fmt.Sprint(sum) {
		t.Errorf("the figures are %+v, and those of all campaigns together %+v", s.Totals, sum)
	}
}

// A search whose text may be a number has further pages too, by a form, so that no number
// is in an address.
func TestSearchGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rows := testkit.ContactRows(0, 120)
	for i := range rows {
		rows[i].Key = fmt.Sprint("k", i)
		rows[i].Vars["date"], rows[i].Vars["to"] = "2036-12-03", "+"+rows[i].To
	}
	w.db.StartCampaignOf(t, "outage", rows)
	for _, search := range []string{"2036-12-03", "+447700900"} {
		form := url.Values{"q": {search}}
		people := map[string]bool{}
		pages := 0
		for ; pages < 10; pages++ {
			text := w.post("/campaigns/1/search", form, 200)
			for _, link := range regexp.MustCompile(`href="/campaigns/1/contacts/(\d+)"`).FindAllStringSubmatch(text, -1) {
				people[link[1]] = true
			}
			for _, link := range regexp.MustCompile(`(?:href|action)="([^"]*)"`).FindAllStringSubmatch(text, -1) {
				if address, err := url.QueryUnescape(link[1]); err != nil || digitsIn(address) >= 7 {
					t.Errorf("%s: an address is %s, %v", search, address, err)
				}
			}
			next := regexp.MustCompile(`name="after" value="([^"]+)"`).FindStringSubmatch(text)
			if next == nil {
				break
			}
			form.Set("after", next[1])
		}
		if len(people) != 120 || pages == 0 {
			t.Errorf("%s: %d of 120 people are found on %d pages", search, len(people), pages+1)
		}
	}
}
