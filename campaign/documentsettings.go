package campaign

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/shopspring/decimal"
)

// The values for members that a document leaves out.
const (
	defaultHours        = "09:00-20:00"
	defaultRingingTimer = 60
)

// maxNumbers is the most numbers that one person may have.
const maxNumbers = 5

// purposes are the possible purposes of a campaign. A number may be suppressed for one.
var purposes = []string{"emergency", "notification", "reminder", "health", "marketing"}

// CheckPurpose reports a purpose that no campaign can have; "" means none and is valid.
func CheckPurpose(purpose string) error {
	if purpose != "" && !slices.Contains(purposes, purpose) {
		return fmt.Errorf("%q is none of %s", purpose, strings.Join(purposes, ", "))
	}
	return nil
}

// JSON is the document in its stored form.
func (d Document) JSON() (json.RawMessage, error) { return json.Marshal(d) }

// YAML is the document in the form that a person writes.
func (d Document) YAML() (string, error) {
	text, err := yaml.MarshalWithOptions(d, yaml.Indent(2), yaml.UseLiteralStyleIfMultiline(true))
	return string(text), err
}

// Columns map our columns to the file's, in the form of csvimport's option Map.
func (d Document) Columns() map[string]string {
	columns := map[string]string{}
	for ours, name := range map[string]string{"zone": d.People.Zone, "postal_code": d.People.PostalCode, "call_at": d.People.CallAt, "call_before": d.People.CallBefore} {
		if name != "" {
			columns[ours] = name
		}
	}
	if len(d.People.Numbers) > 0 {
		columns["to"] = strings.Join(d.People.Numbers, "+")
	}
	return columns
}

// Settings translates the document. Its error reports every mistake at once, each with
// its line in the file or its flag.
func (d Document) Settings() (Settings, error) {
	t := translation{d: d}
	s := t.settings()
	if len(t.errs) == 0 {
		t.noteAll("", s.Validate())
	}
	if len(t.errs) == 0 {
		var err error
		s.Document, err = t.d.JSON()
		t.note("", err)
	}
	if len(t.errs) > 0 {
		return Settings{}, errors.Join(t.errs...)
	}
	return s, nil
}

// AtPlaceholder adds the place in the message that names a column to an error about
// that column.
func (d Document) AtPlaceholder(column string, err error) error {
	line := 0
	if d.source.root != nil {
		line = d.source.placeholderLine(column)
	}
	if line == 0 {
		return err
	}
	return &DocumentError{File: d.source.name, Line: line, Text: err.Error()}
}

// translation turns a document into settings and collects the mistakes.
type translation struct {
	d    Document
	errs []error
}

// note adds a mistake in the member at the path.
func (t *translation) note(path string, err error) {
	if err == nil {
		return
	}
	for at := path; at != ""; at = at[:max(0, strings.LastIndexByte(at, '.'))] {
		if flag, ok := t.d.flags[at]; ok {
			t.errs = append(t.errs, fmt.Errorf("%s: %w", flag, err))
			return
		}
	}
	if t.d.source.root == nil {
		t.errs = append(t.errs, err)
		return
	}
	t.errs = append(t.errs, &DocumentError{File: t.d.source.name, Line: t.d.source.line(path), Text: err.Error()})
}

// memberOf is the place in the document of each member of Settings.
var memberOf = map[string]string{
	"machine": "call.machine", "machine_mode": "call.machine_mode", "beep_timeout": "call.beep_timeout",
	"ringing_timer": "call.ringing_timer", "length_timer": "call.length_timer",
	"per_second": "limits.per_second", "at_once": "limits.at_once", "connected": "limits.connected",
	"priority": "limits.priority", "share": "limits.share", "per_number": "limits.per_number",
	"column": "remind.column", "before": "remind.before", "merge": "remind.merge",
	"zone": "when.zone", "hours": "when.hours", "attempts": "again.attempts", "retry": "again.after", "until": "again.until", "jitter": "again.jitter", "other_time": "again.other_time",
	"from": "from", "end": "when.end", "together": "people.together",
}

// noteAll adds joined mistakes, each at its own member.
func (t *translation) noteAll(path string, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			t.noteAll(path, e)
		}
		return
	}
	if m, ok := errors.AsType[mistake](err); ok {
		path = cmp.Or(memberOf[m.member], "message."+m.member)
	}
	t.note(cmp.Or(path, "message"), err)
}

