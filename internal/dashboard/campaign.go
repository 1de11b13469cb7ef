package dashboard

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// standing is the state of a campaign: the live part of its page.
type standing struct {
	app.Report
	Bar     []segment
	Reasons []reasonCount
	Results []resultCount
	DoneIn  template.HTML
}

type reasonCount struct {
	Reason campaign.Reason
	N      int
}

type resultCount struct {
	Result string
	N      int
}

// Callable is how many rows can be called.
func (s standing) Callable() int { return s.Rows - s.Rejected }

// Uncalled is how many people a stop would leave uncalled.
func (s standing) Uncalled() int { return s.Pending + s.Active + s.Waiting }

// TabTitle is the state in a word, for the browser's tab.
func (s standing) TabTitle() string {
	if s.Status == campaign.Running {
		return fmt.Sprintf("%s: %s to go", s.Campaign, count(s.Uncalled()))
	}
	return fmt.Sprintf("%s: %s", s.Campaign, s.Status)
}

// Standing is what happens next, in a sentence.
func (s standing) Standing() template.HTML {
	switch s.Status {
	case campaign.Draft:
		return "It is a draft: nobody is called before it is started."
	case campaign.Importing:
		return "Its rows are being added: nobody is called before all are in."
	case campaign.Scheduled:
		return "It begins at " + when(s.Start) + "."
	case campaign.Running:
		if s.Uncalled() == 0 {
			return "Nobody is left to call. It takes people until its end or a stop."
		}
		return template.HTML(strings.ToUpper(string(s.DoneIn[:1]))) + s.DoneIn[1:] + "."
	case campaign.Paused:
		return "No call begins before it is resumed."
	case campaign.Stopping:
		return "It was stopped for good, and calls of it are still up."
	case campaign.Stopped:
		return "It was stopped for good."
	case campaign.Finished:
		if !s.End.IsZero() && !s.End.After(time.Now()) {
			return "Its end has come: it takes nobody any more."
		}
		return "Everybody in it has ended. It runs again when people are added."
	}
	return ""
}

// IsDraft: it waits to be started for the first time.
func (s standing) IsDraft() bool { return s.Status == campaign.Draft }

// Over: it takes no rows and no edit.
func (s standing) Over() bool { return s.Status.Rule().Over }

// MayPause, MayResume and MayStop say which buttons there are.
func (s standing) MayPause() bool  { return s.Status.Rule().MayPause }
func (s standing) MayResume() bool { return s.Status.Rule().MayResume }
func (s standing) MayStop() bool   { return !s.Over() }

// standingOf is the campaign's state as the visitor may see it, even if the snapshot does
// not have the campaign.
func (d *dashboard) standingOf(v *visit, s app.Snapshot, id int64) (standing, error) {
	r, err := d.reportIn(v.Context(), s, id)
	if err != nil {
		return standing{}, err
	}
	r = seenBy(v, app.Snapshot{Campaigns: []app.Report{r}}).Campaigns[0]
	view := standing{Report: r, Bar: barOf(r), DoneIn: courseOf(r, s.Courses[id]).text()}
	for _, reason := range campaign.Reasons {
		if n := view.Report.Reasons[reason]; n > 0 {
			view.Reasons = append(view.Reasons, reasonCount{reason, n})
		}
	}
	for _, result := range slices.Sorted(maps.Keys(view.Ladder.Results)) {
		view.Results = append(view.Results, resultCount{result, view.Ladder.Results[result]})
	}
	return view, nil
}

// reportIn is the campaign's report in a snapshot. A campaign that is over, or newer than
// the snapshot, may not be in it; then the report is read.
func (d *dashboard) reportIn(ctx context.Context, s app.Snapshot, id int64) (app.Report, error) {
	if i := slices.IndexFunc(s.Campaigns, func(r app.Report) bool { return r.CampaignID == id }); i >= 0 {
		return s.Campaigns[i], nil
	}
	list, err := d.Store.Report(ctx, id)
	if err == nil && len(list) == 0 {
		err = campaign.ErrNotFound
	}
	if err != nil {
		return app.Report{}, err
	}
	return list[0], nil
}

// Up is how many calls are up, or have their request on its way. Calls that wait in the
// queue do not count.
func (s standing) Up() int {
	return s.Attempts[campaign.Dialing] + s.Attempts[campaign.Unknown] + s.Attempts[campaign.Accepted]
}

