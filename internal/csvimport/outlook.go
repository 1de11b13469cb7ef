package csvimport

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
)

const (
	// maxCallees is how many rows an outlook shows.
	maxCallees = 5
	// maxGroups bounds the countries and the sets of zones that are counted. The
	// world has fewer.
	maxGroups = 1000
	// maxDue bounds the times of a zone that are counted separately.
	maxDue = 4000
)

// Outlook says which rows of a file will be called, and when at the earliest. It does not
// consider the rate.
type Outlook struct {
	People    int
	First     []Callee
	Countries map[string]int // by ISO code; "" for numbers of no country
	// Waiting is how many wait for their hours, their own time or the campaign's
	// start, and Until when the last of them may be called.
	Waiting int
	Until   time.Time
	Past    int // rows whose time is past, refused or moved
	Moved   int // rows whose time was moved into the hours
	// Reminders is how many reminders these people have. RemindersLeft counts the others,
	// which are not made. Only a dry run counts them.
	Reminders     int
	RemindersLeft campaign.RemindersLeft

	zones map[string]*ZoneOutlook // by the zones, joined
	now   time.Time
}

// Callee is one row that will be called.
type Callee struct {
	Line      int
	To        string // E.164 digits
	Country   string
	Zones     []string
	ZoneBasis campaign.ZoneBasis
	FirstCall time.Time
}

// ZoneOutlook is about the people of one zone, or of several that their numbers may
// be in.
type ZoneOutlook struct {
	Zones       []string
	People      int
	Now         int       // how many may be called at once
	First, Last time.Time // the earliest and the latest first call of one of them

	soonest time.Time             // the first call of somebody who has no time of their own
	due     map[dueTime]int       // how many first calls are due, by the minute, or less finely where they are many
	remind  map[dueTime]int       // the same of all reminders
	course  *campaign.GroupCourse // once it was foreseen
}

// Course is the course of the zone's calls, after Foresee has computed it.
func (z *ZoneOutlook) Course() (campaign.GroupCourse, bool) {
	if z.course == nil {
		return campaign.GroupCourse{}, false
	}
	return *z.course, true
}

// Foresee computes the course of the first calls at this rate.
func (o *Outlook) Foresee(s campaign.Settings, perSecond float64) campaign.Course {
	zones := o.Zones()
	course := s.Foresee(dueGroups(zones, func(z *ZoneOutlook) map[dueTime]int { return z.due }), perSecond, o.now)
	for i, z := range zones {
		z.course = &course.Groups[i]
	}
	return course
}

// RemindersWithoutRoom computes how many reminders are not made in their time at so many
// calls a second, if nobody gives a result before.
func (o *Outlook) RemindersWithoutRoom(s campaign.Settings, perSecond float64) int {
	return s.Foresee(dueGroups(o.Zones(), func(z *ZoneOutlook) map[dueTime]int { return z.remind }), perSecond, o.now).NotCalled
}

func dueGroups(zones []*ZoneOutlook, dueOf func(*ZoneOutlook) map[dueTime]int) []campaign.DueGroup {
	groups := make([]campaign.DueGroup, len(zones))
	for i, z := range zones {
		due := dueOf(z)
		groups[i].Zones = z.Zones
		for _, t := range slices.SortedFunc(maps.Keys(due), dueTime.compare) {
			groups[i].Due = append(groups[i].Due, campaign.DuePeople{At: t.at, Before: t.before, People: due[t]})
		}
	}
	return groups
}

// Zones lists the zones, those with most people first.
func (o *Outlook) Zones() []*ZoneOutlook {
	return slices.SortedFunc(maps.Values(o.zones), func(a, b *ZoneOutlook) int {
		return cmp.Or(b.People-a.People, slices.Compare(a.Zones, b.Zones))
	})
}

