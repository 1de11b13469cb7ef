package campaign

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"
)

// Remind requests calls before a time of the person's own, one for each offset.
type Remind struct {
	Column string // the column with that time
	Before []time.Duration
	// Merge: if two reminders are no further apart than this, only the later is made.
	Merge time.Duration
}

const (
	maxReminders = 10
	maxBefore    = 60 * 24 * time.Hour
)

// Reminders are the times of reminder calls for a person whose own time is at, by the
// clock of the zones. Each is its offset before at, or at the nearest earlier moment at
// which the hours let a call begin. Reminders that the hours move are spread by the
// person's number, so that people who share it stay together. Reminders in the past, or
// before the campaign's start, are left out: nobody is called late. None: all of them
// are left out.
func (s Settings) Reminders(at, now time.Time, zones []string, number string) (times []time.Time) {
	for _, before := range s.Remind.Before {
		t, ok := s.Hours.reminder(at.Add(-before), now, zones, number)
		//guard:value(!ok) campaign.TestReminders: a reminder whose time is past is not made late
		if !ok || t.Before(now) || t.Before(s.Start) || !s.beforeEnd(t) {
			continue
		}
		times = append(times, t.UTC())
	}
	slices.SortFunc(times, time.Time.Compare)
	return s.Remind.merged(times)
}

// merged keeps one of the reminders that are near each other: the later, unless the one
// after it is near that too. Two at the same moment always become one.
func (r Remind) merged(times []time.Time) (list []time.Time) {
	for i, t := range times {
		if i+1 < len(times) && times[i+1].Sub(t) <= r.Merge {
			continue
		}
		list = append(list, t)
	}
	return list
}

// remindSpread is the time before the end of the hours over which moved reminders are
// spread. At one moment before the end the claim takes people for only half a minute,
// so only the calls of that half minute would fit.
const remindSpread = 30 * time.Minute

// reminder is the moment at if the hours are open then. If not, it is a moment in the
// last half hour before the hours closed, another one for each number. It is never
// before the opening. If that moment is already past, it is the last moment.
func (h Hours) reminder(at, now time.Time, zones []string, number string) (time.Time, bool) {
	last, ok := h.lastCall(at, zones)
	if !ok || last.Equal(at) {
		return last, ok
	}
	locations, _ := loadZones(zones) // lastCall has loaded them
	sum := fnv.New64a()
	sum.Write([]byte(number))
	earlier := time.Duration(sum.Sum64() % uint64(remindSpread)).Truncate(time.Second)
	open := func(d time.Duration) bool { // from then on, until the last moment
		for ; d > 0; d -= time.Minute {
			if !h.openInAll(last.Add(-d), locations) {
				return false
			}
		}
		return true
	}
	//guard:value(false) campaign.TestMovedRemindersAreSpread: a reminder is not moved before an opening
	for earlier > 0 && !open(earlier) {
		earlier = (earlier / 2).Truncate(time.Second)
	}
	if t := last.Add(-earlier); !t.Before(now) {
		return t, true
	}
	return last, true
}

// lastCall is the latest moment up to at at which a call can begin: the hours are open
// in every zone, and stay open for CallMargin. It looks back as far as Next looks
// ahead.
func (h Hours) lastCall(at time.Time, zones []string) (time.Time, bool) {
	locations, err := loadZones(zones)
	if err != nil || len(locations) == 0 {
		return time.Time{}, false
	}
	opens := func(t time.Time) bool { return h.openInAll(t, locations) && h.openInAll(t.Add(CallMargin), locations) }
	if opens(at) {
		return at, true
	}
	var candidates []time.Time
	days := 8 + len(h.Except)
	for _, location := range locations {
		year, month, day := at.In(location).Date()
		for back := range days + 1 {
			midnight := time.Date(year, month, day+1-back, 0, 0, 0, 0, location)
			candidates = append(candidates, midnight)
			weekday := (int(midnight.Weekday()) + 6) % 7
			for _, s := range h.day(weekday) {
				candidates = append(candidates, time.Date(year, month, day+1-back, 0, s.To, 0, 0, location))
			}
		}
		for t, i := at, 0; i < 2; i++ { // a change of clocks also closes the hours
			change, _ := t.In(location).ZoneBounds()
			if change.IsZero() {
				break
			}
			candidates = append(candidates, change)
			t = change.Add(-time.Second)
		}
	}
	var found time.Time
	for _, closing := range candidates {
		// A minute at a time, because margins are whole minutes and CallMargin is not.
		for minute := range 3 {
			t := closing.Add(-h.Margin - CallMargin).Truncate(time.Minute).Add(-time.Duration(minute) * time.Minute)
			if !t.After(at) && t.After(found) && opens(t) {
				found = t
			}
		}
	}
	return found, !found.IsZero()
}

