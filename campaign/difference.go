package campaign

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Difference is a setting for which a later command gives another value than the
// campaign has.
type Difference struct {
	Setting       string // the name of the flag, such as ringing-timer; without a flag its member, such as message.loop
	Stored, Given string // "none" where there is no value
}

// OtherSettingsError lists the differences from the campaign of that name. It is an
// ErrOtherSettings.
type OtherSettingsError struct{ Differences []Difference }

func (e *OtherSettingsError) Error() string {
	lines := []string{ErrOtherSettings.Error() + ":"}
	for _, d := range e.Differences {
		name := "--" + d.Setting
		if strings.Contains(d.Setting, ".") {
			name = d.Setting
		}
		lines = append(lines, fmt.Sprintf("  %s is %s there, and %s here", name, d.Stored, d.Given))
	}
	return strings.Join(lines, "\n")
}

func (e *OtherSettingsError) Unwrap() error { return ErrOtherSettings }

// Differences lists where given, the settings of a later command, differs from the
// stored ones. A command without a start keeps the stored one. So does one without a
// length timer: its default follows from the message.
func (s Settings) Differences(given Settings) []Difference {
	if given.Start.IsZero() {
		given.Start = s.Start
	}
	if given.lengthByDefault() {
		given.LengthTimer = s.LengthTimer
	}
	return s.Changes(given)
}

// lengthByDefault reports whether the document of these settings sets no call length.
func (s Settings) lengthByDefault() bool {
	d, ok := s.document()
	return ok && d.Call.LengthTimer == nil
}

// documentOnly are members of the document that Settings lack, or hold in another form.
type documentOnly struct {
	Purpose string `json:"purpose"`
	Call    struct {
		LengthTimer *int `json:"length_timer"`
	} `json:"call"`
}

func (s Settings) document() (d documentOnly, ok bool) {
	return d, len(s.Document) > 0 && json.Unmarshal(s.Document, &d) == nil
}

// Purpose is the purpose of the calls in the document; "": it names none.
func (s Settings) Purpose() string {
	d, _ := s.document()
	return d.Purpose
}

// Changes lists the differences between these settings and given.
func (s Settings) Changes(given Settings) []Difference {
	var list []Difference
	compare := func(setting, stored, now string) {
		//guard:false campaign.TestSettingsDifferences: no later word of an operator is dropped in silence
		if stored != now {
			stored, now = excerpts(stored, now)
			list = append(list, Difference{Setting: setting, Stored: stored, Given: now})
		}
	}
	compare("purpose", s.Purpose(), given.Purpose())
	compare("from", strings.Join(s.From, ","), strings.Join(given.From, ","))
	compare("say", s.Message.Say, given.Message.Say)
	if !sameJSON(s.Message.NCCO, given.Message.NCCO) {
		compare("ncco", compactJSON(s.Message.NCCO), compactJSON(given.Message.NCCO))
	}
	compare("answer-url", s.Message.AnswerURL, given.Message.AnswerURL)
	compare("answer-method", s.Message.AnswerMethod, given.Message.AnswerMethod)
	compare("language", s.Message.Language, given.Message.Language)
	compare("voicemail", s.Message.Voicemail, given.Message.Voicemail)
	compare("on-key", s.Message.dialogueText(), given.Message.dialogueText())
	compare("message.words", jsonText(s.Message.Words), jsonText(given.Message.Words))
	compare("message.confidence", amountText(s.Message.Confidence), amountText(given.Message.Confidence))
	compare("message.loop", amountText(float64(s.Message.Loop)), amountText(float64(given.Message.Loop)))
	compare("message.level", amountText(s.Message.Level), amountText(given.Message.Level))
	compare("message.ring_back", strconv.FormatBool(s.Message.RingBack), strconv.FormatBool(given.Message.RingBack))
	compare("until", s.Retry.Until.String(), given.Retry.Until.String())
	compare("dtmf-answer", s.Message.DTMFAnswer, given.Message.DTMFAnswer)
	compare("date-format", s.Message.DateFormat, given.Message.DateFormat)
	compare("start", startText(s.Start), startText(given.Start))
	compare("end", startText(s.End), startText(given.End))
	compare("hours", s.Hours.String(), given.Hours.String())
	compare("except", strings.Join(s.Hours.Except, ","), strings.Join(given.Hours.Except, ","))
	compare("margin", s.Hours.Margin.String(), given.Hours.Margin.String())
	compare("zone", s.Zone, given.Zone)
	compare("countries", s.Countries.String(), given.Countries.String())
	compare("key", s.Key, given.Key)
	compare("attempts", fmt.Sprint(s.Retry.Attempts), fmt.Sprint(given.Retry.Attempts))
	compare("retry", s.Retry.FormatRetry(), given.Retry.FormatRetry())
	compare("jitter", s.Retry.Jitter.String(), given.Retry.Jitter.String())
	compare("other-time", s.Retry.OtherTime.String(), given.Retry.OtherTime.String())
	compare("remind-before", remindText(s.Remind), remindText(given.Remind))
	compare("limits", s.Limits.String(), given.Limits.String())
	compare("machine", s.Machine, given.Machine)
	compare("machine-mode", s.MachineMode, given.MachineMode)
	compare("beep-timeout", secondsText(s.BeepTimeout), secondsText(given.BeepTimeout))
	compare("ringing-timer", secondsText(s.RingingTimer), secondsText(given.RingingTimer))
	compare("length-timer", secondsText(s.LengthTimer), secondsText(given.LengthTimer))
	return list
}

