package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Document is a campaign as people write it: a YAML file, or JSON. It becomes Settings,
// with defaults for missing members. document.schema.json describes it, and a test
// checks that both have the same members.
type Document struct {
	Name    string          `yaml:"name,omitempty" json:"name,omitempty"`
	Purpose string          `yaml:"purpose,omitempty" json:"purpose,omitempty"`
	From    texts           `yaml:"from,omitempty" json:"from,omitempty"`
	Message DocumentMessage `yaml:"message,omitempty" json:"message,omitzero"`
	Call    DocumentCall    `yaml:"call,omitempty" json:"call,omitzero"`
	People  DocumentPeople  `yaml:"people,omitempty" json:"people,omitzero"`
	Again   DocumentAgain   `yaml:"again,omitempty" json:"again,omitzero"`
	When    DocumentWhen    `yaml:"when,omitempty" json:"when,omitzero"`
	Remind  *DocumentRemind `yaml:"remind,omitempty" json:"remind,omitempty"`
	Limits  DocumentLimits  `yaml:"limits,omitempty" json:"limits,omitzero"`

	source source
	flags  map[string]string // which flag set a member, by the member's path
}

// DocumentMessage is what the calls say, and what the keys do.
type DocumentMessage struct {
	Language   string                  `yaml:"language,omitempty" json:"language,omitempty"`
	Say        string                  `yaml:"say,omitempty" json:"say,omitempty"`
	Voicemail  string                  `yaml:"voicemail,omitempty" json:"voicemail,omitempty"`
	Keys       map[string]documentKey  `yaml:"keys,omitempty" json:"keys,omitempty"`
	Words      map[string]scalar       `yaml:"words,omitempty" json:"words,omitempty"`
	Confidence *float64                `yaml:"confidence,omitempty" json:"confidence,omitempty"`
	Loop       *int                    `yaml:"loop,omitempty" json:"loop,omitempty"`
	Level      float64                 `yaml:"level,omitempty" json:"level,omitempty"`
	Wrong      string                  `yaml:"wrong,omitempty" json:"wrong,omitempty"`
	Silent     string                  `yaml:"silent,omitempty" json:"silent,omitempty"`
	Tries      *int                    `yaml:"tries,omitempty" json:"tries,omitempty"`
	Wait       string                  `yaml:"wait,omitempty" json:"wait,omitempty"`
	OptOut     *documentOptOut         `yaml:"opt_out,omitempty" json:"opt_out,omitempty"`
	RingBack   bool                    `yaml:"ring_back,omitempty" json:"ring_back,omitempty"`
	Languages  map[string]languageText `yaml:"languages,omitempty" json:"languages,omitempty"`

	NCCO         any    `yaml:"ncco,omitempty" json:"ncco,omitempty"`
	AnswerURL    string `yaml:"answer_url,omitempty" json:"answer_url,omitempty"`
	AnswerMethod string `yaml:"answer_method,omitempty" json:"answer_method,omitempty"`
	DTMFAnswer   string `yaml:"dtmf_answer,omitempty" json:"dtmf_answer,omitempty"`
}

type documentOptOut struct {
	Scope string `yaml:"scope" json:"scope"`
}

// DocumentCall is how the calls are made.
type DocumentCall struct {
	Machine      string `yaml:"machine,omitempty" json:"machine,omitempty"`
	MachineMode  string `yaml:"machine_mode,omitempty" json:"machine_mode,omitempty"`
	BeepTimeout  *int   `yaml:"beep_timeout,omitempty" json:"beep_timeout,omitempty"`
	RingingTimer *int   `yaml:"ringing_timer,omitempty" json:"ringing_timer,omitempty"`
	LengthTimer  *int   `yaml:"length_timer,omitempty" json:"length_timer,omitempty"`
}

// DocumentPeople names the columns of the file of people.
type DocumentPeople struct {
	Numbers    texts  `yaml:"numbers,omitempty" json:"numbers,omitempty"`
	Country    string `yaml:"country,omitempty" json:"country,omitempty"`
	Countries  texts  `yaml:"countries,omitempty" json:"countries,omitempty"`
	DateFormat string `yaml:"date_format,omitempty" json:"date_format,omitempty"`
	Zone       string `yaml:"zone,omitempty" json:"zone,omitempty"`
	PostalCode string `yaml:"postal_code,omitempty" json:"postal_code,omitempty"`
	CallAt     string `yaml:"call_at,omitempty" json:"call_at,omitempty"`
	Key        string `yaml:"key,omitempty" json:"key,omitempty"`
	CallBefore string `yaml:"call_before,omitempty" json:"call_before,omitempty"`
	Together   bool   `yaml:"together,omitempty" json:"together,omitempty"`
}