func (t *translation) settings() (s Settings) {
	d := t.d
	var err error
	t.note("name", t.named(CheckName(d.Name)))
	t.note("purpose", CheckPurpose(d.Purpose))
	s.From, err = ParseFrom(d.From)
	t.note("from", err)
	s.Message = t.message()
	s.Zone = cmp.Or(d.When.Zone, ZoneRecipient)
	if s.Zone != ZoneRecipient {
		if s.Zone, err = ZoneName(s.Zone); err != nil {
			t.note("when.zone", fmt.Errorf("%q: %w", d.When.Zone, err))
			s.Zone = ZoneRecipient
		}
	}
	s.Start, err = ParseMoment(d.When.Start, s.Zone)
	t.note("when.start", err)
	s.End, err = ParseMoment(d.When.End, s.Zone)
	t.note("when.end", err)
	if s.End.Year() > lastHolidays && slices.ContainsFunc(d.When.Except, isHolidays) {
		t.note("when.except", fmt.Errorf("holidays are known until %d; this ends later", lastHolidays))
	}
	s.Hours = t.hours()
	s.Retry = t.policy()
	s.Limits = t.limits()
	s.Remind = t.remind()
	s.Machine, s.MachineMode = d.Call.Machine, d.Call.MachineMode
	s.BeepTimeout = t.seconds("beep timeout", "call.beep_timeout", d.Call.BeepTimeout, 0, 45, 120)
	s.RingingTimer = t.seconds("ringing timer", "call.ringing_timer", d.Call.RingingTimer, defaultRingingTimer, 1, 120)
	s.LengthTimer = t.seconds("length timer", "call.length_timer", d.Call.LengthTimer, s.Message.defaultCallLength(s.BeepTimeout), 1, maxLengthTimer)
	t.voicemail(&s)
	t.people()
	s.Key, s.Together, s.Message.DateFormat = d.People.Key, d.People.Together, d.People.DateFormat
	countries, given, err := ParseCountries(d.People.Countries)
	t.note("people.countries", err)
	if s.Countries = countries; !given {
		s.Countries = UsualCountries(d.People.Country, s.From)
	}
	return s
}

func (t *translation) hours() Hours {
	h, err := t.d.When.Hours.hours()
	t.note("when.hours", err)
	h.Except, err = ParseExcept(t.d.When.Except)
	t.note("when.except", err)
	t.d.When.Except = h.Except // the dates themselves are stored
	h.Margin = DefaultMargin
	if t.d.When.Margin != "" {
		h.Margin, err = ParseWait(t.d.When.Margin)
		t.note("when.margin", err)
	}
	return h
}

func (t *translation) named(err error) error {
	if err == nil || t.d.Name != "" {
		return err
	}
	return errors.New("--name is needed, or name in the document: what is the campaign called?")
}

func (t *translation) seconds(name, path string, n *int, otherwise, least, most int) int {
	if n == nil {
		return otherwise
	}
	if *n < least || *n > most {
		t.note(path, fmt.Errorf("%s: %d s is not between %d and %d", name, *n, least, most))
	}
	return *n
}

// voicemail turns on the detection of machines, in the mode without silence for the
// person: the message begins at once.
func (t *translation) voicemail(s *Settings) {
	if s.Message.Voicemail == "" {
		return
	}
	if s.Machine == "hangup" {
		t.note("message.voicemail", errors.New("nothing is left on a machine with call.machine: hangup; leave one of them out"))
	}
	if s.MachineMode != "" && s.MachineMode != "default" {
		t.note("message.voicemail", fmt.Errorf("machine mode %s lets a person wait in silence; with voicemail leave it out", s.MachineMode))
	}
	s.Machine, s.MachineMode = "continue", "default"
}

func (t *translation) people() {
	p := t.d.People
	t.note("people.country", CheckCountry(p.Country))
	if len(p.Numbers) > maxNumbers {
		t.note("people.numbers", fmt.Errorf("want at most %d columns of numbers", maxNumbers))
	}
	for i, name := range p.Numbers {
		if strings.TrimSpace(name) == "" || len(p.Numbers) > 1 && strings.Contains(name, "+") || slices.Contains(p.Numbers[:i], name) {
			t.note("people.numbers", fmt.Errorf("column %d of numbers: want the name of a column, without +, and each once", i+1))
		}
	}
}

