package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/csvimport"
	"dialer/internal/dashboard"
	"dialer/internal/httpapi"
	"dialer/internal/provider"
)

// people is what people and their programs use: the pages and the API. live feeds
// the pages until its context ends.
func (n node) people(line vonageLine) (handler http.Handler, live func(context.Context)) {
	calls := apiCalls{n, line}
	pages, live := dashboard.New(dashboard.Config{
		Store: n.seenBy, ReadRow: readRow, CallsPerSecond: n.pace.CallsPerSecond, DefaultCountry: n.defaultCountry, Log: n.log, Check: n.checkFile, Import: n.importFile, Export: n.export,
		CheckMessage: checkMessage, OIDC: n.login,
		Act: func(ctx context.Context, by app.Actor, uuid, action string) (string, error) {
			return calls.Act(ctx, by, uuid, action, nil)
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", httpapi.New(httpapi.Config{
		Store: n.seenBy, ReadRow: readRow, CheckMessage: checkMessage, Import: n.importRows, Calls: calls, DefaultCountry: n.defaultCountry, Countries: n.countries, AdminToken: n.adminToken, Log: n.log,
	}))
	mux.Handle("/", pages)
	return mux, live
}

// settingsOf are what a document of the pages means, as enqueue reads it.
func (n node) settingsOf(d campaign.Document) (campaign.Settings, error) {
	if len(d.People.Countries) == 0 {
		d.People.Countries = n.countries
	}
	return d.Settings()
}

func fileOptions(d campaign.Document) csvimport.Options {
	return csvimport.Options{
		DefaultCountry: d.People.Country, DateFormat: d.People.DateFormat, Map: d.Columns(), Now: time.Now(),
		CheckMessage: checkMessage,
	}
}

func checkMessage(s campaign.Settings, m campaign.Rendered) error {
	return provider.CheckMessage(s, m, false)
}

// checkFile says what importFile would do.
func (n node) checkFile(ctx context.Context, in io.Reader, d campaign.Document) (dashboard.Checked, error) {
	s, err := n.settingsOf(d)
	if err != nil {
		return dashboard.Checked{}, err
	}
	f, err := csvimport.Preview(ctx, in, s, fileOptions(d))
	if err != nil {
		return dashboard.Checked{}, err
	}
	checked := dashboard.Checked{
		Rows: f.Rows, Accepted: f.Accepted, Duplicates: f.Duplicates, Refused: f.Rejected, Columns: f.Columns.Vars, Bad: f.First, Warnings: f.Warnings,
		Takes: time.Duration(math.Ceil(float64(f.Accepted)/n.pace.CallsPerSecond)) * time.Second,
	}
	if f.SampleLine > 0 {
		checked.Script = cmp.Or(string(f.Sample.NCCO), f.Sample.AnswerURL)
		if script := f.Sample.Script; script != nil {
			checked.Script, checked.Speaks = script.Say, campaign.SpeakingTime(script.Say).Round(time.Second)
		}
	}
	return checked, nil
}

// importFile makes a campaign of a file, as enqueue does.
func (n node) importFile(ctx context.Context, by app.Actor, in io.Reader, d campaign.Document) (app.ImportResult, error) {
	s, err := n.settingsOf(d)
	if err != nil {
		return app.ImportResult{}, err
	}
	return n.importWith(ctx, by, in, d.Name, s, fileOptions(d))
}

// export writes a campaign's people, as dialer campaign export does.
func (n node) export(ctx context.Context, out io.Writer, name, format string, q app.ExportQuery) error {
	buffered := bufio.NewWriter(out)
	e := exportFormats[format](buffered)
	err := app.Contacts{Store: n.seenBy}.Export(ctx, name, q, e.begin, e.person)
	if err == nil {
		err = e.end()
	}
	return errors.Join(err, buffered.Flush())
}
