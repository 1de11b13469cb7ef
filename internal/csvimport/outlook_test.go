package csvimport

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// At noon in London on a Monday, people in London are called at once, people in Los
// Angeles wait for nine in the morning, and reminders wait for their own time.
func TestOutlook(t *testing.T) {
	t.Parallel()
	const file = "phone,zip,call_at\n" +
		"+442079460001,,\n" +
		"+442079460002,,2026-11-30 15:00\n" +
		"+442079460003,,2026-11-30 09:30\n" + // past
		"+12125550101,94105,\n" + // a number of New York, a house in San Francisco
		"+442079460004,,2026-11-30 21:00\n" + // outside the hours
		"+3312345,,\n" // no number
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	s, o := settings(), options()
	s.Message.Say, s.Countries, s.Hours, s.Zone = "Hello.", nil, campaign.Daily(9*60, 20*60), campaign.ZoneRecipient
	o.Now = noon
	got, err := Preview(t.Context(), strings.NewReader(file), s, o)
	require.NoError(t, err)
	london, california := []string{"Europe/London"}, []string{"America/Los_Angeles"}
	want := Outlook{
		People: 3, Countries: map[string]int{"GB": 2, "US": 1}, Waiting: 2, Until: at(30, 17), Past: 1,
		First: []Callee{
			{2, "442079460001", "GB", london, campaign.ZoneByNumber, noon},
			{3, "442079460002", "GB", london, campaign.ZoneByNumber, at(30, 15)},
			{5, "12125550101", "US", california, campaign.ZoneByPostalCode, at(30, 17)},
		},
	}
	var zones []ZoneOutlook
	for _, z := range got.Outlook.Zones() {
		zones = append(zones, ZoneOutlook{Zones: z.Zones, People: z.People, Now: z.Now, First: z.First, Last: z.Last})
	}
	wantZones := []ZoneOutlook{
		{Zones: london, People: 2, Now: 1, First: noon, Last: at(30, 15)},
		{Zones: california, People: 1, First: at(30, 17), Last: at(30, 17)},
	}
	equal := cmpopts.IgnoreUnexported(Outlook{}, ZoneOutlook{})
	if diff := cmp.Diff(want, got.Outlook, equal); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(wantZones, zones, equal); diff != "" {
		t.Errorf("zones (-want +got)\n%s", diff)
	}

	o.Yes = true
	got, err = Preview(t.Context(), strings.NewReader(file), s, o)
	require.NoError(t, err)
	if got.Outlook.People != 5 || got.Outlook.Moved != 2 || got.Outlook.Past != 1 {
		t.Errorf("with --yes: %d people, %d moved, %d past; want 5, 2, 1", got.Outlook.People, got.Outlook.Moved, got.Outlook.Past)
	}
}

// Reminders are foreseen at their minutes, and count as moved only if the hours moved
// them. Many times are counted in larger steps, but all are counted.
func TestOutlookOfReminders(t *testing.T) {
	t.Parallel()
	const file = "phone,when\n+442079460001,2026-12-02 16:10\n+442079460002,2026-12-02 16:25\n+442079460003,2026-12-02 10:00\n"
	s, o := settings(), options()
	s.Message.Say, s.Countries, s.Hours = "Hello.", nil, campaign.Daily(9*60, 20*60)
	s.Remind = &campaign.Remind{Column: "when", Before: []time.Duration{2 * time.Hour}}
	o.Now = time.Date(2026, 12, 2, 12, 0, 0, 0, time.UTC).AddDate(0, 0, -1)
	got, err := Preview(t.Context(), strings.NewReader(file), s, o)
	require.NoError(t, err)
	if got.Outlook.People != 3 || got.Outlook.Moved != 1 {
		t.Errorf("%d people, %d moved; want 3, 1", got.Outlook.People, got.Outlook.Moved)
	}
	zone := got.Outlook.Zones()[0]
	for _, at := range []string{"2026-12-02T14:10:00Z", "2026-12-02T14:25:00Z"} {
		when, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		if zone.due[dueTime{when, when.Add(2 * time.Hour)}] != 1 {
			t.Errorf("nobody is due at %s: %v", at, zone.due)
		}
	}
	if got.Outlook.Reminders != 3 || got.Outlook.RemindersLeft.Sum() != 0 || got.Outlook.RemindersWithoutRoom(s, 1) != 0 {
		t.Errorf("%d reminders, %+v left out, %d without room; want 3, none, none", got.Outlook.Reminders, got.Outlook.RemindersLeft, got.Outlook.RemindersWithoutRoom(s, 1))
	}
	many := &ZoneOutlook{due: map[dueTime]int{}}
	for i := range 3 * maxDue {
		many.count(o.Now.Add(time.Duration(i)*time.Minute), time.Time{}, o.Now)
	}
	sum := 0
	for _, n := range many.due {
		sum += n
	}
	if sum != 3*maxDue || len(many.due) > 2*maxDue+100 {
		t.Errorf("%d times with %d people, want %d people", len(many.due), sum, 3*maxDue)
	}
}

// Of reminders it is said which are past, which the hours move into the past, and how many
// more the hours move into their last half hour than fit into it at a pace.
func TestRemindersThatDoNotFit(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString("phone,when\n+442079460001,2026-12-02 10:30\n")
	for i := range 200 {
		fmt.Fprintf(&file, "+44207946%04d,2026-12-03 10:30\n", 100+i)
	}
	s, o := settings(), options()
	s.Message.Say, s.Countries, s.Hours = "Hello.", nil, campaign.Daily(9*60, 20*60)
	s.Remind = &campaign.Remind{Column: "when", Before: []time.Duration{24 * time.Hour, 2 * time.Hour, time.Hour}}
	o.Now = time.Date(2026, 12, 1, 21, 0, 0, 0, time.UTC)
	got, err := Preview(t.Context(), strings.NewReader(file.String()), s, o)
	require.NoError(t, err)
	if diff := cmp.Diff(campaign.RemindersLeft{Past: 1, Moved: 1}, got.Outlook.RemindersLeft); diff != "" || got.Outlook.Reminders != 601 {
		t.Errorf("%d reminders, want 601; those left out (-want +got)\n%s", got.Outlook.Reminders, diff)
	}
	if n := got.Outlook.RemindersWithoutRoom(s, 1); n != 0 {
		t.Errorf("%d have no room at one call a second", n)
	}
	// 183 calls at most can begin in the half hour.
	if n := got.Outlook.RemindersWithoutRoom(s, 0.1); n < 17 || n > 30 {
		t.Errorf("%d have no room at six calls a minute, want 17 or a few more", n)
	}
}
