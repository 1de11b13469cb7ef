package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"dialer/internal/app"
)

// course is the work that is left, of one running campaign or of all.
type course struct {
	active    int // people who are being called
	due       int // people who may be called now
	later     int // people who are due later, or outside their hours
	moreLater bool
	dialed    int // calls in the last minute
	next      time.Time
}

// courseOf is a campaign's course. Only the smaller group was counted, the people who are
// due or the others; the counters give the sum.
func courseOf(r app.Report, c app.Course) course {
	waiting := r.Pending + r.Waiting
	of := course{active: r.Active, dialed: c.Dialed, next: c.Next}
	if c.ManyLater && !c.ManyDue {
		of.due = min(c.Due, waiting)
		of.later = waiting - of.due
		return of
	}
	of.later, of.moreLater = min(c.Later, waiting), c.ManyLater
	of.due = waiting - of.later
	return of
}

func (c course) and(d course) course {
	sum := course{c.active + d.active, c.due + d.due, c.later + d.later, c.moreLater || d.moreLater, c.dialed + d.dialed, c.next}
	if c.next.IsZero() || !d.next.IsZero() && d.next.Before(c.next) {
		sum.next = d.next
	}
	return sum
}

// text says how long the first calls to those who are due still take at the present
// rate, and when the others are due. It contains nothing that anybody typed.
func (c course) text() template.HTML {
	if c.active+c.due+c.later == 0 {
		return "nobody is left to call"
	}
	text := ""
	switch {
	case c.due > 0 && c.dialed == 0:
		text = fmt.Sprintf("not known when %s are called who are due: no call was made in the last minute", count(c.due))
	case c.due > 0:
		text = "about " + minutesText(int(math.Ceil(float64(c.due)/float64(c.dialed)))) + " at the present rate"
		if c.later > 0 {
			text += fmt.Sprintf(" for %s who are due", count(c.due))
		}
	case c.active > 0:
		text = "the last who are due are being called"
	}
	if c.later > 0 {
		if text != "" {
			text += "; "
		}
		if c.moreLater {
			text += "more than "
		}
		text += count(c.later) + map[bool]string{true: " is due later", false: " are due later"}[c.later == 1 && !c.moreLater]
		if !c.next.IsZero() {
			text += ", the next at " + string(when(c.next))
		}
	}
	return template.HTML(text)
}

func minutesText(minutes int) string {
	switch {
	case minutes < 2:
		return "a minute"
	case minutes < 120:
		return fmt.Sprintf("%d minutes", minutes)
	}
	return fmt.Sprintf("%d hours", (minutes+30)/60)
}
