package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
	"encoding/json"
)

func (a *api) contacts() app.Contacts { return app.Contacts{Store: a.Store, Read: a.ReadRow} }

func (a *api) listContacts(r request) (answer, error) {
	page, err := r.list()
	if err != nil {
		return answer{}, err
	}
	c, err := a.Store.CampaignByName(r.Context(), r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	values := r.URL.Query()
	q := app.ContactQuery{ListQuery: page, State: values.Get("state"), Reason: values.Get("reason"), Result: values.Get("result")}
	if text := values.Get("to_number"); text != "" {
		if q.Number, err = a.numberInAddress(text); err != nil {
			return answer{}, invalid("to_number: %v", err)
		}
	}
	return list(a.Store.ListContacts(r.Context(), c.ID, q))
}

// numberInAddress reads a number of an address: in digits with its country code, as
// the API writes it, or as a CSV may have it.
func (a *api) numberInAddress(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text != "" && text[0] >= '1' && text[0] <= '9' {
		text = "+" + text
	}
	return a.readNumber(text)
}

// readNumber reads a number as the import of a CSV does.
func (a *api) readNumber(text string) (string, error) {
	n, err := campaign.ParseNumber(text, a.DefaultCountry)
	return n.Digits, err
}

func (a *api) contactAnswer(r request) (answer, error) {
	c, err := a.Store.CampaignByName(r.Context(), r.PathValue("name"))
	if err != nil {
		return answer{}, err
	}
	record, err := a.Store.ContactRecord(r.Context(), c.ID, r.PathValue("key"))
	return answer{body: record.JSON, version: record.Version}, err
}

func (a *api) getContact(r request) (answer, error) { return a.contactAnswer(r) }

// putContact adds the person of a key, or gives them another row.
func (a *api) putContact(r request) (answer, error) {
	var row map[string]any
	if err := decodeJSON(r.body, &row); err != nil {
		return answer{}, err
	}
	if row == nil {
		return answer{}, errors.New("want an object of columns and their values")
	}
	values, err := cells(row)
	if err != nil {
		return answer{}, err
	}
	added, err := a.contacts().Put(r.Context(), r.by, r.PathValue("name"), r.PathValue("key"), values, ifMatch(r))
	if err != nil {
		return answer{}, err
	}
	put, err := a.contactAnswer(r)
	if added {
		put.status = http.StatusCreated
		put.location = prefix + "campaigns/" + url.PathEscape(r.PathValue("name")) + "/contacts/" + url.PathEscape(r.PathValue("key"))
	}
	return put, err
}

// cells are a row's values as a CSV has them.
func cells(row map[string]any) (map[string]string, error) {
	values := make(map[string]string, len(row))
	for column, value := range row {
		switch value := value.(type) {
		case nil:
			values[column] = ""
		case string:
			values[column] = value
		case json.Number:
			values[column] = value.String()
		case bool:
			values[column] = strconv.FormatBool(value)
		default:
			return nil, fmt.Errorf("%s: want a text, a number, true, false or null", column)
		}
	}
	return values, nil
}

func (a *api) deleteContact(r request) (answer, error) {
	version := ifMatch(r)
	if version == "*" {
		version = ""
	}
	err := a.contacts().Cancel(r.Context(), r.by, r.PathValue("name"), r.PathValue("key"), version)
	if err != nil {
		return answer{}, err
	}
	return a.contactAnswer(r)
}

// importContacts reads rows into the campaign. All of them are in, or refused, when
// it answers: so a client that got the answer need not send them again.
func (a *api) importContacts(r request) (answer, error) {
	c, err := a.Store.CampaignByName(r.Context(), r.PathValue("name"))
	switch {
	case err != nil:
		return answer{}, err
	case c.Status == campaign.Importing:
		return answer{}, errors.New("the campaign's file is being imported: nobody is added before that has ended")
	case c.Status.Rule().Over:
		return answer{}, errors.New("the campaign was stopped, and takes no more rows")
	}
	rows, isJSON, err := rowsOf(r)
	if err != nil {
		return answer{}, err
	}
	options := ImportOptions{UTF8: isJSON}
	for name, to := range map[string]*bool{"update": &options.Update, "remove_missing": &options.RemoveMissing} {
		switch r.URL.Query().Get(name) {
		case "", "false":
		case "true":
			*to = true
		default:
			return answer{}, fmt.Errorf("%s: want true or false", name)
		}
	}
	result, err := a.Import(r.Context(), r.by, c, rows, options)
	if err != nil {
		return answer{}, err
	}
	done, err := a.importAnswer(r, result.ID)
	done.status, done.location = http.StatusAccepted, fmt.Sprintf("%simports/%d", prefix, result.ID)
	return done, err
}

func (a *api) importAnswer(r request, id int64) (answer, error) {
	record, err := a.Store.ImportRecord(r.Context(), id)
	return answer{body: record.JSON}, err
}

func (a *api) getImport(r request) (answer, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return answer{}, campaign.ErrNotFound
	}
	return a.importAnswer(r, id)
}

// rowsOf are the body's rows as a CSV, so that there is one way to read a row.
func rowsOf(r request) (rows io.Reader, isJSON bool, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		kind = ""
	}
	switch kind {
	case "text/csv":
		return bytes.NewReader(r.body), false, nil
	case "application/json":
		rows, err = csvOf(r.body)
		return rows, true, err
	}
	return nil, false, requestError{http.StatusUnsupportedMediaType, "Content-Type: want text/csv, or application/json with an array of objects"}
}

// csvOf writes an array of objects as a CSV. A column that an object has not is
// empty. Errors count from 1, as the lines of the import's result do with its header.
func csvOf(body []byte) (io.Reader, error) {
	var list []map[string]any
	if err := decodeJSON(body, &list); err != nil {
		return nil, err
	}
	var names []string
	known := map[string]bool{}
	rows := make([]map[string]string, len(list))
	for i, object := range list {
		values, err := cells(object)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", i+1, err)
		}
		rows[i] = values
		for column := range values {
			if !known[column] {
				known[column] = true
				names = append(names, column)
			}
		}
	}
	if len(rows) == 0 {
		return nil, errors.New("there are no rows")
	}
	slices.Sort(names)
	var out bytes.Buffer
	out.WriteString("sep=,\n")
	line := func(value func(column string) string) {
		for i, column := range names {
			out.WriteString(map[bool]string{true: ",", false: ""}[i > 0])
			out.WriteString(`"` + strings.ReplaceAll(value(column), `"`, `""`) + `"`)
		}
		out.WriteString("\n")
	}
	line(func(column string) string { return column })
	for _, row := range rows {
		line(func(column string) string { return row[column] })
	}
	return &out, nil
}