// ParseRemind reads "appointment=24h,2h".
func ParseRemind(text string) (column string, before []string, err error) {
	column, offsets, found := strings.Cut(text, "=")
	if column = strings.TrimSpace(column); !found || column == "" {
		return "", nil, fmt.Errorf("%q: want a column and how long before, as appointment=24h,2h", text)
	}
	for offset := range strings.SplitSeq(offsets, ",") {
		before = append(before, strings.TrimSpace(offset))
	}
	return column, before, nil
}

// String is the member as text for a person; "" for none.
func (r Remind) String() string {
	if r.Column == "" {
		return ""
	}
	parts := make([]string, len(r.Before))
	for i, before := range r.Before {
		parts[i] = daysText(before)
	}
	text := strings.Join(parts, " and ") + " before " + r.Column
	if r.Merge > 0 {
		text += ", one of two within " + daysText(r.Merge)
	}
	return text
}

// remindJSON is the stored form.
type remindJSON struct {
	Column string   `json:"column"`
	Before []string `json:"before"`
	Merge  string   `json:"merge,omitempty"`
}

// MarshalJSON writes the times as texts.
func (r Remind) MarshalJSON() ([]byte, error) {
	out := remindJSON{Column: r.Column}
	for _, before := range r.Before {
		out.Before = append(out.Before, before.String())
	}
	if r.Merge > 0 {
		out.Merge = r.Merge.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Remind) UnmarshalJSON(text []byte) (err error) {
	var in remindJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	*r = Remind{Column: in.Column}
	for _, text := range append(in.Before, cmp.Or(in.Merge, "0s")) {
		before, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("read reminders: %w", err)
		}
		r.Before = append(r.Before, before)
	}
	last := len(r.Before) - 1
	r.Before, r.Merge = r.Before[:last], r.Before[last]
	return nil
}

func (r Remind) validate() error {
	var errs []error
	add := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, wrong("before", format, args...))
		}
	}
	if r.Column == "" {
		if len(r.Before) > 0 || r.Merge > 0 {
			return wrong("column", "which column of the file has the time?")
		}
		return nil
	}
	add(len(r.Before) > 0 && len(r.Before) <= maxReminders, "want 1 to %d times", maxReminders)
	for i, before := range r.Before {
		add(before >= time.Minute && before <= maxBefore, "%s: want a time from 1m to %s", daysText(before), daysText(maxBefore))
		add(!slices.Contains(r.Before[:i], before), "%s is named twice", daysText(before))
	}
	if r.Merge < 0 || r.Merge > 24*time.Hour {
		errs = append(errs, wrong("merge", "want 24h at most"))
	}
	return errors.Join(errs...)
}

