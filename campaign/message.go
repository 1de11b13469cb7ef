package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Message says what a call says. Exactly one of Say, NCCO and AnswerURL is set. A text
// that begins with stream: is the address of a sound to play; see Sound. Say, the
// strings in NCCO and DTMFAnswer may contain {{column}} placeholders.
type Message struct {
	Say          string          `json:"say,omitempty"`
	NCCO         json.RawMessage `json:"ncco,omitempty"`
	AnswerURL    string          `json:"answer_url,omitempty"`
	AnswerMethod string          `json:"answer_method,omitempty"` // with AnswerURL: GET or POST; "": Vonage's default
	DTMFAnswer   string          `json:"dtmf_answer,omitempty"`   // tones that are sent once a call is answered
	DateFormat   string          `json:"date_format,omitempty"`   // the order of the dates in the rows if it is ambiguous, such as DD/MM/YYYY

	// These go with Say. Voicemail and the texts of the keys, Wrong and Silent may also
	// contain placeholders, and so may Language.
	Language  string         `json:"language,omitempty"`  // BCP 47; "": en-US
	Voicemail string         `json:"voicemail,omitempty"` // the text for a machine; "": the same as for a person
	Keys      map[string]Key `json:"keys,omitempty"`
	// Words are the words that a person may say instead of a key, each with that key.
	Words      map[string]string `json:"words,omitempty"`
	Confidence float64           `json:"confidence,omitempty"` // Vonage's least confidence in a word, up to 1; 0: 0.6
	Loop       int               `json:"loop,omitempty"`       // how often Say is said in a row; 0: once
	Level      float64           `json:"level,omitempty"`      // the volume of all texts, from -1 to 1
	Wrong      string            `json:"wrong,omitempty"`      // said after a key that does nothing; "": the message again
	Silent     string            `json:"silent,omitempty"`     // said if no key is pressed; "": the call ends
	Tries      int               `json:"tries,omitempty"`      // how often the call waits for a key; 0: 3
	Wait       int               `json:"wait,omitempty"`       // the wait for a key, in seconds; 0: 5
	OptOut     OptOutScope       `json:"opt_out,omitempty"`    // "": all
	Languages  *Languages        `json:"languages,omitempty"`
	RingBack   bool              `json:"ring_back,omitempty"` // a person who rings back hears their latest message
}

// Rendered is a message for one contact. Exactly one of Script, NCCO and AnswerURL
// is set.
type Rendered struct {
	Script     *Script
	NCCO       json.RawMessage
	AnswerURL  string
	DTMFAnswer string
}

// Validate reports mistakes in the message itself, without looking at any row.
func (m Message) Validate() error {
	_, err := m.Compile()
	return err
}

// Render makes the message for one contact; see MessageTemplate.Render.
func (m Message) Render(vars map[string]string) (Rendered, error) {
	t, err := m.Compile()
	if err != nil {
		return Rendered{}, err
	}
	return t.Render(vars)
}

// Compile checks and parses the message once, so that a file of a million rows does not
// repeat it.
func (m Message) Compile() (MessageTemplate, error) {
	t, err := m.compileContent()
	if err == nil {
		err = t.addTones(m.DTMFAnswer)
	}
	if err == nil {
		err = errors.Join(m.checkAnswerMethod(), m.checkDialogue())
	}
	order := dateOrder(m.DateFormat)
	for _, text := range t.texts {
		text.speech.order = order
	}
	if m.DateFormat != "" && order == "" {
		err = errors.Join(err, fmt.Errorf("date format: %q does not say the order of day, month and year; want a form such as DD/MM/YYYY", m.DateFormat))
	}
	return t, err
}

// compileContent parses the content of the message.
func (m Message) compileContent() (MessageTemplate, error) {
	set := 0
	for _, present := range []bool{m.Say != "", len(m.NCCO) > 0, m.AnswerURL != ""} {
		if present {
			set++
		}
	}
	switch {
	case set != 1:
		return MessageTemplate{}, errors.New("message: want exactly one of a text to say, an NCCO and an answer URL")
	case m.AnswerURL != "":
		return MessageTemplate{answerURL: m.AnswerURL}, checkAnswerURL(m.AnswerURL)
	case m.Say != "":
		return compileScripts(m)
	}
	return compileNCCO(m.NCCO)
}

func checkAnswerURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case strings.Contains(raw, "{{"):
		return errors.New("answer URL: it cannot hold placeholders; the server gets the attempt's id")
	case err != nil || !u.IsAbs() || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("answer URL: want an absolute http or https address")
	case u.User != nil:
		return errors.New("answer URL: it cannot hold a user name or password")
	}
	return nil
}

func (m Message) checkAnswerMethod() error {
	switch {
	case m.AnswerMethod != "" && m.AnswerMethod != "GET" && m.AnswerMethod != "POST":
		return fmt.Errorf("answer method: %q is neither GET nor POST", m.AnswerMethod)
	case m.AnswerMethod != "" && m.AnswerURL == "":
		return errors.New("answer method: it means something only with an answer URL")
	}
	return nil
}
