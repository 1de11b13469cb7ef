package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/dashboard"
	"dialer/internal/provider"
)

const (
	// maxBadCells is how many refused rows the page shows.
	maxBadCells = 100
	// maxZonesShown is how many zones it shows, those of most people first.
	maxZonesShown = 8
)

// checkFile says what importFile would do. The message is that of the given row, counted
// from 1; 0: of the first row that can be called.
func (n node) checkFile(ctx context.Context, in io.Reader, d campaign.Document, mend dashboard.Mended, row int) (checked dashboard.Checked, err error) {
	s, err := n.settingsOf(d)
	if err != nil {
		return checked, err
	}
	options := fileOptions(d)
	options.Mend, options.MostShown, options.SampleRow = mend, maxBadCells, row
	obstacles := map[campaign.Withdrawal]int{}
	options.OnNumbers = func(numbers []string) error { return n.countObstacles(ctx, d, s, numbers, obstacles) }
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
	checked = forecastOf(f, s)
	// With all limits, in the same way as the dry run of enqueue.
	course := f.Outlook.Foresee(s, s.CallPace(n.pace.CallsPerSecond/float64(1+provider.Legs(f.Sample, s)), s.ExpectedUp()))
	checked.Takes, checked.LastCall, checked.NotCalled = course.Last.Sub(course.First), course.Last, course.NotCalled
	checked.Cost = s.CostOnce(f.Outlook.Countries, rates)
	checked.Holds = sharesOf(obstacles, campaign.Withdrawal.Meaning)
	return checked, nil
}

// countObstacles adds how many of the numbers cannot be called now, by obstacle.
func (n node) countObstacles(ctx context.Context, d campaign.Document, s campaign.Settings, numbers []string, obstacles map[campaign.Withdrawal]int) error {
	if len(numbers) == 0 {
		return nil
	}
	counts, err := n.pagesDB.CountObstacles(ctx, d.Name, s, d.Purpose, numbers)
	for why, people := range counts {
		obstacles[why] += people
	}
	return err
}

// forecastOf is what the page shows of a file that was read.
func forecastOf(f csvimport.Forecast, s campaign.Settings) dashboard.Checked {
	checked := dashboard.Checked{
		Rows: f.Rows, Accepted: f.Accepted, Duplicates: f.Duplicates, Refused: f.Rejected,
		Columns: f.Columns.Vars, Headers: f.Columns.Vars,
		Found: map[string]string{"to": f.Columns.To, "key": f.Columns.Key, "zone": f.Columns.Zone, "call_at": f.Columns.CallAt, "call_before": f.Columns.CallBefore},
		Bad:   f.First, Warnings: f.Warnings,
		Vars: f.SampleVars, Line: f.SampleLine, LineRefused: f.SampleRefused,
		RingS: s.RingingTimer, LengthS: s.LengthTimer, Settings: s,
		Waiting: f.Outlook.Waiting, Until: f.Outlook.Until, Moved: f.Outlook.Moved, Past: f.Outlook.Past,
		Countries: sharesOf(f.Outlook.Countries, func(country string) string { return cmp.Or(country, "none") }),
	}
	if f.SampleLine > 0 && f.SampleRefused == "" {
		checked.Message = spoken(f.Sample)
	}
	for _, c := range f.Outlook.First {
		checked.Callees = append(checked.Callees, dashboard.Callee{Line: c.Line, To: c.To, Country: c.Country, Clock: clockOf(c), FirstCall: c.FirstCall})
	}
	zones := f.Outlook.Zones()
	for _, z := range zones[:min(len(zones), maxZonesShown)] {
		checked.Zones = append(checked.Zones, dashboard.ZoneShare{Share: dashboard.Share{Name: strings.Join(z.Zones, ", "), N: z.People}, First: z.First})
	}
	return checked
}

// sharesOf are the counts by name, the largest first.
func sharesOf[K comparable](counts map[K]int, name func(K) string) (shares []dashboard.Share) {
	for of, people := range counts {
		shares = append(shares, dashboard.Share{Name: name(of), N: people})
	}
	slices.SortFunc(shares, func(a, b dashboard.Share) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Name, b.Name)) })
	return shares
}

// clockOf is the zones that the person may be in, and how they are known.
func clockOf(c csvimport.Callee) string {
	clock := strings.Join(c.Zones, ", ")
	if meaning := c.ZoneBasis.Meaning(); meaning != "" {
		clock += " (" + meaning + ")"
	}
	return clock
}

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
