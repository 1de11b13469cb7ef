package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

const listPage = 100

// listView is a list a page at a time.
type listView struct {
	Rows      any
	Next      string
	MayChange bool
	Filter    string
	Open      int // calls that are up
	Queued    int
	Version   string // of the calls that are up: another one is another list
}

// callsNow is the head of the list of calls that are up.
func callsNow(s app.Snapshot) listView {
	return listView{Filter: app.CallsUp, Open: s.Open, Queued: s.Queued, Version: s.CallsVersion}
}

// Actions are the actions on a call besides hanging up.
func (l listView) Actions() []string { return []string{"mute", "unmute", "earmuff", "unearmuff"} }

func (v *visit) after() app.ListQuery {
	return app.ListQuery{Limit: listPage, After: v.URL.Query().Get("after")}
}

type callRow struct {
	AttemptID   string `json:"attempt_id"`
	CampaignID  *int64 `json:"campaign_id"`
	Campaign    string `json:"campaign"`
	ContactID   *int64 `json:"contact_id"`
	Kind        string `json:"kind"`
	To          string `json:"to_number"`
	From        string `json:"from_number"`
	State       string `json:"state"`
	Disposition string `json:"disposition"`
	CallUUID    string `json:"call_uuid"`
	CreatedAt   string `json:"created_at"`
	AnsweredAt  string `json:"answered_at"`
	DurationS   *int   `json:"duration_s"`
	Price       string `json:"price"`
}

// calls lists the calls in progress, or all.
func (d *dashboard) calls(v *visit) error { return d.showCalls(v, http.StatusOK, nil) }

func (d *dashboard) showCalls(v *visit, status int, refused error) error {
	state := app.CallsUp
	if v.URL.Query().Get("all") != "" {
		state = ""
	}
	page, err := d.Store.ListCalls(v.Context(), app.CallQuery{ListQuery: v.after(), State: state})
	if err != nil {
		return err
	}
	rows, err := decoded[callRow](v, page.Items)
	if err != nil {
		return err
	}
	now, err := d.live.recent(v.Context())
	if err != nil {
		return err
	}
	view := callsNow(now)
	view.Rows, view.Next, view.MayChange, view.Filter = rows, page.Next, v.by.May(app.Operator), state
	of := shown{Title: "Calls", Here: "calls", Data: view}
	if refused != nil {
		of.Error = refused.Error()
	}
	return d.show(v, status, "calls.html", of)
}

type suppressionRow struct {
	ID        int64  `json:"suppression_id"`
	Number    string `json:"number"`
	Scope     string `json:"scope"`
	Campaign  string `json:"campaign"`
	Purpose   string `json:"purpose"`
	Source    string `json:"source"`
	Note      string `json:"note"`
	CreatedAt string `json:"created_at"`
	ExpiresAt string `json:"expires_at"`
}

func (d *dashboard) suppressions(v *visit) error { return d.showSuppressions(v, http.StatusOK, nil) }

func (d *dashboard) showSuppressions(v *visit, status int, refused error) error {
	page, err := d.Store.ListSuppressions(v.Context(), app.SuppressionQuery{ListQuery: v.after(), LatestFirst: true})
	if err != nil {
		return err
	}
	rows, err := decoded[suppressionRow](v, page.Items)
	if err != nil {
		return err
	}
	of := shown{Title: "Suppressions", Here: "suppressions", Data: listView{Rows: rows, Next: page.Next, MayChange: v.by.May(app.Operator), Filter: ""}}
	v.offerUndo(&of, "suppress", "/suppressions/undo")
	if refused != nil {
		of.Error = refused.Error()
	}
	return d.show(v, status, "suppressions.html", of)
}

// numberOf reads the number in a form in the same way as the import of a CSV.
func (d *dashboard) numberOf(v *visit) (string, error) {
	n, err := campaign.ParseNumber(v.PostFormValue("number"), d.DefaultCountry)
	return n.Digits, err
}

func (d *dashboard) suppress(v *visit) error {
	number, err := d.numberOf(v)
	what := ""
	if err == nil {
		what, err = d.addSuppression(v, app.Suppression{Number: number, Source: v.by.Name, Note: v.PostFormValue("note"), Campaign: v.PostFormValue("campaign"), Purpose: v.PostFormValue("purpose")})
	}
	return d.suppressed(v, err, what)
}

