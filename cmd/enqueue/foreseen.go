package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/progress"
	"dialer/internal/provider"
	"dialer/storage"

	"github.com/shopspring/decimal"
)

// foreseenPace is how many first calls a second this campaign can make if it is alone,
// with the account's rate, its own limits, and the legs that its message opens.
func foreseenPace(f csvimport.Forecast, s campaign.Settings, callsPerSecond float64) float64 {
	return s.CallPace(callsPerSecond/float64(1+provider.Legs(f.Sample, s)), s.ExpectedUp())
}

// courseText says how long the first call to everybody takes, with the hours.
func courseText(f csvimport.Forecast, c campaign.Course, s campaign.Settings, pace float64) string {
	if f.Accepted == 0 {
		return ""
	}
	if c.First.IsZero() {
		return "Nobody can be called " + whenText(s) + ".\n"
	}
	text := fmt.Sprintf("Calling everybody once, %s, takes %s at %s a second: from %s to %s",
		whenText(s), roundText(c.Last.Sub(c.First)), paceNumber(pace), localMinute(c.First), localMinute(c.Last))
	if legs := provider.Legs(f.Sample, s); legs > 0 {
		text += fmt.Sprintf("; each counts as %s, because the message connects, or may connect, to others", progress.Count(1+legs, "call"))
	}
	if s.Limits.AtOnce > 0 || s.Limits.Connected > 0 {
		text += fmt.Sprintf("; a call is taken to last %s", s.ExpectedUp().Round(time.Second))
	}
	text += ". Calls to who is called again come on top.\n"
	if c.NotCalled > 0 {
		text += fmt.Sprintf("%s cannot be called before that is over.\n", progress.People(c.NotCalled))
	}
	return text
}

// remindersText says how many reminders are not made, or not in their time, and why.
func remindersText(o csvimport.Outlook, noRoom int, pace float64) string {
	var why []string
	for _, part := range []struct {
		n    int
		text string
	}{
		{o.RemindersLeft.Past, "past already"},
		{o.RemindersLeft.Moved, "moved by the hours to a time that is past"},
		{o.RemindersLeft.Outside, "before the campaign's start, or after its end or the row's call_before"},
		{noRoom, "without room before the hours close at " + paceNumber(pace) + " a second, so late or not made"},
	} {
		if part.n > 0 {
			why = append(why, fmt.Sprintf("%d %s", part.n, part.text))
		}
	}
	if len(why) == 0 {
		return ""
	}
	return fmt.Sprintf("Reminders that do not fit: %d of %d (%s)\n", o.RemindersLeft.Sum()+noRoom, o.Reminders+o.RemindersLeft.Sum(), strings.Join(why, ", "))
}

func paceNumber(pace float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", pace), "0"), ".")
}

func localMinute(at time.Time) string { return at.Local().Format("2006-01-02 15:04 MST") }

// courseOf is when the people of one zone are called, on the zone's clock.
func courseOf(c campaign.GroupCourse, zones []string) string {
	if c.First.IsZero() {
		return "nobody is called in time"
	}
	text := "first call " + momentText(c.First, zones)
	if c.Last.Sub(c.First) >= time.Minute {
		text += ", the last " + momentText(c.Last, zones)
	}
	if c.NotCalled > 0 {
		text += fmt.Sprintf(", %d not called in time", c.NotCalled)
	}
	return text
}

// asking gets the database's answers about the people of a dry run, if there is a
// database.
type asking struct {
	db        *storage.DB
	obstacles map[campaign.Withdrawal]int
	rates     map[string]decimal.Decimal
	ask       func([]string) (map[campaign.Withdrawal]int, error)
}

// askDatabase asks nothing without --database-url, or while the database is away.
func (j job) askDatabase(ctx context.Context) (*asking, error) {
	if j.flags.DatabaseURL == "" {
		return &asking{}, nil
	}
	db, err := storage.OpenMigrated(ctx, j.flags.DatabaseURL)
	if err != nil { // a dry run works without
		j.con.Printf("warning: what is on record was not asked: %s\n", cli.OneLine(err.Error()))
		return &asking{}, nil
	}
	a := &asking{db: db, obstacles: map[campaign.Withdrawal]int{}}
	a.ask = func(numbers []string) (map[campaign.Withdrawal]int, error) {
		return db.CountObstacles(ctx, j.flags.Name, j.settings, j.flags.read.Purpose, numbers)
	}
	if a.rates, err = db.CallRates(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return a, nil
}

func (a *asking) close() {
	if a.db != nil {
		a.db.Close()
	}
}

func (a *asking) onNumbers(numbers []string) error {
	if a.ask == nil || len(numbers) == 0 {
		return nil
	}
	obstacles, err := a.ask(numbers)
	for why, n := range obstacles {
		a.obstacles[why] += n
	}
	return err
}

func (a *asking) text(f csvimport.Forecast, s campaign.Settings) string {
	if a.db == nil || f.Accepted == 0 {
		return ""
	}
	return a.obstaclesText() + costText(f.Outlook.Countries, a.rates, s)
}

// obstaclesText names the obstacles to calls now, by the gate's rule.
func (a *asking) obstaclesText() string {
	if len(a.obstacles) == 0 {
		return "Nothing on record holds a number of these now.\n"
	}
	text := "What holds calls to them now:\n"
	for _, why := range slices.Sorted(maps.Keys(a.obstacles)) {
		text += fmt.Sprintf("  %s: %s\n", progress.People(a.obstacles[why]), why.Meaning())
	}
	return text
}

// costText is the cost of the first calls, if rates are known or configured.
func costText(countries map[string]int, rates map[string]decimal.Decimal, s campaign.Settings) string {
	cost := s.CostOnce(countries, rates)
	var unknown []string
	for _, country := range cost.Unknown {
		unknown = append(unknown, countryName(country))
	}
	text := ""
	if len(cost.Rates) > 0 {
		text = fmt.Sprintf("One call to everybody costs about %s if each is answered, and %s at the most (a minute costs %s).\n",
			cost.Usual.StringFixed(2), cost.Most.StringFixed(2), strings.Join(cost.Rates, ", "))
	}
	if len(unknown) > 0 {
		text += fmt.Sprintf("What a minute costs is not known for %s: DIALER_RATES says it to `dialer run`, or prices do once calls were made.\n", strings.Join(unknown, ", "))
	}
	return text
}