// RemindersToCome are the reminders that are still to come for a person whose time is
// at, with other settings, given. The contact has the stored reminders. A reminder
// whose time by s has passed is never made again.
func (s Settings) RemindersToCome(given Settings, stored []time.Time, at, last, now time.Time, zones []string, number string) (times []time.Time) {
	for _, before := range given.Remind.Before {
		was, ok := s.Hours.reminder(at.Add(-before), time.Time{}, zones, number)
		if ok && !was.After(now) && !slices.ContainsFunc(stored, was.Equal) { // the row was read after the reminder
			was, ok = s.Hours.reminder(at.Add(-before), now, zones, number)
		}
		//guard:value(ok && false) campaign.TestRemindersToCome: a reminder whose time has passed is not made again in other hours
		if ok && !was.After(now) {
			continue
		}
		t, ok := given.Hours.reminder(at.Add(-before), now, zones, number)
		if ok && t.After(now) && !t.Before(given.Start) && given.beforeEnd(t) && t.Before(last) {
			times = append(times, t.UTC())
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return given.Remind.merged(times)
}

// Replan returns a person's reminders with new ones to come, and when the contact is
// due. Reminders that were due before now stay: each was made, is in progress or waits
// for its next call.
func Replan(stored []time.Time, due time.Time, toCome []time.Time, now time.Time) (list []time.Time, at time.Time) {
	list = []time.Time{} // not nil: the contact has reminders, but none is left
	awaited := false     // due is a reminder's time
	for _, t := range stored {
		if !t.After(now) {
			list = append(list, t)
		} else if t.Equal(due) {
			awaited = true
		}
	}
	list = append(list, toCome...)
	if len(toCome) > 0 && (awaited || due.After(toCome[0])) {
		due = toCome[0]
	}
	return list, due
}

// reminderOf is the index of the contact's reminder at a moment, from 0; -1: the moment
// is before the first.
func (c Contact) reminderOf(at time.Time) int {
	of := -1
	for i, t := range c.RemindAt {
		if !t.After(at) {
			of = i
		}
	}
	return of
}

// ofReminder are the attempts for the contact's current reminder. Attempts for an
// earlier one are over, and those for an appointment that was moved belong to none.
// Open and lost attempts always count.
func (c Contact) ofReminder(attempts []Attempt, now time.Time) (list []Attempt) {
	current := max(0, c.reminderOf(now))
	for _, a := range attempts {
		at := a.DialedAt
		if at.IsZero() {
			at = a.CreatedAt
		}
		if a.State.Open() || a.State == Lost || c.reminderOf(at) == current {
			list = append(list, a)
		}
	}
	return list
}

// OfAnEarlierAppointment reports whether a call at that moment was about an earlier
// appointment of the contact.
func (c Contact) OfAnEarlierAppointment(at time.Time) bool {
	return c.RemindAt != nil && c.reminderOf(at) < 0
}

// resultOf is what the person has keyed about their current appointment.
func (c Contact) resultOf(attempts []Attempt) string {
	//guard:value(historyOf(attempts)) campaign.TestResultOfAnEarlierAppointment: what was keyed about an earlier appointment ends no reminder of the new one
	h := historyOf(slices.DeleteFunc(slices.Clone(attempts), func(a Attempt) bool { return c.OfAnEarlierAppointment(a.DialedAt) }))
	back := c.RangBack
	if c.OfAnEarlierAppointment(back.ResultAt) {
		back.Result = ""
	}
	result, _ := h.said(back)
	return result
}

// nextReminder is the due time of the reminder after the contact's current one. The
// zero time: there is none.
func (c Contact) nextReminder(now time.Time) time.Time {
	if next := max(0, c.reminderOf(now)) + 1; next < len(c.RemindAt) {
		return c.RemindAt[next]
	}
	return time.Time{}
}

// decideReminders decides where a contact with reminders belongs. Each reminder has its
// own calls, as Decide counts them. A result in any call ends the contact, and so does
// the end of its last reminder. When an earlier reminder is over, the contact waits for
// the next one.
func decideReminders(s Settings, st Status, c Contact, attempts []Attempt, now time.Time) Decision {
	all := historyOf(attempts)
	current := c
	current.RangBack = c.ForReminder(now)
	d := decideOne(s, st, current, c.ofReminder(attempts, now), now)
	d.Attempts = all.calls
	_, d.HeardAt = all.said(c.RangBack)
	d.Result = c.resultOf(attempts)
	d.Answered = all.answered
	next := c.nextReminder(now)
	switch {
	case all.underWay:
	//guard:false campaign.TestDecideWithoutAReminderLeft: who was moved to a time that is too near is not called about the old one
	case len(c.RemindAt) == 0 && d.State != Done:
		d.Void = all.reserved
		return d.done(ReasonExpired, "no reminder of its time is left")
	//guard:false campaign.TestDecideReminders: who has confirmed or cancelled is not reminded again
	case d.Result != "":
		d = d.done(Reason(all.lastDisposition()), "a key was pressed: "+d.Result+"; there is no further reminder")
		d.DueAt, d.Void = time.Time{}, all.reserved
	case next.IsZero():
	case d.State == Done && d.overForThis():
		d = d.untilNext(decideOne(s, st, c, nil, now), next)
	case d.State != Done && !d.DueAt.IsZero() && d.DueAt.After(next):
		d.DueAt = next
	//guard:false campaign.TestDecideLateReminder: a call of a reminder that is near the next one is left to that
	case (d.State == Pending || d.State == Waiting) && s.Remind != nil && s.Remind.Merge > 0 && !next.After(slices.MaxFunc([]time.Time{now, d.DueAt}, time.Time.Compare).Add(s.Remind.Merge)):
		d.DueAt = next
		d.Because += "; the next reminder is near, so it is left to that"
	}
	if d.State == Pending && all.calls > 0 {
		d.State = Waiting
	}
	return d
}

// untilNext waits for the next reminder. If rest, the decision for the contact without
// any calls, ends it, then that decision counts: the contact was cancelled or
// suppressed, or it is too late.
func (d Decision) untilNext(rest Decision, next time.Time) Decision {
	if rest.State == Done {
		return d.done(rest.Reason, rest.Because)
	}
	//guard:drop campaign.TestDecideReminders: a reminder that was given is followed by the next one
	d.State, d.Reason, d.DueAt, d.GivenUp = Waiting, "", next, false
	d.Because = "this reminder is over (" + d.Because + "); the next one is due"
	return d
}

// overForThis reports whether the reason ends one reminder, but not the contact.
func (d Decision) overForThis() bool {
	switch d.Reason {
	case ReasonSuppressed, ReasonStopped, ReasonUnresolved, ReasonExpired, ReasonCancelledByRequest, ReasonRefused:
		return false
	}
	return true
}
