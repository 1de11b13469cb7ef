package dashboard

import (
	"cmp"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
)

// newView is the page of a new campaign, with what was typed.
type newView struct {
	Form    map[string]string
	Mend    Mended
	Checked *Checked
	Result  *app.ImportResult
	ID      int64 // of the campaign that was started
	Tested  bool
}

// newFields are the fields of the form, with their places in the document.
var newFields = []string{
	"name", "from", "say", "voicemail", "language", "country", "zone", "hours", "attempts", "keys", "document", "test", "row",
	"map:to", "map:key", "map:zone", "map:call_at", "map:call_before",
}

func (d *dashboard) newCampaign(v *visit) error {
	return d.show(v, http.StatusOK, "new.html", shown{Title: "New campaign", Here: "new", Data: newView{Form: map[string]string{"language": "en-GB", "hours": "09:00-20:00", "attempts": "3", "country": d.DefaultCountry}}})
}

// startCampaign checks the file, and starts the campaign if the form says so. The page
// shows mistakes and keeps what was typed.
func (d *dashboard) startCampaign(v *visit) error {
	if err := v.ParseMultipartForm(maxForm); err != nil {
		return fmt.Errorf("the form cannot be read: %w", err)
	}
	defer func() { _ = v.MultipartForm.RemoveAll() }() // of the system's temporary folder
	view := newView{Form: map[string]string{}}
	for _, field := range newFields {
		view.Form[field] = strings.TrimSpace(v.PostFormValue(field))
	}
	var err error
	if view.Mend, err = mendedOf(v.MultipartForm.Value); err == nil {
		err = d.checkOrStart(v, &view)
	}
	if err != nil && ours(err) {
		return err
	}
	if err == nil && view.Result != nil {
		found, err := d.Store.CampaignByName(v.Context(), view.Form["name"])
		if err != nil {
			return err
		}
		if view.ID = found.ID; view.Result.Refused+view.Result.Duplicates+view.Result.Differ == 0 {
			return v.done(address(found.ID), "start")
		}
	}
	of := shown{Title: "New campaign", Here: "new", Data: view}
	status, name := http.StatusOK, "new.html"
	if err != nil {
		of.Error, status = err.Error(), http.StatusUnprocessableEntity
	}
	if v.Header.Get("Sec-Fetch-Dest") == "empty" { // the script asks, and keeps the form as it is
		name = "new-result"
	}
	return d.show(v, status, name, of)
}

func (d *dashboard) checkOrStart(v *visit, view *newView) error {
	document, err := documentOf(view.Form)
	if err != nil {
		return err
	}
	view.Form["name"] = document.Name
	file, header, err := v.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		return errors.New("choose the file of people")
	}
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	defer file.Close()
	if header.Size > maxUpload {
		return fmt.Errorf("the file is larger than %d MiB: use `enqueue`", maxUpload>>20)
	}
	row := 0
	if text := view.Form["row"]; text != "" {
		if row, err = strconv.Atoi(text); err != nil || row < 1 {
			return errors.New("the row whose message is wanted: want its number, counted from 1 below the header")
		}
	}
	checked, err := d.Check(v.Context(), file, document, view.Mend, row)
	if err == nil || len(checked.Headers) > 0 {
		view.Checked = &checked
	}
	if err != nil {
		return err
	}
	switch v.PostFormValue("do") {
	case "start":
		if checked.Accepted == 0 {
			return errors.New("not started: nobody in the file can be called")
		}
		return d.start(v, view, file, document)
	case "test":
		switch {
		case checked.LineRefused != "":
			return fmt.Errorf("not called: line %d cannot be called: %s", checked.Line, checked.LineRefused)
		case checked.Vars == nil && row > 0:
			return fmt.Errorf("not called: the file has no row %d", row)
		case checked.Vars == nil:
			return errors.New("not called: nobody in the file can be called, so there is no message")
		}
		err = d.testCall(v.Context(), v.by, view.Form["test"], fmt.Sprintf("%s, line %d", document.Name, checked.Line), checked.Settings, checked.Vars)
		view.Tested = err == nil
		return err
	}
	return nil
}

func (d *dashboard) start(v *visit, view *newView, file multipart.File, document campaign.Document) error {
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	result, err := d.Import(v.Context(), v.by, file, document, view.Mend)
	if err == nil {
		view.Result = &result
	}
	return err
}

// documentOf is the campaign document: the pasted one, with the values of the fields in
// place of its own.
func documentOf(form map[string]string) (campaign.Document, error) {
	document := campaign.Document{}
	if form["document"] != "" {
		var err error
		if document, err = campaign.ParseDocument("", []byte(form["document"])); err != nil {
			return document, err
		}
	}
	for field, to := range map[string]*string{
		"name": &document.Name, "say": &document.Message.Say, "language": &document.Message.Language, "country": &document.People.Country,
		"zone": &document.When.Zone, "voicemail": &document.Message.Voicemail,
	} {
		if form["document"] == "" || field == "name" {
			*to = cmp.Or(form[field], *to)
		}
	}
	if form["document"] == "" {
		document.From = split(form["from"])
		if err := answersOf(form, &document); err != nil {
			return document, err
		}
		if err := document.When.SetHours(form["hours"], ""); err != nil {
			return document, fmt.Errorf("hours: %w", err)
		}
	}
	columnsFrom(form, &document.People)
	return document, campaign.CheckName(document.Name)
}

// columnsFrom are the columns that were chosen on the page.
func columnsFrom(form map[string]string, people *campaign.DocumentPeople) {
	if to := form["map:to"]; to != "" {
		people.Numbers = []string{to}
	}
	for field, to := range map[string]*string{"map:key": &people.Key, "map:zone": &people.Zone, "map:call_at": &people.CallAt, "map:call_before": &people.CallBefore} {
		*to = cmp.Or(form[field], *to)
	}
}

// answersOf reads how often people are called, and what their keys mean: one a line,
// as 1=confirmed or 1=confirmed:Thank you.
func answersOf(form map[string]string, document *campaign.Document) error {
	if text := form["attempts"]; text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return errors.New("calls to each person: want a number")
		}
		document.Again.Attempts = &n
	}
	for line := range strings.SplitSeq(form["keys"], "\n") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		pressed, does, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("keys: %q: want KEY=WORD or KEY=WORD:TEXT, such as 1=confirmed", line)
		}
		key, err := campaign.ParseKey(does)
		if err != nil {
			return fmt.Errorf("keys: %s: %w", pressed, err)
		}
		document.Message.SetKey(strings.TrimSpace(pressed), key)
	}
	return nil
}

func split(text string) (list []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
