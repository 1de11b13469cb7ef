package campaign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Document is a campaign as people write it: the YAML of a file, or JSON. It says
// what Settings mean, with defaults for what it leaves out. document.schema.json
// describes it, and a test says that it has the same members.
//
// A member of type notServed is known and refused by its name: what this version
// cannot do is never ignored.
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
	flags  map[string]string // which flag set a member, by its path
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

// DocumentPeople says what stands in which column of the file of people.
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

// DocumentAgain says who is called again, and when.
type DocumentAgain struct {
	Until    string           `yaml:"until,omitempty" json:"until,omitempty"`
	Attempts *int             `yaml:"attempts,omitempty" json:"attempts,omitempty"`
	After    map[string]texts `yaml:"after,omitempty" json:"after,omitempty"` // in place of DefaultPolicy's
	Jitter   string           `yaml:"jitter,omitempty" json:"jitter,omitempty"`
	// OtherTime is how far from the last call's time of day the next one is.
	OtherTime string `yaml:"other_time,omitempty" json:"other_time,omitempty"`
}

// DocumentWhen says at what times is called.
type DocumentWhen struct {
	Start  string        `yaml:"start,omitempty" json:"start,omitempty"`
	End    string        `yaml:"end,omitempty" json:"end,omitempty"`
	Hours  documentHours `yaml:"hours,omitempty" json:"hours,omitzero"`
	Zone   string        `yaml:"zone,omitempty" json:"zone,omitempty"`
	Except texts         `yaml:"except,omitempty" json:"except,omitempty"`
	Margin string        `yaml:"margin,omitempty" json:"margin,omitempty"`
}

// DocumentRemind has people called before a time of their own.
type DocumentRemind struct {
	Column string `yaml:"column" json:"column"`
	Before texts  `yaml:"before" json:"before"`
	Merge  string `yaml:"merge,omitempty" json:"merge,omitempty"`
}

// SetRemind sets the column and the times as --remind-before gives them.
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

// DocumentLimits say how much and how fast is called.
type DocumentLimits struct {
	PerSecond scalar            `yaml:"per_second,omitempty" json:"per_second,omitempty"`
	AtOnce    *int              `yaml:"at_once,omitempty" json:"at_once,omitempty"`
	Connected *int              `yaml:"connected,omitempty" json:"connected,omitempty"`
	Budget    scalar            `yaml:"budget,omitempty" json:"budget,omitempty"`
	Priority  *int              `yaml:"priority,omitempty" json:"priority,omitempty"`
	Share     *int              `yaml:"share,omitempty" json:"share,omitempty"`
	PerNumber map[string]scalar `yaml:"per_number,omitempty" json:"per_number,omitempty"`
}

// SetPerSecond sets the rate, and SetBudget the amount, as they are written.
func (l *DocumentLimits) SetPerSecond(text string) { l.PerSecond = scalar(text) }

// SetBudget sets the amount as it is written.
func (l *DocumentLimits) SetBudget(text string) { l.Budget = scalar(text) }

// scalar is a text, or a number as it is written.
type scalar string

// UnmarshalYAML reads either.
func (s *scalar) UnmarshalYAML(n ast.Node) error {
	text, err := scalarText(n)
	*s = scalar(text)
	return err
}

// notServed is a member that this version cannot serve.
type notServed struct{}

// UnmarshalYAML refuses the member.
func (notServed) UnmarshalYAML(n ast.Node) error {
	return notServedError{n}
}

type notServedError struct{ node ast.Node }

func (e notServedError) Error() string {
	return strings.TrimPrefix(e.node.GetPath(), "$.") + " is not served by this version yet; leave it out"
}

// texts is a list of texts, or one text.
type texts []string

// UnmarshalYAML reads either form.
func (t *texts) UnmarshalYAML(n ast.Node) error {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		text, err := scalarText(n)
		*t = texts{text}
		return err
	}
	for _, item := range list.Values {
		text, err := scalarText(item)
		if err != nil {
			return err
		}
		*t = append(*t, text)
	}
	return nil
}

// MarshalYAML writes one text without brackets.
func (t texts) MarshalYAML() (any, error) {
	if len(t) == 1 {
		return t[0], nil
	}
	return []string(t), nil
}

// scalarText is a text, or a number as it is written.
func scalarText(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, nil
	}
	return "", nodeError{n, "want a text"}
}

// nodeError is a mistake at a place of the file.
type nodeError struct {
	node ast.Node
	text string
}

func (e nodeError) Error() string { return e.text }

// documentHours are the hours of every day in one text, or by days.
type documentHours struct {
	text   string
	byDays map[string]string
}

// UnmarshalYAML reads either form.
func (h *documentHours) UnmarshalYAML(n ast.Node) error {
	list := members(n)
	if list == nil {
		text, err := scalarText(n)
		h.text = text
		return err
	}
	h.byDays = map[string]string{}
	for _, day := range list {
		text, err := scalarText(day.Value)
		if err != nil {
			return err
		}
		h.byDays[keyText(day.Key)] = text
	}
	return nil
}

// IsZero: there are none.
func (h documentHours) IsZero() bool { return h.text == "" && h.byDays == nil }

func (h documentHours) value() any {
	if h.byDays != nil {
		return h.byDays
	}
	return h.text
}

// MarshalYAML writes the form that is read.
func (h documentHours) MarshalYAML() (any, error) { return h.value(), nil }

// MarshalJSON writes the form that is read.
func (h documentHours) MarshalJSON() ([]byte, error) { return json.Marshal(h.value()) }

// hours are what is meant.
func (h documentHours) hours() (Hours, error) {
	if h.byDays != nil {
		return ParseWeek(h.byDays)
	}
	return ParseHours(cmp.Or(h.text, defaultHours))
}