// campaignView is a campaign's page.
type campaignView struct {
	standing
	MayChange bool
	People    peopleView
	Costs     []costRow
	Document  documentView
}

// NextName is a name for a campaign of the people who were not reached.
func (c campaignView) NextName() string {
	name := []rune(c.Campaign)
	return string(name[:min(len(name), 190)]) + "-again"
}

// costRow is what a campaign's calls to one country cost.
type costRow struct {
	app.CountryCost
	Total bool
}

// costsOf are the rows of the countries, with their sum if there are several.
func costsOf(list []app.CountryCost) (rows []costRow) {
	sum := costRow{Total: true}
	for _, c := range list {
		rows = append(rows, costRow{CountryCost: c})
		sum.Calls += c.Calls
		sum.Seconds += c.Seconds
		sum.ConfirmedCalls += c.ConfirmedCalls
		sum.EstimatedCalls += c.EstimatedCalls
		sum.Missing += c.Missing
		sum.Open += c.Open
		sum.Confirmed, sum.Estimated = sum.Confirmed.Add(c.Confirmed), sum.Estimated.Add(c.Estimated)
	}
	if len(rows) > 1 {
		rows = append(rows, sum)
	}
	return rows
}

func (d *dashboard) campaign(v *visit) error { return d.showCampaign(v, http.StatusOK, nil, nil) }

// search looks for the text that was typed. It is sent by POST. A text that may be a
// number is answered here, so that no number is in an address.
func (d *dashboard) search(v *visit) error {
	id, err := v.idOf("id")
	if err != nil {
		return err
	}
	text := strings.TrimSpace(v.PostFormValue("q"))
	if digitsIn(text) < 7 {
		http.Redirect(v.w, v.Request, address(id)+string(only("q", text)), http.StatusSeeOther)
		return nil
	}
	return d.showPeople(v, http.StatusOK, nil, nil, url.Values{"q": {text}, "after": {v.PostFormValue("after")}})
}

func digitsIn(text string) (n int) {
	for _, r := range text {
		if r >= '0' && r <= '9' {
			n++
		}
	}
	return n
}

// showCampaign shows the page, with the refusal if there is one. typed is a document that
// was refused.
func (d *dashboard) showCampaign(v *visit, status int, refused error, typed *documentView) error {
	values := v.URL.Query()
	if digitsIn(values.Get("q")) >= 7 {
		values.Del("q")
	}
	return d.showPeople(v, status, refused, typed, values)
}

func (d *dashboard) showPeople(v *visit, status int, refused error, typed *documentView, values url.Values) error {
	id, err := v.idOf("id")
	if err != nil {
		return err
	}
	s, err := d.live.read(v.Context())
	if err != nil {
		return err
	}
	view := campaignView{MayChange: v.by.May(app.Operator)}
	if view.standing, err = d.standingOf(v, s, id); err != nil {
		return err
	}
	if view.People, err = d.people(v, view.standing, values); err != nil {
		return err
	}
	costs, err := d.Store.CostByCountry(v.Context(), id)
	if err != nil {
		return err
	}
	view.Costs = costsOf(costs)
	if view.Document, err = d.documentOn(v.Context(), id); err != nil {
		return err
	}
	switch {
	case typed == nil:
	case view.Over(): // there is no form to correct it in
		view.Document.Refused = typed.Refused
	default:
		view.Document = *typed
	}
	if v.masked() {
		view.Document.Text = app.MaskText(view.Document.Text)
	}
	of := shown{Title: view.TabTitle(), Here: "overview", Data: view}
	if view.MayChange && view.Status == campaign.Paused && v.URL.Query().Get("done") == "pause" {
		of.Undo = address(id) + "/resume"
	}
	if refused != nil {
		of.Error = refused.Error()
	}
	return d.show(v, status, "campaign.html", of)
}

// decoded reads a list's objects, with numbers masked for viewers.
func decoded[T any](v *visit, items []json.RawMessage) ([]T, error) {
	list := make([]T, len(items))
	for i, item := range items {
		if v.masked() {
			item = app.MaskJSON(item)
		}
		if err := json.Unmarshal(item, &list[i]); err != nil {
			return nil, fmt.Errorf("read an entry of a list: %w", err)
		}
	}
	return list, nil
}