// addSuppression adds a suppression, and says what was done. Only a new one can be
// undone: an older one came from somebody else, perhaps from the person called.
func (d *dashboard) addSuppression(v *visit, s app.Suppression) (what string, err error) {
	done, err := app.Suppressions{Store: d.Store}.Add(v.Context(), v.by, []app.Suppression{s}, false)
	switch {
	case err != nil:
		return "", err
	//guard:false internal/dashboard.TestUndoIsOfOnesOwnSuppression: what was suppressed before is not offered to be undone
	case done.Added == 0:
		return "suppressed", nil
	}
	return "suppress&undo=" + strconv.FormatInt(done.ID, 10), nil
}

// offerUndo puts "Undo" beside the message about a change, with the id of the thing to
// take back.
func (v *visit) offerUndo(of *shown, done, address string) {
	id, err := strconv.ParseInt(v.URL.Query().Get("undo"), 10, 64)
	if err == nil && v.URL.Query().Get("done") == done && v.by.May(app.Operator) {
		of.Undo, of.UndoID = address, id
	}
}

// undoSuppression takes back the suppression that the form names, if this person has just
// added it.
func (d *dashboard) undoSuppression(v *visit) (what string, err error) {
	id, err := strconv.ParseInt(v.PostFormValue("id"), 10, 64)
	if err != nil {
		return "", campaign.ErrNotFound
	}
	restored, err := app.Suppressions{Store: d.Store}.Undo(v.Context(), v.by, id)
	if restored > 0 {
		return "unsuppress-people", err
	}
	return "unsuppress", err
}

func (d *dashboard) undo(v *visit) error {
	what, err := d.undoSuppression(v)
	return d.suppressed(v, err, what)
}

// lift takes a number off the list: the one suppression that a row of the page shows.
func (d *dashboard) lift(v *visit) error {
	id, err := strconv.ParseInt(v.PostFormValue("id"), 10, 64)
	if err != nil {
		return campaign.ErrNotFound
	}
	_, err = app.Suppressions{Store: d.Store}.Lift(v.Context(), v.by, app.Lift{ID: id})
	return d.suppressed(v, err, "lift")
}

func (d *dashboard) suppressed(v *visit, err error, what string) error {
	switch {
	case err == nil:
		return v.done("/suppressions", what)
	case ours(err):
		return err
	}
	return d.showSuppressions(v, http.StatusUnprocessableEntity, err)
}

type alarmRow struct {
	ID         int64  `json:"alarm_id"`
	Kind       string `json:"kind"`
	Campaign   string `json:"campaign"`
	Detail     string `json:"detail"`
	Times      int    `json:"times"`
	At         string `json:"at"`
	LastAt     string `json:"last_at"`
	ResolvedBy string `json:"resolved_by"`
	Open       bool   `json:"open"`
	Meaning    string `json:"-"`
	Do         string `json:"-"`
	Decide     bool   `json:"-"` // a person must decide about its attempt
}

func (d *dashboard) alarms(v *visit) error { return d.showAlarms(v, http.StatusOK, nil) }

func (d *dashboard) showAlarms(v *visit, status int, refused error) error {
	all := v.URL.Query().Get("all") != ""
	page, err := d.Store.ListAlarms(v.Context(), v.after(), all)
	if err != nil {
		return err
	}
	rows, err := decoded[alarmRow](v, page.Items)
	if err != nil {
		return err
	}
	for i := range rows {
		for _, kind := range campaign.AlarmKinds {
			if kind.Kind == rows[i].Kind {
				rows[i].Meaning, rows[i].Do = kind.Meaning, app.RemedyOf(kind.Kind, rows[i].ID)
			}
		}
		rows[i].Decide = rows[i].Open && slices.Contains(app.Decidable, rows[i].Kind)
	}
	filter := "open"
	if all {
		filter = ""
	}
	of := shown{Title: "Alarms", Here: "alarms", Data: listView{Rows: rows, Next: page.Next, MayChange: v.by.May(app.Admin), Filter: filter}}
	if refused != nil {
		of.Error = refused.Error()
	}
	return d.show(v, status, "alarms.html", of)
}