// documentKey is what a key does: an object, or in short what ParseKey reads
// without a text.
type documentKey Key

// keyMembers is the object.
type keyMembers struct {
	Result  string `yaml:"result,omitempty" json:"result,omitempty"`
	Say     string `yaml:"say,omitempty" json:"say,omitempty"`
	Repeat  bool   `yaml:"repeat,omitempty" json:"repeat,omitempty"`
	OptOut  bool   `yaml:"opt_out,omitempty" json:"opt_out,omitempty"`
	Connect string `yaml:"connect,omitempty" json:"connect,omitempty"`
	End     bool   `yaml:"end,omitempty" json:"end,omitempty"`
	Record  string `yaml:"record,omitempty" json:"record,omitempty"`
}

// UnmarshalYAML reads either form.
func (k *documentKey) UnmarshalYAML(n ast.Node) error {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		var m keyMembers
		if err := decodeNode(n, &m); err != nil {
			return err
		}
		key := Key{Result: m.Result, Say: m.Say, Repeat: m.Repeat, OptOut: m.OptOut, Connect: connectAddress(m.Connect), End: m.End}
		if m.Record != "" {
			length, err := ParseWait(m.Record)
			if err != nil || length%time.Second != 0 {
				return nodeError{n, fmt.Sprintf("record: %q: want whole seconds, such as 60s", m.Record)}
			}
			if key.Record = int(length / time.Second); key.Record == 0 {
				key.Record = -1 // out of range, not left out
			}
		}
		*k = documentKey(key)
		return nil
	}
	text, err := scalarText(n)
	if err != nil {
		return nodeError{n, "want a word, or an object with result, say, repeat, opt_out, connect, record or end"}
	}
	key, err := ParseKey(text)
	if err != nil {
		return nodeError{n, err.Error()}
	}
	*k = documentKey(key)
	return nil
}

// MarshalYAML writes a word where that says it all.
func (k documentKey) MarshalYAML() (any, error) {
	switch k {
	case documentKey{Repeat: true}:
		return "repeat", nil
	case documentKey{OptOut: true}:
		return "opt_out", nil
	case documentKey{End: true}:
		return "end", nil
	}
	return k.members(), nil
}

func (k documentKey) members() keyMembers {
	m := keyMembers{Result: k.Result, Say: k.Say, Repeat: k.Repeat, OptOut: k.OptOut, Connect: k.Connect, End: k.End}
	if k.Record != 0 {
		m.Record = (time.Duration(k.Record) * time.Second).String()
	}
	return m
}

// MarshalJSON writes the members.
func (k documentKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.members()) }

// languageText is one language's texts, or under the name column the name of the
// column that says which.
type languageText struct {
	column string
	Texts
}

// languageMembers is the object.
type languageMembers struct {
	Language  string                     `yaml:"language,omitempty"`
	Say       string                     `yaml:"say,omitempty"`
	Voicemail string                     `yaml:"voicemail,omitempty"`
	Keys      map[string]languageKeyText `yaml:"keys,omitempty"`
	Wrong     string                     `yaml:"wrong,omitempty"`
	Silent    string                     `yaml:"silent,omitempty"`
	Words     map[string]scalar          `yaml:"words,omitempty"`
}

// languageKeyText is what is said after a key: a text, or an object with say.
type languageKeyText string

// UnmarshalYAML reads either form.
func (t *languageKeyText) UnmarshalYAML(n ast.Node) error {
	if text, err := scalarText(n); err == nil {
		*t = languageKeyText(text)
		return nil
	}
	var m struct {
		Say string `yaml:"say"`
	}
	err := decodeNode(n, &m)
	*t = languageKeyText(m.Say)
	return err
}

// UnmarshalYAML reads the column or the texts.
func (l *languageText) UnmarshalYAML(n ast.Node) error {
	if text, err := scalarText(n); err == nil {
		l.column = text
		return nil
	}
	var m languageMembers
	if err := decodeNode(n, &m); err != nil {
		return err
	}
	l.Texts = Texts{Language: m.Language, Say: m.Say, Voicemail: m.Voicemail, Wrong: m.Wrong, Silent: m.Silent, Words: wordTexts(m.Words)}
	for pressed, text := range m.Keys {
		if l.Keys == nil {
			l.Keys = map[string]string{}
		}
		l.Keys[pressed] = string(text)
	}
	return nil
}

// value is what is written again.
func (l languageText) value() any {
	if l.column != "" {
		return l.column
	}
	m := languageMembers{Language: l.Language, Say: l.Say, Voicemail: l.Voicemail, Wrong: l.Wrong, Silent: l.Silent}
	for word, pressed := range l.Words {
		if m.Words == nil {
			m.Words = map[string]scalar{}
		}
		m.Words[word] = scalar(pressed)
	}
	for pressed, text := range l.Keys {
		if m.Keys == nil {
			m.Keys = map[string]languageKeyText{}
		}
		m.Keys[pressed] = languageKeyText(text)
	}
	return m
}

// wordTexts are the words with their keys as texts.
func wordTexts(words map[string]scalar) (list map[string]string) {
	for word, pressed := range words {
		if list == nil {
			list = map[string]string{}
		}
		list[word] = string(pressed)
	}
	return list
}

// MarshalYAML writes the form that is read.
func (l languageText) MarshalYAML() (any, error) { return l.value(), nil }

// MarshalJSON writes the form that is read.
func (l languageText) MarshalJSON() ([]byte, error) {
	if l.column != "" {
		return json.Marshal(l.column)
	}
	return json.Marshal(l.Texts)
}

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
