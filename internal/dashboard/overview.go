package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// overviewView is the first page: whether the dialer calls, how fast, when it will be
// done, what was spent, and what needs a person.
type overviewView struct {
	app.Snapshot
	Calling  bool
	Headline string
	Share    string // of the pace
	DoneIn   template.HTML
	Rows     []campaignRow
}

// campaignRow is a campaign in a list, with its bar.
type campaignRow struct {
	app.Report
	Bar []segment
}

// ToGo is how many people have not ended.
func (r campaignRow) ToGo() int { return r.Pending + r.Active + r.Waiting }

// segment is a part of a bar, in percent.
type segment struct {
	Class, Name string
	N           int
	From, Wide  float64
}

func (d *dashboard) overview(v *visit) error {
	s, err := d.live.recent(v.Context())
	if err != nil {
		return err
	}
	view := d.overviewOf(seenBy(v, s))
	return d.show(v, http.StatusOK, "overview.html", shown{Title: view.TabTitle(), Here: "overview", Data: view})
}

// seenBy is a snapshot as the visitor may see it, because texts that people typed may
// contain numbers.
func seenBy(v *visit, s app.Snapshot) app.Snapshot {
	if !v.masked() {
		return s
	}
	s.Campaigns = slices.Clone(s.Campaigns) // others see the same snapshot
	for i := range s.Campaigns {
		s.Campaigns[i].Campaign = app.MaskText(s.Campaigns[i].Campaign)
		s.Campaigns[i].PauseReason = app.MaskText(s.Campaigns[i].PauseReason)
	}
	return s
}

func (d *dashboard) overviewOf(s app.Snapshot) overviewView {
	view := overviewView{Snapshot: s, Rows: rowsOf(s.Campaigns)}
	slices.Reverse(view.Rows) // the latest first
	left := course{}
	for _, r := range s.Campaigns {
		if r.Status == campaign.Running {
			left = left.and(courseOf(r, s.Courses[r.CampaignID]))
		}
	}
	view.Calling = s.Locked == "" && (s.Open+s.Queued > 0 || s.Dialed > 0 && view.ToGo > 0)
	switch {
	case s.Locked != "":
		view.Headline = "Nobody is called: the database is locked"
	case view.Calling:
		view.Headline = "Calling"
	case s.Running > 0 && view.ToGo > 0:
		view.Headline = "Waiting: nobody is due now"
	case s.Scheduled > 0:
		view.Headline = "Waiting: the next campaign has not begun"
	default:
		view.Headline = "Nobody is to be called"
	}
	view.Share = fmt.Sprintf("%.0f %%", 100*float64(s.Dialed)/60/d.CallsPerSecond)
	view.DoneIn = left.text()
	return view
}

func rowsOf(list []app.Report) []campaignRow {
	rows := make([]campaignRow, len(list))
	for i, r := range list {
		rows[i] = campaignRow{r, barOf(r)}
	}
	return rows
}

// campaigns lists all campaigns, the latest first, a page at a time.
func (d *dashboard) campaigns(v *visit) error {
	before := int64(math.MaxInt64)
	if text := v.URL.Query().Get("after"); text != "" {
		var err error
		if before, err = strconv.ParseInt(text, 10, 64); err != nil {
			return app.ErrCursor
		}
	}
	list, err := d.Store.LatestReports(v.Context(), before, app.SnapshotCampaigns+1)
	if err != nil {
		return err
	}
	view := listView{}
	if len(list) > app.SnapshotCampaigns {
		list = list[:app.SnapshotCampaigns]
		view.Next = strconv.FormatInt(list[len(list)-1].CampaignID, 10)
	}
	view.Rows = rowsOf(seenBy(v, app.Snapshot{Campaigns: list}).Campaigns)
	return d.show(v, http.StatusOK, "campaigns.html", shown{Title: "All campaigns", Here: "overview", Data: view})
}

// TabTitle is the state in a word, for the browser's tab.
func (o overviewView) TabTitle() string {
	title := o.Headline
	if o.Calling {
		title = fmt.Sprintf("Calling, %s to go", count(o.ToGo))
	}
	if o.Alarms > 0 {
		title = fmt.Sprintf("(%d) %s", o.Alarms, title)
	}
	return title
}

// barOf is the line rows = refused + pending + active + waiting + done, as a bar. Among
// the people who have ended, those who were reached come first.
func barOf(r app.Report) []segment {
	list := []segment{
		{Class: "reached", Name: "reached", N: r.Reached},
		{Class: "ended", Name: "ended otherwise", N: r.Done - r.Reached},
		{Class: "active", Name: "being called", N: r.Active},
		{Class: "waiting", Name: "to be called again", N: r.Waiting},
		{Class: "pending", Name: "not called yet", N: r.Pending},
		{Class: "refused", Name: "refused rows", N: r.Rejected},
	}
	from := 0.0
	for i := range list {
		if r.Rows > 0 {
			list[i].Wide = 100 * float64(list[i].N) / float64(r.Rows)
		}
		list[i].From = from
		from += list[i].Wide
	}
	return list
}

// age is how long ago something was, in words.
func age(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return now.Sub(t).Round(time.Second).String() + " ago"
}

// SinceLast is how long ago a call was begun.
func (o overviewView) SinceLast() string { return age(o.LastCall, o.At) }