// campaignOf is the campaign of the page, by its id and its name.
func (d *dashboard) campaignOf(v *visit) (id int64, name string, err error) {
	if id, err = v.idOf("id"); err == nil {
		name, err = d.nameOf(v.Context(), id)
	}
	return id, name, err
}

// nameOf is the campaign's name. A change finds the campaign by it, because the id may be
// the name of another campaign.
func (d *dashboard) nameOf(ctx context.Context, id int64) (string, error) {
	list, err := d.Store.Report(ctx, id)
	if err != nil {
		return "", err
	}
	if len(list) == 0 {
		return "", campaign.ErrNotFound
	}
	return list[0].Campaign, nil
}

// changeCampaign pauses, resumes or stops. A stop cannot be undone, so the person must
// type how many people will not be called any more.
func (d *dashboard) changeCampaign(v *visit) error {
	id, name, err := d.campaignOf(v)
	if err != nil {
		return err
	}
	campaigns, action := app.Campaigns{Store: d.Store}, v.PathValue("action")
	switch action {
	case "pause":
		_, err = campaigns.Pause(v.Context(), v.by, name, cmp.Or(strings.TrimSpace(v.PostFormValue("reason")), "by hand"))
	case "resume":
		var was campaign.Campaign
		if was, err = campaigns.Resume(v.Context(), v.by, name); was.Status == campaign.Draft {
			action = "begin"
		}
	case "stop":
		if err = d.typed(v, id, "people", "not stopped", "people would not be called any more", standing.Uncalled); err != nil {
			break
		}
		_, err = campaigns.Stop(v.Context(), v.by, name)
	case "hangup":
		err = d.hangUpAll(v, id)
	case "test":
		err = d.testCampaign(v, name)
	case "again":
		var draft int64
		if draft, err = d.callAgain(v, id, name); err == nil {
			return v.done(address(draft), "again")
		}
	default:
		return campaign.ErrNotFound
	}
	if err != nil {
		if errors.Is(err, campaign.ErrNotFound) || ours(err) {
			return err
		}
		return d.showCampaign(v, http.StatusUnprocessableEntity, err, nil)
	}
	return v.done(address(id), action)
}

// typed compares the typed number with the number that the page showed, and with the
// present one: nobody has agreed to stop people who came since.
func (d *dashboard) typed(v *visit, id int64, shown, not, of string, now func(standing) int) error {
	s, err := d.live.read(v.Context())
	if err != nil {
		return err
	}
	is, err := d.standingOf(v, s, id)
	if err != nil {
		return err
	}
	n, wrong := strconv.Atoi(strings.TrimSpace(v.PostFormValue("typed")))
	//guard:false internal/dashboard.TestTypedNumber: who came since the page was read is not stopped without a word
	if wrong == nil && now(is) > n && v.PostFormValue("typed") == v.PostFormValue(shown) {
		return fmt.Errorf("%s: %s %s now, and not %s as this page said: type that", not, count(now(is)), of, count(n))
	}
	if wrong != nil || v.PostFormValue("typed") != v.PostFormValue(shown) {
		return fmt.Errorf("%s: the number that you typed is not the number that was asked for; %s %s now", not, count(now(is)), of)
	}
	return nil
}

// exportTypes are the file types of an export.
var exportTypes = map[string]string{
	"csv": "text/csv; charset=utf-8", "json": "application/json", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

func (d *dashboard) export(v *visit) error {
	id, name, err := d.campaignOf(v)
	if err != nil {
		return err
	}
	format := cmp.Or(v.URL.Query().Get("format"), "csv")
	kind, ok := exportTypes[format]
	if !ok {
		return errors.New("format: want csv, json or xlsx")
	}
	whom := v.URL.Query().Get("whom")
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="campaign-%d.%s"`, id, format))
	q := app.ExportQuery{Reached: whom == "reached", NotReached: whom == "not-reached"}
	q.Result, _ = strings.CutPrefix(whom, "result:")
	if !strings.HasPrefix(whom, "result:") {
		q.Result = ""
	}
	err = d.Export(v.Context(), v.w, name, format, q)
	if err != nil {
		d.Log.ErrorContext(v.Context(), "an export broke off", "campaign_id", id, "error", err)
		panic(http.ErrAbortHandler) // so that nobody mistakes a part of it for the whole
	}
	return nil
}