// resolve resolves an alarm, or settles its attempt as the person decided.
func (d *dashboard) resolve(v *visit) error {
	id, err := v.idOf("id")
	if err != nil {
		return err
	}
	alarms, what := app.Alarms{Store: d.Store}, "resolve"
	if decision := v.PostFormValue("decision"); decision != "" {
		what = "decide"
		err = alarms.Decide(v.Context(), v.by, id, app.AttemptDecision{Word: decision, CallUUID: strings.TrimSpace(v.PostFormValue("call_uuid"))})
	} else {
		_, err = alarms.Resolve(v.Context(), v.by, []int64{id})
	}
	switch {
	case err == nil:
		return v.done("/alarms", what)
	case ours(err), errors.Is(err, app.ErrForbidden), errors.Is(err, campaign.ErrNotFound):
		return err
	}
	return d.showAlarms(v, http.StatusUnprocessableEntity, err)
}

type auditRow struct {
	At      string          `json:"at"`
	Actor   string          `json:"actor"`
	Role    string          `json:"role"`
	Through string          `json:"through"`
	Action  string          `json:"action"`
	Object  string          `json:"object"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

// Change is the object before and after, shortened.
func (r auditRow) Change() string {
	short := func(text json.RawMessage) string {
		if runes := []rune(string(text)); len(runes) > 160 {
			return string(runes[:160]) + "…"
		}
		return string(text)
	}
	return fmt.Sprintf("%s → %s", short(r.Before), short(r.After))
}

func (d *dashboard) audit(v *visit) error {
	page, err := d.Store.ListAudit(v.Context(), v.after(), v.URL.Query().Get("object"), v.URL.Query().Get("actor"))
	if err != nil {
		return err
	}
	rows, err := decoded[auditRow](v, page.Items)
	if err != nil {
		return err
	}
	return d.show(v, http.StatusOK, "audit.html", shown{Title: "Audit", Here: "audit", Data: listView{Rows: rows, Next: page.Next, MayChange: false, Filter: v.URL.Query().Get("object")}})
}

// healthView shows what prevents calls, and where our records and Vonage's differ.
type healthView struct {
	app.Snapshot
	app.Differences
	Took time.Duration
}

const maxDifferences = 100

func (d *dashboard) health(v *visit) error {
	begun := time.Now()
	s, err := d.live.read(v.Context())
	if err != nil {
		return err
	}
	view := healthView{Snapshot: s, Took: time.Since(begun).Round(time.Millisecond)}
	if view.Differences, err = d.Store.Differences(v.Context(), maxDifferences, v.URL.Query().Get("after")); err != nil {
		return err
	}
	if v.masked() {
		for i := range view.Theirs {
			view.Theirs[i].To, view.Theirs[i].From = app.MaskText(view.Theirs[i].To), app.MaskText(view.Theirs[i].From)
		}
		for i := range view.Ours {
			view.Ours[i].Campaign = app.MaskText(view.Ours[i].Campaign)
		}
	}
	return d.show(v, http.StatusOK, "health.html", shown{Title: "Health and reconciliation", Here: "health", Data: view})
}

// findView is what is known about a number. It is requested by POST, so that no number is
// in an address.
type findView struct {
	Number     string
	Contacts   []contactView
	Refused    []app.RefusedRow
	Suppressed *app.Suppression
	Nothing    bool
}

func (d *dashboard) find(v *visit) error {
	number, err := d.numberOf(v)
	if err != nil {
		return err
	}
	view := findView{Number: number}
	h, err := d.Store.NumberHistory(v.Context(), number)
	switch {
	case errors.Is(err, campaign.ErrNotFound):
		view.Nothing = true
	case err != nil:
		return err
	}
	for _, c := range h.Contacts {
		view.Contacts = append(view.Contacts, d.contactOf(v, c, nil))
	}
	if view.Refused = h.Refused; h.Suppression.Number != "" {
		view.Suppressed = &h.Suppression
	}
	if v.masked() {
		view.Number = app.MaskText(view.Number)
		if s := view.Suppressed; s != nil {
			s.Source, s.Note, s.Campaign = app.MaskText(s.Source), app.MaskText(s.Note), app.MaskText(s.Campaign)
		}
		for i := range view.Refused {
			r := &view.Refused[i]
			r.Campaign, r.Column, r.Reason = app.MaskText(r.Campaign), app.MaskText(r.Column), app.MaskText(r.Reason)
		}
	}
	return d.show(v, http.StatusOK, "find.html", shown{Title: "Why", Data: view})
}
