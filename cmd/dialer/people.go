package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/csvimport"
	"dialer/internal/dashboard"
	"dialer/internal/httpapi"
	"dialer/internal/provider"
	"dialer/jobs"
	"dialer/voice"
	"dialer/webhooks"
)

// people serves people and their programs: the pages and the API. live updates the pages
// until its context ends.
func (n node) people(client *voice.Client, caller *jobs.Caller) (handler http.Handler, live func(context.Context)) {
	calls := apiCalls{n, client, caller}
	pages, live := dashboard.New(dashboard.Config{
		Store: n.pagesDB, ReadRow: readRow, CallsPerSecond: n.pace.CallsPerSecond, DefaultCountry: n.defaultCountry, Log: n.log, Check: n.checkFile, Import: n.importFile, Export: n.export, WriteFigures: writeFigures,
		CheckMessage: checkMessage, OIDC: n.login, HangUpAll: calls.hangUpAll, Serving: webhooks.Serving,
		Act: func(ctx context.Context, by app.Actor, uuid, action string, with map[string]any) (string, error) {
			body, err := json.Marshal(with)
			if err != nil {
				return "", err
			}
			return calls.Act(ctx, by, uuid, action, body)
		},
		ImportInto: func(ctx context.Context, by app.Actor, in io.Reader, c campaign.Campaign) (app.ImportResult, error) {
			return n.importRows(ctx, by, c, in, httpapi.ImportOptions{UTF8: true})
		},
	})
	mux := http.NewServeMux()
	mux.Handle("/api/", httpapi.New(httpapi.Config{
		Store: n.pagesDB, ReadRow: readRow, CheckMessage: checkMessage, Import: n.importRows, Calls: calls, DefaultCountry: n.defaultCountry, Countries: n.countries, AdminToken: n.adminToken, Log: n.log, Serving: webhooks.Serving,
	}))
	mux.Handle("/", pages)
	return mux, live
}

// settingsOf are the settings in a document of the pages, read in the same way as by
// enqueue.
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

// hangUpAll ends a campaign's calls that are up.
func (a apiCalls) hangUpAll(ctx context.Context, by app.Actor, campaignID int64) (string, error) {
	v := vonage{a.pagesDB, a.client}
	done, err := app.Calls{Store: a.pagesDB}.HangUpAll(ctx, by, campaignID, "the campaign's calls were hung up", func(uuid string) app.CallRequest {
		return v.request(uuid, noResult((*voice.Client).Hangup, uuid))
	})
	return done.String(), err
}

// importFile makes a campaign from a file, like enqueue.
func (n node) importFile(ctx context.Context, by app.Actor, in io.Reader, d campaign.Document, mend dashboard.Mended) (app.ImportResult, error) {
	s, err := n.settingsOf(d)
	if err != nil {
		return app.ImportResult{}, err
	}
	options := fileOptions(d)
	options.Mend = mend
	return n.importWith(ctx, by, in, d.Name, s, options)
}

// export writes a campaign's people, like dialer campaign export.
func (n node) export(ctx context.Context, out io.Writer, name, format string, q app.ExportQuery) error {
	buffered := bufio.NewWriter(out)
	e := exportFormats[format](buffered)
	err := app.Contacts{Store: n.pagesDB}.Export(ctx, name, q, e.begin, e.person)
	if err == nil {
		err = e.end()
	}
	return errors.Join(err, buffered.Flush())
}
