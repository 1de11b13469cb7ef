package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
	"dialer/internal/progress"
)

// maxZones is how many sets of zones are listed.
const maxZones = 12

// calleesText shows who will be called, where, and when at the earliest.
func calleesText(o csvimport.Outlook) string {
	if o.People == 0 {
		return ""
	}
	return firstCalleesText(o) + "By country: " + countriesText(o.Countries) + "\n" + zonesText(o) + waitingText(o)
}

// firstCalleesText lists the first people with what will be dialed.
func firstCalleesText(o csvimport.Outlook) string {
	var text strings.Builder
	fmt.Fprintf(&text, "Who will be called, %d of %s:\n", len(o.First), progress.Count(o.People, "row"))
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "  LINE\tNUMBER\tCOUNTRY\tFIRST CALL\tCLOCK\n")
	for _, c := range o.First {
		fmt.Fprintf(table, "  %d\t+%s\t%s\t%s\t%s\n", c.Line, c.To, countryName(c.Country), momentText(c.FirstCall, c.Zones), clockText(c.Zones, c.ZoneBasis))
	}
	table.Flush()
	return text.String()
}

func countryName(code string) string {
	if code == "" {
		return "none"
	}
	return code
}

// momentText is a moment on the clock of the first zone.
func momentText(at time.Time, zones []string) string {
	if len(zones) > 0 {
		if zone, err := campaign.LoadZone(zones[0]); err == nil {
			return at.In(zone).Format("2006-01-02 15:04")
		}
	}
	return at.UTC().Format("2006-01-02 15:04Z")
}

// clockText names the zones whose clocks count.
func clockText(zones []string, basis campaign.ZoneBasis) string {
	text := zoneNames(zones)
	if meaning := basis.Meaning(); meaning != "" {
		text += " (" + meaning + ")"
	}
	return text
}

// zoneNames are the zones, or the first and how many more.
func zoneNames(zones []string) string {
	switch len(zones) {
	case 0:
		return "other zones"
	case 1, 2, 3:
		return strings.Join(zones, ", ")
	}
	return fmt.Sprintf("%s and %d more", zones[0], len(zones)-1)
}

// countriesText counts people by country, the most frequent first.
func countriesText(countries map[string]int) string {
	codes := slices.SortedFunc(maps.Keys(countries), func(a, b string) int {
		if countries[a] != countries[b] {
			return countries[b] - countries[a]
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, code := range codes {
		parts = append(parts, fmt.Sprintf("%s %d", countryName(code), countries[code]))
	}
	return strings.Join(parts, ", ")
}

// zonesText counts people by zone, with the first and the last first call.
func zonesText(o csvimport.Outlook) string {
	var text strings.Builder
	fmt.Fprintf(&text, "By zone, on its clock:\n")
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	zones := o.Zones()
	for i, z := range zones {
		if i == maxZones {
			fmt.Fprintf(table, "  and %d more\n", len(zones)-maxZones)
			break
		}
		when := "from " + momentText(z.First, z.Zones)
		if z.Now > 0 {
			when = fmt.Sprintf("%d at once", z.Now)
		}
		if course, known := z.Course(); known {
			when = courseOf(course, z.Zones)
		} else if z.Last.After(z.First) {
			when += ", the last at " + momentText(z.Last, z.Zones)
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", zoneNames(z.Zones), progress.People(z.People), when)
	}
	table.Flush()
	return text.String()
}

// waitingText says how many wait and until when, and whose time is past.
func waitingText(o csvimport.Outlook) string {
	text := ""
	if o.Waiting > 0 {
		text = fmt.Sprintf("%s until their hours or their own time, the last until %s\n", waits(o.Waiting), o.Until.Local().Format("2006-01-02 15:04 MST"))
	}
	if o.Moved > 0 {
		text += fmt.Sprintf("%s moved into the hours\n", progress.Count(o.Moved, "time"))
	}
	if o.Past > 0 {
		text += fmt.Sprintf("%s already past\n", progress.Count(o.Past, "time"))
	}
	return text
}

func waits(n int) string {
	if n == 1 {
		return progress.People(n) + " waits"
	}
	return progress.People(n) + " wait"
}
