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
	Checked *Checked
	Result  *app.ImportResult
}

// newFields are the fields of the form, and where in the document they stand.
var newFields = []string{"name", "from", "say", "language", "country", "zone", "key", "to", "hours", "document"}

func (d *dashboard) newCampaign(v *visit) error {
	return d.show(v, http.StatusOK, "new.html", shown{Title: "New campaign", Here: "new", Data: newView{Form: map[string]string{"language": "en-GB", "hours": "09:00-20:00"}}})
}

// startCampaign checks the file, and starts the campaign if that is asked for. What
// is wrong is shown, and the page keeps what was typed.
func (d *dashboard) startCampaign(v *visit) error {
	if err := v.ParseMultipartForm(maxForm); err != nil {
		return fmt.Errorf("the form cannot be read: %w", err)
	}
	defer func() { _ = v.MultipartForm.RemoveAll() }() // of the system's temporary folder
	view := newView{Form: map[string]string{}}
	for _, field := range newFields {
		view.Form[field] = strings.TrimSpace(v.PostFormValue(field))
	}
	err := d.checkOrStart(v, &view)
	switch {
	case err != nil && ours(err):
		return err
	case err == nil && view.Result != nil && view.Result.Refused+view.Result.Duplicates+view.Result.Differ == 0:
		found, err := d.Store.CampaignByName(v.Context(), view.Form["name"])
		if err != nil {
			return err
		}
		return v.done("/campaigns/"+strconv.FormatInt(found.ID, 10), "start")
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
	checked, err := d.Check(v.Context(), file, document)
	if err != nil {
		return err
	}
	if view.Checked = &checked; v.PostFormValue("do") != "start" {
		return nil
	}
	if checked.Accepted == 0 {
		return errors.New("not started: nobody in the file can be called")
	}
	return d.start(v, view, file, document)
}

func (d *dashboard) start(v *visit, view *newView, file multipart.File, document campaign.Document) error {
	if _, err := file.Seek(0, 0); err != nil {
		return err
	}
	result, err := d.Import(v.Context(), v.by, file, document)
	if err == nil {
		view.Result = &result
	}
	return err
}

// documentOf is the campaign document: the one that was pasted, with what the fields
// say in place of what it says.
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
		"zone": &document.When.Zone, "key": &document.People.Key,
	} {
		if form["document"] == "" || field == "name" {
			*to = cmp.Or(form[field], *to)
		}
	}
	if form["document"] == "" {
		document.From = split(form["from"])
		if form["to"] != "" {
			document.People.Numbers = []string{form["to"]}
		}
		if err := document.When.SetHours(form["hours"], ""); err != nil {
			return document, fmt.Errorf("hours: %w", err)
		}
	}
	return document, campaign.CheckName(document.Name)
}

func split(text string) (list []string) {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
