package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

// contactView is a contact's page: the reason for its state, and what happened.
type contactView struct {
	Campaign   campaign.Campaign
	ID         int64
	Key        string
	To         string
	State      campaign.ContactState
	Reason     campaign.Reason
	Result     string
	HeardAt    time.Time
	Because    string
	Obstacles  []string
	NextCall   time.Time
	Suppressed *app.Suppression
	Row        []cell
	Line       []moment
	MayChange  bool
	MayCall    bool // at once
	Over       bool
	Cancelled  bool
}

type cell struct{ Column, Value string }

// moment is one thing that happened.
type moment struct {
	At   time.Time
	Kind string // attempt, event, action: how it looks
	What string
	UUID string // of a call that may be hung up
}

func (d *dashboard) contact(v *visit) error { return d.showContact(v, http.StatusOK, nil) }

func (d *dashboard) showContact(v *visit, status int, refused error) error {
	id, key, err := d.keyOf(v)
	if err != nil {
		return err
	}
	h, err := d.Store.ContactByKey(v.Context(), id, key)
	if err != nil {
		return err
	}
	events, err := d.Store.ContactEvents(v.Context(), h.Contact.ID)
	if err != nil {
		return err
	}
	of := shown{Here: "overview", Data: d.contactOf(v, h, events)}
	of.Title = of.Data.(contactView).Key + " in " + of.Data.(contactView).Campaign.Name
	here := fmt.Sprintf("/campaigns/%d/contacts/%d/", id, h.Contact.ID)
	if v.URL.Query().Get("done") == "cancel" && v.by.May(app.Operator) {
		of.Undo = here + "restore"
	}
	v.offerUndo(&of, "suppress", here+"unsuppress")
	if refused != nil {
		of.Error = refused.Error()
	}
	return d.show(v, status, "contact.html", of)
}

func (d *dashboard) keyOf(v *visit) (campaignID int64, key string, err error) {
	campaignID, err = v.idOf("id")
	contact, wrong := v.idOf("contact")
	if err = cmp.Or(err, wrong); err != nil {
		return 0, "", err
	}
	key, err = d.Store.KeyOf(v.Context(), campaignID, contact)
	return campaignID, key, err
}

func (d *dashboard) contactOf(v *visit, h app.ContactHistory, events []app.ContactEvent) contactView {
	text := func(s string) string {
		if v.masked() {
			return app.MaskText(s)
		}
		return s
	}
	k := h.Contact
	view := contactView{
		Campaign: h.Campaign, ID: k.ID, Key: text(k.Key), To: text(k.Called(h.Attempts)), State: k.State, Reason: k.Reason, Result: k.Result, HeardAt: k.HeardAt,
		Because: text(h.Because), NextCall: h.NextCall, MayChange: v.by.May(app.Operator), MayCall: v.by.May(app.Operator) && (k.State == campaign.Pending || k.State == campaign.Waiting), Over: k.State == campaign.Done, Cancelled: k.Cancelled,
	}
	view.Campaign.Name = text(view.Campaign.Name)
	for _, o := range h.Obstacles {
		view.Obstacles = append(view.Obstacles, text(h.MeaningOf(o)))
	}
	for _, name := range slices.Sorted(maps.Keys(k.Vars)) {
		view.Row = append(view.Row, cell{text(name), text(k.Vars[name])})
	}
	for _, a := range h.Attempts {
		view.Line = append(view.Line, attemptMoments(a)...)
	}
	for _, e := range events {
		what := "webhook " + e.Kind
		if e.Status != "" && e.Status != e.Kind {
			what += ": " + e.Status
		}
		view.Line = append(view.Line, moment{At: e.At, Kind: "event", What: what})
	}
	for _, r := range h.Recordings {
		what := "recorded"
		if r.Seconds > 0 {
			what = fmt.Sprintf("recorded %d s", r.Seconds)
		}
		if view.MayChange {
			what += ", at " + r.URL
		}
		view.Line = append(view.Line, moment{At: r.At, Kind: "event", What: what})
	}
	for _, a := range h.Actions {
		view.Line = append(view.Line, moment{At: a.At, Kind: "action", What: fmt.Sprintf("%s by %s: %s", a.Action, a.Who, text(a.Answer))})
	}
	slices.SortStableFunc(view.Line, func(a, b moment) int { return a.At.Compare(b.At) })
	return view
}

