package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/httpapi/operations"
)

// ImportContacts reads rows into the campaign. When it answers, all of them are in or
// refused, so a client that got the answer need not send them again.
func (a *api) ImportContacts(ctx context.Context, r operations.ImportContactsRequestObject) (operations.ImportContactsResponseObject, error) {
	c, err := a.Store.CampaignByName(ctx, r.Name)
	switch {
	case err != nil:
		return nil, err
	case c.Status == campaign.Importing:
		return nil, errors.New("the campaign's file is being imported: nobody is added before that has ended")
	case c.Status.Rule().Over:
		return nil, errors.New("the campaign was stopped, and takes no more rows")
	}
	rows, isJSON, err := rowsOf(r)
	if err != nil {
		return nil, err
	}
	options := ImportOptions{UTF8: isJSON, Update: orZero(r.Params.Update), RemoveMissing: orZero(r.Params.RemoveMissing)}
	result, err := a.Import(ctx, actorOf(ctx), c, rows, options)
	if err != nil {
		return nil, err
	}
	record, err := a.Store.ImportRecord(ctx, result.ID)
	return operations.ImportContacts202JSONResponse{Body: raw(record.JSON), Headers: operations.ImportContacts202ResponseHeaders{
		Location: new(fmt.Sprintf("%simports/%d", prefix, result.ID)),
	}}, err
}

func (a *api) GetImport(ctx context.Context, r operations.GetImportRequestObject) (operations.GetImportResponseObject, error) {
	id, err := strconv.ParseInt(r.Id, 10, 64)
	if err != nil {
		return nil, campaign.ErrNotFound
	}
	record, err := a.Store.ImportRecord(ctx, id)
	return operations.GetImport200JSONResponse(raw(record.JSON)), err
}

// rowsOf returns the body's rows as a CSV, so that there is only one way to read a row.
func rowsOf(r operations.ImportContactsRequestObject) (rows io.Reader, isJSON bool, err error) {
	kind, _, err := mime.ParseMediaType(r.ContentType)
	if err != nil {
		kind = ""
	}
	switch kind {
	case "text/csv":
		return r.Body, false, nil
	case "application/json":
		body, err := io.ReadAll(r.Body) // it is in memory
		if err != nil {
			return nil, true, err
		}
		rows, err = csvOf(body)
		return rows, true, err
	}
	return nil, false, requestError{http.StatusUnsupportedMediaType, "Content-Type: want text/csv, or application/json with an array of objects"}
}

// csvOf writes an array of objects as a CSV. A column that an object lacks is empty.
// Errors count objects from 1; the import's result counts lines, and its header is line
// 1.
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
