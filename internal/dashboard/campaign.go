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

// standing is how a campaign stands: what is live on its page.
type standing struct {
	app.Report
	Bar     []segment
	Reasons []reasonCount
	Results []resultCount
	DoneIn  string
}

type reasonCount struct {
	Reason campaign.Reason
	N      int
}

type resultCount struct {
	Result string
	N      int
}

// People is how many rows can be called.
func (s standing) People() int { return s.Rows - s.Rejected }

// NotReached is how many people a stop would leave uncalled.
func (s standing) NotReached() int { return s.Pending + s.Active + s.Waiting }

// TabTitle is the state in a word, for the browser's tab.
func (s standing) TabTitle() string {
	if s.Status == campaign.Running {
		return fmt.Sprintf("%s: %s to go", s.Campaign, count(s.NotReached()))
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
		if s.NotReached() == 0 {
			return "Nobody is left to call. It takes people until its end or a stop."
		}
		return template.HTML("At the present rate: " + s.DoneIn + ".") // none of it was typed by anybody
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

func (d *dashboard) standingOf(ctx context.Context, s app.Snapshot, id int64) (standing, error) {
	i := slices.IndexFunc(s.Campaigns, func(r app.Report) bool { return r.CampaignID == id })
	if i < 0 {
		return standing{}, campaign.ErrNotFound
	}
	view := standing{Report: s.Campaigns[i], Bar: barOf(s.Campaigns[i]), DoneIn: doneIn(s.Campaigns[i].Pending+s.Campaigns[i].Waiting, s.Dialed)}
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

// campaignView is a campaign's page.
type campaignView struct {
	standing
	MayChange bool
	Filter    url.Values
	Contacts  []contactRow
	Next      template.URL // of the next page; "": this is the last
	Document  documentView
}

// States are what contacts can be filtered by.
func (c campaignView) States() []string { return []string{"pending", "active", "waiting", "done"} }

// Filtered tells "nobody matches" apart from "nobody is there".
func (c campaignView) Filtered() bool {
	return c.Filter.Get("q")+c.Filter.Get("state")+c.Filter.Get("reason")+c.Filter.Get("result")+c.Filter.Get("after") != ""
}

// contactRow is a contact in a list: the columns of reporting.contacts.
type contactRow struct {
	ID       int64             `json:"contact_id"`
	Key      string            `json:"key"`
	To       string            `json:"to_number"`
	State    string            `json:"state"`
	Reason   string            `json:"reason"`
	Result   string            `json:"result"`
	Attempts int               `json:"attempts"`
	Next     string            `json:"next_attempt_at"`
	HeardAt  string            `json:"heard_at"`
	Row      map[string]string `json:"row"`
}

// Says is the row's other columns in a line.
func (r contactRow) Says() string {
	var cells []string
	for _, name := range slices.Sorted(maps.Keys(r.Row)) {
		if value := r.Row[name]; value != "" && value != r.Key && strings.TrimLeft(value, "+") != r.To {
			cells = append(cells, name+": "+value)
		}
	}
	text := []rune(strings.Join(cells, ", "))
	if len(text) > 120 {
		return string(text[:120]) + "…"
	}
	return string(text)
}

const contactsPerPage = 50

func (d *dashboard) campaign(v *visit) error { return d.showCampaign(v, http.StatusOK, nil, nil) }

// showCampaign shows the page, with what was refused if something was. typed is a
// document that was refused.
func (d *dashboard) showCampaign(v *visit, status int, refused error, typed *documentView) error {
	id, err := v.idOf("id")
	if err != nil {
		return err
	}
	s, err := d.live.read(v.Context())
	if err != nil {
		return err
	}
	view := campaignView{MayChange: v.by.May(app.Operator), Filter: v.URL.Query()}
	if view.standing, err = d.standingOf(v.Context(), seenBy(v, s), id); err != nil {
		return err
	}
	after := ""
	if text := view.Filter.Get("after"); text != "" { // an id: keys may be numbers, which stand in no address
		contact, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return campaign.ErrNotFound
		}
		if after, err = d.Store.KeyOf(v.Context(), id, contact); err != nil {
			return err
		}
	}
	q := app.ContactQuery{
		ListQuery: app.ListQuery{Limit: contactsPerPage, After: after}, State: view.Filter.Get("state"),
		Reason: view.Filter.Get("reason"), Result: view.Filter.Get("result"), Search: strings.TrimSpace(view.Filter.Get("q")),
	}
	page, err := d.Store.ListContacts(v.Context(), id, q)
	if err != nil {
		return err
	}
	if view.Contacts, err = decoded[contactRow](v, page.Items); err != nil {
		return err
	}
	if page.Next != "" {
		next := url.Values{}
		for name, values := range view.Filter {
			if name != "done" {
				next[name] = values
			}
		}
		next.Set("after", strconv.FormatInt(view.Contacts[len(view.Contacts)-1].ID, 10))
		view.Next = template.URL("?" + next.Encode() + "#people") // Encode escapes what people typed
	}
	if view.Document, err = d.documentOn(v.Context(), id); err != nil {
		return err
	}
	switch {
	case typed == nil:
	case view.Over(): // there is no form to mend it in
		view.Document.Refused = typed.Refused
	default:
		view.Document = *typed
	}
	if v.masked() {
		view.Document.Text = app.MaskText(view.Document.Text)
	}
	of := shown{Title: view.TabTitle(), Here: "overview", Data: view}
	if refused != nil {
		of.Error = refused.Error()
	}
	return d.show(v, status, "campaign.html", of)
}

// decoded reads a list's objects, masked for who may not see whole numbers.
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

// nameOf is the campaign's name, by which a change finds it: a number alone may be
// another one's name.
func (d *dashboard) nameOf(ctx context.Context, id int64) (string, error) {
	s, err := d.live.recent(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(s.Campaigns, func(r app.Report) bool { return r.CampaignID == id })
	if i < 0 {
		return "", campaign.ErrNotFound
	}
	return s.Campaigns[i].Campaign, nil
}

// changeCampaign pauses, resumes or stops. A stop cannot be undone, so it wants the
// number of people who are not called any more.
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
		if v.PostFormValue("typed") != v.PostFormValue("people") {
			err = errors.New("not stopped: the number that you typed is not the number of people who would not be called")
			break
		}
		_, err = campaigns.Stop(v.Context(), v.by, name)
	default:
		return campaign.ErrNotFound
	}
	if err != nil {
		if errors.Is(err, campaign.ErrNotFound) || ours(err) {
			return err
		}
		return d.showCampaign(v, http.StatusUnprocessableEntity, err, nil)
	}
	return v.done(fmt.Sprintf("/campaigns/%d", id), action)
}

// exportTypes are the forms of an export.
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
	err = d.Export(v.Context(), v.w, name, format, app.ExportQuery{Reached: whom == "reached", NotReached: whom == "not-reached"})
	if err != nil {
		d.Log.ErrorContext(v.Context(), "an export broke off", "campaign_id", id, "error", err)
		panic(http.ErrAbortHandler) // so that nobody takes a part of it for the whole
	}
	return nil
}