// DocumentAgain says which people are called again, and when.
type DocumentAgain struct {
	Until    string           `yaml:"until,omitempty" json:"until,omitempty"`
	Attempts *int             `yaml:"attempts,omitempty" json:"attempts,omitempty"`
	After    map[string]texts `yaml:"after,omitempty" json:"after,omitempty"` // replaces DefaultPolicy's
	Jitter   string           `yaml:"jitter,omitempty" json:"jitter,omitempty"`
	// OtherTime is the least difference between the times of day of two calls in a row.
	OtherTime string `yaml:"other_time,omitempty" json:"other_time,omitempty"`
}

// DocumentWhen says when people may be called.
type DocumentWhen struct {
	Start  string        `yaml:"start,omitempty" json:"start,omitempty"`
	End    string        `yaml:"end,omitempty" json:"end,omitempty"`
	Hours  documentHours `yaml:"hours,omitempty" json:"hours,omitzero"`
	Zone   string        `yaml:"zone,omitempty" json:"zone,omitempty"`
	Except texts         `yaml:"except,omitempty" json:"except,omitempty"`
	Margin string        `yaml:"margin,omitempty" json:"margin,omitempty"`
}

// DocumentRemind requests reminder calls before each person's own time.
type DocumentRemind struct {
	Column string `yaml:"column" json:"column"`
	Before texts  `yaml:"before" json:"before"`
	Merge  string `yaml:"merge,omitempty" json:"merge,omitempty"`
}

// SetRemind sets the column and the times from --remind-before.
func (d *Document) SetRemind(text string) error {
	column, before, err := ParseRemind(text)
	if err != nil {
		return err
	}
	merge := ""
	if d.Remind != nil {
		merge = d.Remind.Merge
	}
	d.Remind = &DocumentRemind{Column: column, Before: before, Merge: merge}
	return nil
}

// DocumentLimits limit the number and the rate of calls.
type DocumentLimits struct {
	PerSecond scalar            `yaml:"per_second,omitempty" json:"per_second,omitempty"`
	AtOnce    *int              `yaml:"at_once,omitempty" json:"at_once,omitempty"`
	Connected *int              `yaml:"connected,omitempty" json:"connected,omitempty"`
	Budget    scalar            `yaml:"budget,omitempty" json:"budget,omitempty"`
	Priority  *int              `yaml:"priority,omitempty" json:"priority,omitempty"`
	Share     *int              `yaml:"share,omitempty" json:"share,omitempty"`
	PerNumber map[string]scalar `yaml:"per_number,omitempty" json:"per_number,omitempty"`
}

// SetPerSecond sets the rate to the given text.
func (l *DocumentLimits) SetPerSecond(text string) { l.PerSecond = scalar(text) }

// SetBudget sets the amount to the given text.
func (l *DocumentLimits) SetBudget(text string) { l.Budget = scalar(text) }

// ParseWait reads a duration: 30s, 10m, 2h or 30d.
func ParseWait(s string) (time.Duration, error) {
	s = strings.TrimSpace(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 366 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q: want a time such as 30s, 10m, 2h or 30d", s)
	}
	return d, nil
}

// FromFlag records that a flag has set the member at this path. A mistake in it then
// names the flag and not a line of the file.
func (d *Document) FromFlag(path, flag string) {
	if d.flags == nil {
		d.flags = map[string]string{}
	}
	d.flags[path] = flag
}

// SetKey sets what a key does.
func (m *DocumentMessage) SetKey(pressed string, k Key) {
	if m.Keys == nil {
		m.Keys = map[string]documentKey{}
	}
	m.Keys[pressed] = documentKey(k)
}

// SetHours sets the hours: of every day, or only of some days of the week. An empty
// text keeps the current ones.
func (w *DocumentWhen) SetHours(text, days string) error {
	if text == "" {
		text = w.Hours.text
		if w.Hours.byDays != nil {
			return errors.New("the document has hours by days; say there on which")
		}
	}
	w.Hours = documentHours{text: text}
	if days == "" {
		return nil
	}
	_, err := ParseDays(days)
	w.Hours = documentHours{byDays: map[string]string{days: cmp.Or(text, defaultHours)}}
	return err
}

// SetRetry sets the waits after calls from --retry.
func (a *DocumentAgain) SetRetry(text string) error {
	p, err := DefaultPolicy().ParseRetry(text)
	if err != nil {
		return err
	}
	named := map[Disposition]bool{}
	for part := range strings.SplitSeq(text, ",") {
		word, _, _ := strings.Cut(part, "=")
		named[Disposition(strings.TrimSpace(word))] = true
	}
	after := map[string]texts{}
	maps.Copy(after, a.After)
	for _, d := range retriable {
		none := strings.TrimSpace(text) == "none" && (DefaultPolicy().Again[d] > 0 || a.After[string(d)] != nil)
		switch steps := p.steps(d); {
		case len(steps) > 0 && named[d]:
			after[string(d)] = steps
		case named[d], none:
			after[string(d)] = texts{never}
		}
	}
	a.After = after
	return nil
}
