package voice

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"strings"
	"unicode/utf8"
)

const maxTalk = 1500 // characters, SSML tags not counted

// Talk speaks a text. A member that is nil gets Vonage's default.
type Talk struct {
	Text      string   `json:"text"`               // plain, or SSML inside <speak>
	Language  string   `json:"language,omitempty"` // BCP 47; default en-US
	Style     *int     `json:"style,omitempty"`    // which voice of the language; default 0
	Premium   *bool    `json:"premium,omitempty"`
	Loop      *int     `json:"loop,omitempty"`      // default 1; 0 is endless
	Level     *float64 `json:"level,omitempty"`     // -1 to 1; default 0
	BargeIn   *bool    `json:"bargeIn,omitempty"`   // a key stops it; needs a later input
	VoiceName string   `json:"voiceName,omitempty"` // deprecated, use Language and Style
	Extra     Extra    `json:"-"`
}

func (a Talk) check() (p problems) {
	p.spoken("text", a.Text)
	p.loop("loop", a.Loop)
	p.fraction("level", a.Level, -1, 1)
	p.style("style", a.Style)
	p.voiceName("voiceName", a.VoiceName)
	return p
}

// MarshalJSON adds the action's name.
func (a Talk) MarshalJSON() ([]byte, error) {
	type members Talk
	return marshalTagged("action", "talk", members(a), a.Extra)
}

// UnmarshalJSON reads the action.
func (a *Talk) UnmarshalJSON(raw []byte) (err error) {
	type members Talk
	a.Extra, err = unmarshalTagged(raw, "action", (*members)(a))
	return err
}

// spoken checks a text to speak: it must not be empty or too long, and SSML must be well
// formed, because Vonage speaks nothing if it is not.
func (p *problems) spoken(field, text string) {
	length := utf8.RuneCountInString(text)
	if strings.HasPrefix(strings.TrimSpace(text), "<speak") {
		plain, err := ssmlText(text)
		if err != nil {
			p.add(field, "is SSML that is not well formed at character %d; write & as &amp; and < as &lt;, and close each tag", utf8.RuneCountInString(plain.read)+1)
		}
		length = utf8.RuneCountInString(plain.text)
	}
	if strings.TrimSpace(text) == "" {
		p.add(field, "is required")
	}
	if length > maxTalk {
		p.add(field, "has %d characters, must have at most %d", length, maxTalk)
	}
}

// ssml is the part of a document that was read.
type ssml struct {
	text string // between the tags
	read string // the part before the mistake, if there is one
}

// ssmlText reads SSML: one speak element and nothing else.
func ssmlText(s string) (ssml, error) {
	var text strings.Builder
	decoder := xml.NewDecoder(strings.NewReader(s))
	for depth, roots := 0, 0; ; {
		before := decoder.InputOffset()
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return ssml{text: text.String()}, nil
		}
		if err != nil {
			// The decoder reads to the end of a part that it does not understand.
			return ssml{read: s[:mistakeAt(s, int(before), int(decoder.InputOffset()))]}, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			text.Write(token)
			if depth == 0 && strings.TrimSpace(string(token)) != "" {
				roots = 2
			}
		}
		if roots > 1 {
			return ssml{read: s[:before]}, errors.New("there is more than one element")
		}
	}
}

// mistakeAt finds the mistake between two offsets: at an & that begins no entity, or else
// at the end.
func mistakeAt(s string, from, to int) int {
	to = min(to, len(s))
	for at, c := range s[from:to] {
		if c == '&' && !entity.MatchString(s[from+at:]) {
			return from + at
		}
	}
	return max(from, to-1)
}

var entity = regexp.MustCompile(`^&(?:#[0-9]+|#x[0-9a-fA-F]+|amp|lt|gt|quot|apos);`)

func (p *problems) loop(field string, loop *int) {
	if loop != nil && *loop < 0 {
		p.add(field, "is %d, must be 0 (endless) or more", *loop)
	}
}

func (p *problems) style(field string, style *int) {
	if style != nil && *style < 0 {
		p.add(field, "is %d, must be 0 or more", *style)
	}
}

// level checks a volume for a call in progress. The API takes it in steps of 0.1.
func (p *problems) level(field string, level *float64) {
	if level == nil {
		return
	}
	tenths := *level * 10
	if !(math.Abs(*level) <= 1) || math.Abs(tenths-math.Round(tenths)) > 1e-6 {
		p.add(field, "must be -1 to 1 in steps of 0.1")
	}
}