// dialogueText is everything in a message about keys, and its other languages, in one
// form.
func (m Message) dialogueText() string {
	m = Message{Keys: m.Keys, Wrong: m.Wrong, Silent: m.Silent, Tries: m.Tries, Wait: m.Wait, OptOut: m.OptOut, Languages: m.Languages}
	if text := jsonText(m); text != "{}" {
		return text
	}
	return ""
}

// jsonText is the JSON of a value that can always be JSON; "" for a nil map.
func jsonText(value any) string {
	text, _ := json.Marshal(value)
	if string(text) == "null" {
		return ""
	}
	return string(text)
}

func amountText(n float64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}

func remindText(r *Remind) string {
	if r == nil {
		return ""
	}
	return r.String()
}

func startText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339Nano)
}

func secondsText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// maxExcerpt is the length of a value in a difference, in characters.
const maxExcerpt = 120

// excerpts shortens two values for a person. Long ones begin shortly before the place
// where they differ.
func excerpts(a, b string) (string, string) {
	same := 0
	for same < len(a) && same < len(b) && a[same] == b[same] {
		same++
	}
	from := 0
	if max(utf8.RuneCountInString(a), utf8.RuneCountInString(b)) > maxExcerpt {
		from = max(0, same-maxExcerpt/2)
	}
	return excerpt(a, from), excerpt(b, from)
}

func excerpt(s string, from int) string {
	if s == "" {
		return "none"
	}
	from = min(from, len(s))
	for from > 0 && from < len(s) && !utf8.RuneStart(s[from]) {
		from--
	}
	text := []rune(s[from:])
	before, after := "", ""
	if from > 0 {
		before = "..."
	}
	if len(text) > maxExcerpt {
		text, after = text[:maxExcerpt], "..."
	}
	if shown := string(text); before+after == "" && !strings.ContainsFunc(shown, needsQuotes) {
		return shown
	}
	return fmt.Sprintf("%q", before+string(text)+after)
}

func needsQuotes(r rune) bool { return r <= ' ' || r == '"' || r > '~' }

func compactJSON(raw json.RawMessage) string {
	var out bytes.Buffer
	if len(raw) == 0 || json.Compact(&out, raw) != nil {
		return string(raw)
	}
	return out.String()
}

// sameJSON compares the documents, not their texts: Postgres returns jsonb with other
// blanks, another order of names, and 100 for 1e2.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, errA := anyJSON(a)
	y, errB := anyJSON(b)
	return errA == nil && errB == nil && reflect.DeepEqual(x, y)
}

func anyJSON(raw json.RawMessage) (v any, err error) {
	err = json.Unmarshal(raw, &v)
	return v, err
}
