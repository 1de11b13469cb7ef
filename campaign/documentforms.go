package campaign

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar is a text, or a number in its written form.
type scalar string

// UnmarshalYAML reads either.
func (s *scalar) UnmarshalYAML(n ast.Node) error {
	text, err := scalarText(n)
	*s = scalar(text)
	return err
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

// scalarText is a text, or a number in its written form.
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

// nodeError is a mistake at a place in the file.
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

// IsZero reports that there are no hours.
func (h documentHours) IsZero() bool { return h.text == "" && h.byDays == nil }

func (h documentHours) value() any {
	if h.byDays != nil {
		return h.byDays
	}
	return h.text
}

// MarshalYAML writes a form that UnmarshalYAML reads.
func (h documentHours) MarshalYAML() (any, error) { return h.value(), nil }

// MarshalJSON writes a form that UnmarshalYAML reads.
func (h documentHours) MarshalJSON() ([]byte, error) { return json.Marshal(h.value()) }

// hours are the Hours that the member means.
func (h documentHours) hours() (Hours, error) {
	if h.byDays != nil {
		return ParseWeek(h.byDays)
	}
	return ParseHours(cmp.Or(h.text, defaultHours))
}

// documentKey is what a key does: an object, or the short form of ParseKey without a
// text.
type documentKey Key

// keyMembers is the form as an object.
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
				key.Record = -1 // out of range; 0 would mean left out
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

// MarshalYAML writes a single word if that is enough.
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

// languageText is the texts of one language. Under the name column it is the name of
// the column with each row's language.
type languageText struct {
	column string
	Texts
}

// languageMembers is the form as an object.
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

// value is the form for writing.
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

// MarshalYAML writes a form that UnmarshalYAML reads.
func (l languageText) MarshalYAML() (any, error) { return l.value(), nil }

// MarshalJSON writes a form that UnmarshalYAML reads.
func (l languageText) MarshalJSON() ([]byte, error) {
	if l.column != "" {
		return json.Marshal(l.column)
	}
	return json.Marshal(l.Texts)
}
