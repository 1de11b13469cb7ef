package dashboard

import (
	"testing"
	"time"

	"dialer/internal/app"
)

func TestCourseText(t *testing.T) {
	t.Parallel()
	next := time.Date(2036, 12, 1, 10, 0, 0, 0, time.UTC)
	const at = `, the next at <time datetime="2036-12-01T10:00:00Z">2036-12-01 10:00:00Z</time>`
	for want, of := range map[string]course{
		"nobody is left to call": courseOf(app.Report{}, app.Course{}),
		"2 are due later" + at:   courseOf(app.Report{Waiting: 2}, app.Course{Later: 2, Next: next}),
		"the last who are due are being called; 1 is due later" + at:                  courseOf(app.Report{Active: 1, Waiting: 1}, app.Course{Dialed: 1, Later: 1, Next: next}),
		"about 10 minutes at the present rate":                                        courseOf(app.Report{Pending: 100}, app.Course{Dialed: 10, Due: 100}),
		"about a minute at the present rate for 6 who are due; 94 are due later" + at: courseOf(app.Report{Pending: 100}, app.Course{Dialed: 10, Due: 6, Later: 94, Next: next}),
		"about 2 hours at the present rate":                                           courseOf(app.Report{Pending: 1200}, app.Course{Dialed: 10, Due: 900, ManyDue: true}),
		// The people who are due were counted, and the rest is due later.
		"about a minute at the present rate for 5 who are due; 9\u202f995 are due later" + at: courseOf(app.Report{Pending: 10000}, app.Course{Dialed: 10, Due: 5, Later: 2000, ManyLater: true, Next: next}),
		// There are many of both.
		"about 13 hours at the present rate for 8\u202f000 who are due; more than 2\u202f000 are due later" + at: courseOf(
			app.Report{Pending: 10000}, app.Course{Dialed: 10, Due: 2000, ManyDue: true, Later: 2000, ManyLater: true, Next: next}),
	} {
		if got := string(of.text()); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
	sum := courseOf(app.Report{Pending: 30}, app.Course{Dialed: 3, Due: 30}).and(courseOf(app.Report{Waiting: 2}, app.Course{Later: 2, Next: next}))
	if got, want := string(sum.text()), "about 10 minutes at the present rate for 30 who are due; 2 are due later"+at; got != want {
		t.Errorf("of two: %q", got)
	}
}
