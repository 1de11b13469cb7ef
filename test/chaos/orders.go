package main

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/verify"
	"dialer/test/fleet"

	"github.com/google/uuid"
)

// orders are the orders of a run's operators, as they would remember them. The judge
// compares the calls with these, and not with the database.
type orders struct {
	mu         sync.Mutex
	rules      map[string]verify.Rule
	settings   map[string]campaign.Settings // the present orders
	suppressed map[string][]verify.Span
	lifted     map[string][]time.Time
	called     map[uuid.UUID]bool // attempts that were said to have made a call
	alarms     map[string]bool    // that the run gives cause for
	names      map[string]string  // the greeting of each number, by the first file
}

func newOrders(o options) *orders {
	names := map[string]string{}
	for i := range o.Contacts {
		names[fleet.Number(i)] = greeting(fleet.Row(i, "Person"))
	}
	return &orders{alarms: o.expectedAlarms(), names: names, rules: map[string]verify.Rule{}, settings: map[string]campaign.Settings{}, suppressed: map[string][]verify.Span{}, lifted: map[string][]time.Time{}, called: map[uuid.UUID]bool{}}
}

// greeting is how a call greets the person of a row: +NUMBER,NAME.
func greeting(row string) string {
	_, name, _ := strings.Cut(strings.TrimSpace(row), ",")
	return "Hello " + name + ","
}

// begun adds a campaign with the numbers of its file.
func (o *orders) begun(name string, s campaign.Settings, numbers []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rule := verify.RuleOf(s)
	rule.Says = saysOf(s.Message)
	rule.Rows, rule.Names = numbers, o.names
	rule.Ends = map[campaign.Reason]bool{}
	o.rules[name], o.settings[name] = rule, s
}

// settingsOf are a campaign's settings as they were ordered.
func (o *orders) settingsOf(name string) campaign.Settings {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.settings[name]
}

// edit: the campaign may have these settings from now on.
func (o *orders) edit(name string, s campaign.Settings, typed time.Time) {
	o.change(name, func(r *verify.Rule) {
		terms := verify.RuleOf(s).Terms
		terms.Says = saysOf(s.Message)
		*r = r.Edited(terms, typed, time.Time{})
	})
}

// edited: it has them, and no others.
func (o *orders) edited(name string, s campaign.Settings, done time.Time) {
	o.change(name, func(r *verify.Rule) {
		for i := range r.Earlier {
			if r.Earlier[i].To.IsZero() {
				r.Earlier[i].To = done
			}
		}
	})
	o.mu.Lock()
	defer o.mu.Unlock()
	o.settings[name] = s
}

// change changes a campaign's rule.
func (o *orders) change(name string, change func(*verify.Rule)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	rule := o.rules[name]
	change(&rule)
	o.rules[name] = rule
}

// added adds the number of a row. Without a number, the campaign's rows are no longer
// known.
func (o *orders) added(name, number string) {
	o.change(name, func(r *verify.Rule) {
		if number == "" {
			r.Rows = nil
		} else if r.Rows != nil {
			r.Rows = append(r.Rows, number)
		}
	})
}

// row: a file that was typed may have changed the row of a number.
func (o *orders) row(name, number string, row verify.Row) {
	o.change(name, func(r *verify.Rule) {
		if r.People == nil {
			r.People = map[string][]verify.Row{}
		}
		if len(r.People[number]) == 0 && r.Names[number] != "" {
			r.People[number] = []verify.Row{{Says: r.Names[number]}}
		}
		r.People[number] = append(r.People[number], row)
	})
}

// rowDone: the file's command has returned, and the row was taken or not.
func (o *orders) rowDone(name, number string, taken bool, done time.Time) {
	o.change(name, func(r *verify.Rule) {
		rows := r.People[number]
		last := len(rows) - 1
		if !taken {
			r.People[number] = rows[:last]
			return
		}
		for i := range rows[:last] {
			if rows[i].To.IsZero() {
				rows[i].To = done
			}
		}
	})
}

// closed: the campaign calls nobody from then on, until reopened.
func (o *orders) closed(name string, at time.Time) {
	o.change(name, func(r *verify.Rule) { r.Closed = append(r.Closed, verify.Span{From: at}) })
}

func (o *orders) reopened(name string, at time.Time) {
	o.change(name, func(r *verify.Rule) { endSpans(r.Closed, at) })
}

// stopping: contacts may end as stopped from now on.
func (o *orders) stopping(name string) {
	o.change(name, func(r *verify.Rule) { r.Ends[campaign.ReasonStopped] = true })
}