// add counts a row.
func (o *Outlook) add(row campaign.Row, s campaign.Settings) {
	if o.zones == nil {
		o.Countries, o.zones = map[string]int{}, map[string]*ZoneOutlook{}
	}
	if row.Past {
		o.Past++
	}
	if row.NotNew.Reason != "" {
		return
	}
	zone := o.zone(row.Zones, s)
	first := zone.soonest
	if !row.CallAt.IsZero() {
		first, _ = s.FirstCall(row.CallAt, row.Zones, o.now)
	}
	o.People++
	zone.count(first, row.NotLaterThan, o.now)
	if _, known := o.Countries[row.Country]; known || len(o.Countries) < maxGroups {
		o.Countries[row.Country]++
	}
	if row.CallAtMoved {
		o.Moved++
	}
	if first.After(o.now) {
		o.Waiting++
		o.Until = latest(o.Until, first)
	}
	if len(o.First) < maxCallees {
		o.First = append(o.First, Callee{row.Line, row.To, row.Country, row.Zones, row.ZoneBasis, first})
	}
}

// addReminders counts the reminders of a row that was added.
func (o *Outlook) addReminders(row campaign.Row, s campaign.Settings) {
	if s.Remind == nil {
		return
	}
	zone := o.zone(row.Zones, s)
	o.Reminders += len(row.RemindAt)
	for _, r := range s.RemindersDue(row.RemindAt, row.NotLaterThan, row.Zones) {
		// The end is rounded up to a whole minute.
		zone.remind[dueTimeIn(zone.remind, r.At, r.Before.Add(time.Minute-time.Nanosecond), time.Time{})]++
	}
	if len(row.RemindAt) == len(s.Remind.Before) {
		return
	}
	left := s.RemindersLeft(row.OwnTime, row.NotLaterThan, o.now, row.Zones, row.To)
	o.RemindersLeft.Past += left.Past
	o.RemindersLeft.Moved += left.Moved
	o.RemindersLeft.Outside += left.Outside
}

// zone is the count of one set of zones; beyond maxGroups they share one.
func (o *Outlook) zone(zones []string, s campaign.Settings) *ZoneOutlook {
	key := strings.Join(zones, " ")
	if found := o.zones[key]; found != nil {
		return found
	}
	if len(o.zones) >= maxGroups {
		key, zones = "", nil
	}
	z := &ZoneOutlook{Zones: zones, due: map[dueTime]int{}, remind: map[dueTime]int{}}
	z.soonest, _ = s.FirstCall(time.Time{}, zones, o.now)
	o.zones[key] = z
	return z
}

func (z *ZoneOutlook) count(first, before, now time.Time) {
	z.People++
	if !first.After(now) {
		z.Now++
	}
	if z.First.IsZero() || first.Before(z.First) {
		z.First = first
	}
	z.Last = latest(z.Last, first)
	z.due[dueTimeIn(z.due, first, before, z.soonest)]++
}

// dueSteps are the steps in which times are counted: the more times, the larger the step.
var dueSteps = []struct {
	step time.Duration
	most int
}{{time.Minute, maxDue}, {15 * time.Minute, 2 * maxDue}, {24 * time.Hour, math.MaxInt}}

// dueTime is when a first call counts as due, and until when it can be made; zero: always.
type dueTime struct{ at, before time.Time }

func (t dueTime) compare(u dueTime) int {
	return cmp.Or(t.at.Compare(u.at), t.before.Compare(u.before))
}

// dueTimeIn is what a call is counted by in due. soonest is kept as it is.
func dueTimeIn(due map[dueTime]int, first, before, soonest time.Time) (t dueTime) {
	for _, by := range dueSteps {
		t = dueTime{first.Truncate(by.step), before.Truncate(by.step)}
		if first.Equal(soonest) {
			t.at = soonest
		}
		if !before.IsZero() && !t.before.After(t.at) {
			t.before = t.before.Add(by.step) // it is after the first call
		}
		if _, known := due[t]; known || len(due) < by.most {
			break
		}
	}
	return t
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