func (t *translation) message() Message {
	d := t.d.Message
	m := Message{
		Say: d.Say, AnswerURL: d.AnswerURL, AnswerMethod: d.AnswerMethod, DTMFAnswer: d.DTMFAnswer,
		Language: d.Language, Voicemail: d.Voicemail, Wrong: d.Wrong, Silent: d.Silent, RingBack: d.RingBack,
	}
	switch ncco := d.NCCO.(type) {
	case nil:
	case json.RawMessage:
		m.NCCO = ncco // from a file, unchanged
		t.d.Message.NCCO = json.RawMessage(nil)
		if json.Valid(ncco) {
			t.d.Message.NCCO = ncco
		}
	default:
		raw, err := json.Marshal(ncco)
		t.note("message.ncco", err)
		m.NCCO = raw
	}
	if d.Tries != nil {
		m.Tries = *d.Tries
		if *d.Tries < 1 {
			t.note("message.tries", fmt.Errorf("tries: %d is not between 1 and %d", *d.Tries, maxTries))
		}
	}
	if d.Wait != "" {
		wait, err := ParseWait(d.Wait)
		if err == nil && (wait < time.Second || wait > maxWait*time.Second || wait%time.Second != 0) {
			err = fmt.Errorf("wait: want whole seconds from 1s to %ds", maxWait)
		}
		t.note("message.wait", err)
		m.Wait = int(wait / time.Second)
	}
	if d.OptOut != nil {
		m.OptOut = OptOutScope(d.OptOut.Scope)
		if m.OptOut == "" {
			t.note("message.opt_out", errors.New("want scope: all or scope: campaign"))
		}
	}
	if len(d.Keys) > 0 {
		m.Keys = make(map[string]Key, len(d.Keys))
	}
	for pressed, key := range d.Keys {
		m.Keys[pressed] = Key(key)
	}
	m.Words, m.Level = wordTexts(d.Words), d.Level
	if d.Confidence != nil {
		if m.Confidence = *d.Confidence; m.Confidence <= 0 {
			t.note("message.confidence", fmt.Errorf("%g is not between 0 and 1", m.Confidence))
		}
	}
	if d.Loop != nil {
		if m.Loop = *d.Loop; m.Loop < 1 {
			t.note("message.loop", fmt.Errorf("%d is not between 1 and %d", m.Loop, maxLoop))
		}
	}
	m.Languages = t.languages()
	if m.Say == "" && m.AnswerURL == "" && len(m.NCCO) == 0 {
		t.note("message", errors.New("one of --say, --ncco and --answer-url is needed, or say, ncco or answer_url in the message: what do the calls say?"))
	}
	return m
}

func (t *translation) remind() *Remind {
	d := t.d.Remind
	if d == nil {
		return nil
	}
	if t.d.People.CallAt != "" {
		t.note("people.call_at", errors.New("with remind it is the reminders that are called at; leave one of them out"))
	}
	r := &Remind{Column: d.Column, Merge: t.wait("remind.merge", d.Merge)}
	for _, text := range d.Before {
		before, err := ParseWait(text)
		t.note("remind.before", err)
		r.Before = append(r.Before, before)
	}
	return r
}

func (t *translation) limits() (l Limits) {
	d := t.d.Limits
	if d.PerSecond != "" {
		rate, err := strconv.ParseFloat(string(d.PerSecond), 64)
		if err != nil || rate <= 0 {
			t.note("limits.per_second", fmt.Errorf("%q: want calls a second, such as 2 or 0.5", d.PerSecond))
		}
		l.PerSecond = PerSecond(rate)
	}
	count := func(path string, n *int, to *int) {
		if n == nil {
			return
		}
		if *to = *n; *n < 1 {
			t.note(path, fmt.Errorf("%d: want 1 or more, or leave it out", *n))
		}
	}
	count("limits.at_once", d.AtOnce, &l.AtOnce)
	count("limits.connected", d.Connected, &l.Connected)
	count("limits.share", d.Share, &l.Share)
	l.Priority = d.Priority
	if d.Budget != "" {
		money, err := ParseMoney(string(d.Budget))
		t.note("limits.budget", err)
		l.Budget = decimal.NewNullDecimal(money)
	}
	caps := map[string]string{}
	for calls, within := range d.PerNumber {
		caps[calls] = string(within)
	}
	var err error
	l.PerNumber, err = parseCaps(caps)
	t.note("limits.per_number", err)
	return l
}

// wait reads a duration; 0 if the text is empty.
func (t *translation) wait(path, text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := ParseWait(text)
	t.note(path, err)
	return d
}

func (t *translation) languages() *Languages {
	if t.d.Message.Languages == nil {
		return nil
	}
	l := &Languages{Texts: map[string]Texts{}}
	for _, name := range slices.Sorted(maps.Keys(t.d.Message.Languages)) {
		switch text := t.d.Message.Languages[name]; {
		case name == "column":
			l.Column = text.column
		case text.column != "":
			t.note("message.languages."+name, errors.New("want an object with say and the other texts in this language"))
		default:
			l.Texts[name] = text.Texts
		}
	}
	return l
}

func (t *translation) policy() Policy {
	d := t.d.Again
	p := DefaultPolicy()
	var err error
	p.Until, err = ParseUntil(cmp.Or(d.Until, UntilAnswered.String()))
	t.note("again.until", err)
	if d.Attempts != nil {
		p.Attempts = *d.Attempts
	}
	p.Jitter, p.OtherTime = t.wait("again.jitter", d.Jitter), t.wait("again.other_time", d.OtherTime)
	for _, word := range slices.Sorted(maps.Keys(d.After)) {
		t.note("again.after."+word, p.setWaits(word, d.After[word]))
	}
	return p
}