// suppress: the number is not called from then on; until may be zero.
func (o *orders) suppress(number string, from, until time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.suppressed[number] = append(o.suppressed[number], verify.Span{From: from, To: until})
}

// unsuppress ends every suppression of the number.
func (o *orders) unsuppress(number string, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	endSpans(o.suppressed[number], at)
	o.lifted[number] = append(o.lifted[number], at)
}

// wasCalled: somebody said that the attempt called the person, and could not name the
// call.
func (o *orders) wasCalled(attempt uuid.UUID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.called[attempt] = true
}

func endSpans(spans []verify.Span, at time.Time) {
	for i := range spans {
		if spans[i].To.IsZero() || spans[i].To.After(at) {
			spans[i].To = at
		}
	}
}

// forever are the numbers that are suppressed for ever.
func (o *orders) forever() (numbers []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, number := range slices.Sorted(maps.Keys(o.suppressed)) {
		if slices.ContainsFunc(o.suppressed[number], func(s verify.Span) bool { return s.To.IsZero() }) {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

const (
	// slack is how much too early a call may seem. A record has whole seconds, it lacks
	// the ringing of a call that nobody answered, and Vonage's clock is wrong.
	slack = 3 * time.Second
	// tokenSpread is how far apart attempts that share a token may be.
	tokenSpread = time.Second
	// late is how long after an order a call may still begin.
	late = tokenLife + tokenSpread + clockOff
)

// judged are the orders in the judge's form.
func (o *orders) judged() verify.Orders {
	o.mu.Lock()
	defer o.mu.Unlock()
	judged := verify.Orders{
		Rules: map[string]verify.Rule{}, Suppressed: map[string][]verify.Span{},
		Late: late, Slack: slack, Alarms: o.alarms, Called: maps.Clone(o.called), Kept: retention,
	}
	for name, rule := range o.rules {
		rule.Rows, rule.Closed, rule.Ends = slices.Clone(rule.Rows), slices.Clone(rule.Closed), maps.Clone(rule.Ends)
		rule.Earlier = slices.Clone(rule.Earlier)
		people := make(map[string][]verify.Row, len(rule.People))
		for number, rows := range rule.People {
			people[number] = slices.Clone(rows)
		}
		rule.People = people
		judged.Rules[name] = rule
	}
	judged.Lifted = map[string][]time.Time{}
	for number, times := range o.lifted {
		judged.Lifted[number] = slices.Clone(times)
	}
	for number, spans := range o.suppressed {
		judged.Suppressed[number] = slices.Clone(spans)
	}
	return judged
}

// expectedAlarms are the alarms for which a run with these options gives cause.
func (o options) expectedAlarms() map[string]bool {
	disturbed := o.Kills != 0 || o.Pauses > 0 || o.RedisLosses > 0 || o.PostgresCrashes > 0 || o.Cuts > 0
	unsure := disturbed || o.Faults != "none" // it is not always known at once whether there is a call
	other := o.Wording == "other"
	expected := map[string]bool{
		campaign.AlarmRedis: true, // the private Redis has no policy set
		// A machine that is too busy is late with everything.
		campaign.AlarmWebhooksDelayed: true, campaign.AlarmAnswer: true, campaign.AlarmFailing: true, campaign.AlarmRedisUnusable: true,
		campaign.AlarmClockSkew: true,
	}
	for kind, cause := range map[string]bool{
		campaign.AlarmAmbiguousMatch:    unsure,               // one campaign after the other calls the same numbers
		campaign.AlarmUnmatchedCall:     unsure || o.Acts > 0, // until a late record is matched
		campaign.AlarmKnownCallsMissing: unsure || other,      // the list lags, or writes uuids otherwise
		campaign.AlarmAbsenceBlocked:    unsure,               // a record says no start while its call is up, or no number; it must be settled in the end
		campaign.AlarmUnreadableRecord:  other,                // records without uuids
		campaign.AlarmNumberMismatch:    other,                // numbers are written otherwise
		campaign.AlarmUnsigned:          other,                // tokens come again with another body
		campaign.AlarmUnknownAttempt:    other && o.Acts != 0, // the events of a call by hand name it by its number, in another form
		campaign.AlarmBudget:            o.edits(),            // operators make it small for a while
	} {
		if cause {
			expected[kind] = true
		}
	}
	return expected
}

// edits reports whether operators may edit campaigns.
func (o options) edits() bool {
	if o.Acts == 0 || o.Acts < 0 && o.Kills == 0 {
		return false
	}
	return o.Act == "" || o.Act == actEdit
}
