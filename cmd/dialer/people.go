package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
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

// people is what people and their programs use: the pages and the API. live feeds
// the pages until its context ends.
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

// hangUpAll ends the calls of a campaign that are up.
func (a apiCalls) hangUpAll(ctx context.Context, by app.Actor, campaignID int64) (string, error) {
	v := vonage{a.pagesDB, a.client}
	done, err := app.Calls{Store: a.pagesDB}.HangUpAll(ctx, by, campaignID, "the campaign's calls were hung up", func(uuid string) app.CallRequest {
		return v.request(uuid, noResult((*voice.Client).Hangup, uuid))
	})
	return done.String(), err
}

// maxBadCells is how many refused rows the page shows.
const maxBadCells = 100

// checkFile says what importFile would do. The message is that of the row of people that
// is asked for, counted from 1; 0: of the first that can be called.
func (n node) checkFile(ctx context.Context, in io.Reader, d campaign.Document, mend dashboard.Mended, row int) (checked dashboard.Checked, err error) {
	s, err := n.settingsOf(d)
	if err != nil {
		return checked, err
	}
	options := fileOptions(d)
	options.Mend, options.MostShown, options.SampleRow = mend, maxBadCells, row
	obstacles := map[campaign.Withdrawal]int{}
	options.OnNumbers = func(numbers []string) error {
		if len(numbers) == 0 {
			return nil
		}
		holds, err := n.pagesDB.CountObstacles(ctx, d.Name, s, d.Purpose, numbers)
		for why, people := range holds {
			obstacles[why] += people
		}
		return err
	}
	f, err := csvimport.Preview(ctx, in, s, options)
	if wrong, ok := errors.AsType[*csvimport.ColumnsError](err); ok {
		checked.Headers = wrong.Found
	}
	if err != nil {
		return checked, err
	}
	rates, err := n.pagesDB.CallRates(ctx)
	if err != nil {
		return checked, err
	}
	// By what limits it, as the dry run of enqueue foresees it.
	course := f.Outlook.Foresee(s, s.CallPace(n.pace.CallsPerSecond/float64(1+provider.Legs(f.Sample, s)), s.ExpectedUp()))
	checked = dashboard.Checked{
		Rows: f.Rows, Accepted: f.Accepted, Duplicates: f.Duplicates, Refused: f.Rejected, Columns: f.Columns.Vars, Headers: f.Columns.Vars, Bad: f.First, Warnings: f.Warnings,
		Found: map[string]string{"to": f.Columns.To, "key": f.Columns.Key, "zone": f.Columns.Zone, "call_at": f.Columns.CallAt, "call_before": f.Columns.CallBefore},
		Takes: course.Last.Sub(course.First), LastCall: course.Last, NotCalled: course.NotCalled, RingS: s.RingingTimer, LengthS: s.LengthTimer, Settings: s, Vars: f.SampleVars, Line: f.SampleLine, LineRefused: f.SampleRefused, Cost: s.CostOnce(f.Outlook.Countries, rates),
		Waiting: f.Outlook.Waiting, Moved: f.Outlook.Moved, Past: f.Outlook.Past, Until: f.Outlook.Until,
	}
	for why, people := range obstacles {
		checked.Holds = append(checked.Holds, dashboard.Share{Name: why.Meaning(), N: people})
	}
	slices.SortFunc(checked.Holds, func(a, b dashboard.Share) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Name, b.Name)) })
	if f.SampleLine > 0 && f.SampleRefused == "" {
		checked.Message = spoken(f.Sample)
	}
	for _, c := range f.Outlook.First {
		clock := strings.Join(c.Zones, ", ")
		if meaning := c.ZoneBasis.Meaning(); meaning != "" {
			clock += " (" + meaning + ")"
		}
		checked.Callees = append(checked.Callees, dashboard.Callee{Line: c.Line, To: c.To, Country: c.Country, Clock: clock, FirstCall: c.FirstCall})
	}
	for country, people := range f.Outlook.Countries {
		checked.Countries = append(checked.Countries, dashboard.Share{Name: cmp.Or(country, "none"), N: people})
	}
	slices.SortFunc(checked.Countries, func(a, b dashboard.Share) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Name, b.Name)) })
	for i, z := range f.Outlook.Zones() {
		if i == maxZonesShown {
			break
		}
		checked.Zones = append(checked.Zones, dashboard.ZoneShare{Share: dashboard.Share{Name: strings.Join(z.Zones, ", "), N: z.People}, First: z.First})
	}
	return checked, nil
}

const maxZonesShown = 8

// spoken is the message as a person hears it, with what the keys do.
func spoken(r campaign.Rendered) (list []dashboard.Spoken) {
	s := r.Script
	if s == nil {
		return []dashboard.Spoken{{When: "NCCO", What: cmp.Or(string(r.NCCO), r.AnswerURL)}}
	}
	say := func(when, what string) {
		list = append(list, dashboard.Spoken{When: when, What: what, Lang: s.Language, Lasts: campaign.SpeakingTime(what).Round(time.Second)})
	}
	does := func(when, what string) { list = append(list, dashboard.Spoken{When: when, What: what}) }
	say("says", s.Say)
	for _, pressed := range s.Pressable() {
		key := s.Keys[pressed]
		switch {
		case key.OptOut:
			does("key "+pressed, "suppresses the number")
		case key.Repeat:
			does("key "+pressed, "says the message again")
		case key.Connect != "":
			does("key "+pressed, "puts through to "+key.Connect)
		case key.Result != "":
			does("key "+pressed, "notes "+key.Result)
		}
		if said := s.SaidBy(key); said != "" {
			say("key "+pressed+" says", said)
		}
	}
	if len(s.Keys) > 0 && s.Wrong != "" {
		say("a wrong key", s.Wrong)
	}
	if len(s.Keys) > 0 && s.Silent != "" {
		say("no key", s.Silent)
	}
	if s.Voicemail != "" {
		say("voicemail", s.Voicemail)
	}
	return list
}

// importFile makes a campaign of a file, as enqueue does.
func (n node) importFile(ctx context.Context, by app.Actor, in io.Reader, d campaign.Document, mend dashboard.Mended) (app.ImportResult, error) {
	s, err := n.settingsOf(d)
	if err != nil {
		return app.ImportResult{}, err
	}
	options := fileOptions(d)
	options.Mend = mend
	return n.importWith(ctx, by, in, d.Name, s, options)
}

// export writes a campaign's people, as dialer campaign export does.
func (n node) export(ctx context.Context, out io.Writer, name, format string, q app.ExportQuery) error {
	buffered := bufio.NewWriter(out)
	e := exportFormats[format](buffered)
	err := app.Contacts{Store: n.pagesDB}.Export(ctx, name, q, e.begin, e.person)
	if err == nil {
		err = e.end()
	}
	return errors.Join(err, buffered.Flush())
}
