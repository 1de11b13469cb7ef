package main

import (
	"context"
	"io"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/csvimport"
	"dialer/internal/httpapi"
	"dialer/internal/provider"
)

// maxRefusedShown is how many rows without an effect an import names.
const maxRefusedShown = 1000

// importRows reads rows of an API request, with the same code as for files.
func (n node) importRows(ctx context.Context, by app.Actor, c campaign.Campaign, rows io.Reader, o httpapi.ImportOptions) (app.ImportResult, error) {
	how, err := app.Campaigns{Store: n.pagesDB}.Reading(ctx, c)
	if err != nil {
		return app.ImportResult{}, err
	}
	options := csvimport.Options{
		DefaultCountry: how.DefaultCountry, Map: how.Map, DateFormat: how.DateFormat, Now: time.Now(), Update: o.Update, RemoveMissing: o.RemoveMissing,
		CheckMessage: func(s campaign.Settings, m campaign.Rendered) error {
			return provider.CheckMessage(s, m, how.AllowUnknown)
		},
	}
	if o.UTF8 {
		options.Encoding = "utf-8"
	}
	return n.importWith(ctx, by, rows, c.Name, c.Settings, options)
}

// importWith imports rows, and stores their results.
func (n node) importWith(ctx context.Context, by app.Actor, rows io.Reader, name string, s campaign.Settings, options csvimport.Options) (app.ImportResult, error) {
	result := app.ImportResult{RefusedRows: []app.RefusedImportRow{}}
	options.OnRejected = func(row campaign.RowError) {
		if len(result.RefusedRows) < maxRefusedShown {
			result.RefusedRows = append(result.RefusedRows, app.RefusedImportRow{Line: row.Line, Column: row.Column, Reason: row.Reason})
		}
	}
	store := &notedImport{Import: app.Import{By: by, Store: n.pagesDB}}
	sum, err := csvimport.Import(ctx, rows, name, s, options, store)
	if err != nil {
		return app.ImportResult{}, err
	}
	result.ID = store.id
	result.Rows, result.Added, result.Already, result.Updated, result.Differ = sum.Rows, sum.Added, sum.Already, sum.Updated, sum.Differ
	result.Duplicates, result.Refused, result.Removed = sum.Duplicates, sum.Rejected, sum.Removed
	return result, n.pagesDB.NoteImport(ctx, result.ID, result)
}

// notedImport remembers the id of the import.
type notedImport struct {
	app.Import
	id int64
}

// BeginImport notes the id.
func (i *notedImport) BeginImport(ctx context.Context, im campaign.Import) (campaign.Import, error) {
	begun, err := i.Import.BeginImport(ctx, im)
	i.id = begun.ID
	return begun, err
}