// attemptMoments are the known events of one attempt.
func attemptMoments(a campaign.Attempt) []moment {
	name := fmt.Sprintf("Call %d", a.No)
	list := []moment{{At: a.CreatedAt, Kind: "attempt", What: name + ": taken for the queue"}}
	add := func(at time.Time, what string) {
		if !at.IsZero() {
			list = append(list, moment{At: at, Kind: "attempt", What: name + ": " + what})
		}
	}
	add(a.DialedAt, "asked of Vonage")
	add(a.AnsweredAt, "answered")
	add(a.HeardAt, "the message was heard to its end")
	add(a.VoicemailAt, "the text for a machine was said")
	add(a.FailedAt, "not reached: "+a.Failure)
	if keys := slices.DeleteFunc(slices.Clone(a.Keys), func(key string) bool { return key == "" }); len(keys) > 0 {
		list = append(list, moment{At: cmp.Or(a.EndedAt, a.AnsweredAt), Kind: "attempt", What: name + ": keys pressed: " + strings.Join(keys, ", ")})
	}
	end := string(a.State)
	if dis := a.Disposition(); dis != "" {
		end = "ended as " + string(dis)
	}
	if a.Note != "" {
		end += " (" + a.Note + ")"
	}
	if a.Bill.Duration != nil {
		end += fmt.Sprintf(", %d s", *a.Bill.Duration)
	}
	if a.Bill.Price.Valid {
		end += ", price " + a.Bill.Price.Decimal.StringFixed(8)
	}
	last := moment{At: cmp.Or(a.EndedAt, a.DialedAt, a.CreatedAt), Kind: "attempt", What: name + ": " + end}
	if a.State == campaign.Accepted {
		last.UUID = a.CallUUID
	}
	return append(list, last)
}

// changeContact moves, calls, cancels or suppresses one person.
func (d *dashboard) changeContact(v *visit) error {
	id, key, err := d.keyOf(v)
	if err != nil {
		return err
	}
	name, err := d.nameOf(v.Context(), id)
	if err != nil {
		return err
	}
	contacts, action := app.Contacts{Store: d.Store, Read: d.ReadRow}, v.PathValue("action")
	switch action {
	case "update":
		if err = v.ParseForm(); err != nil {
			break
		}
		columns := map[string]string{}
		for field, values := range v.PostForm {
			if column, ok := strings.CutPrefix(field, "column:"); ok && len(values) == 1 {
				columns[column] = values[0]
			}
		}
		var late string
		if late, err = contacts.Update(v.Context(), v.by, name, key, columns, false); late != "" && err == nil {
			return d.showContact(v, http.StatusOK, fmt.Errorf("changed, and this person is not called any more: %s", late))
		}
	case "cancel":
		err = contacts.Cancel(v.Context(), v.by, name, key, "")
	case "call":
		err = contacts.CallNow(v.Context(), v.by, name, key)
	case "restore":
		err = contacts.Restore(v.Context(), v.by, name, key)
	case "unsuppress":
		action, err = d.undoSuppression(v)
	case "test":
		var h app.ContactHistory
		if h, err = contacts.Find(v.Context(), name, key); err == nil {
			err = d.testCall(v.Context(), v.by, v.PostFormValue("number"), name, h.Campaign.Settings, h.Contact.Vars)
		}
	case "suppress":
		var h app.ContactHistory
		if h, err = contacts.Find(v.Context(), name, key); err == nil {
			action, err = d.addSuppression(v, app.Suppression{Number: h.Contact.Called(h.Attempts), Source: v.by.Name, Note: "from the page of " + h.Campaign.Name})
		}
	default:
		return campaign.ErrNotFound
	}
	if err != nil {
		if errors.Is(err, campaign.ErrNotFound) || ours(err) {
			return err
		}
		return d.showContact(v, http.StatusUnprocessableEntity, err)
	}
	return v.done(fmt.Sprintf("/campaigns/%d/contacts/%s", id, v.PathValue("contact")), action)
}
