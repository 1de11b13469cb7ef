package campaign

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Message is what a call says. Exactly one of Say, NCCO and AnswerURL is set. A text
// that begins with stream: is the address of a sound, which is played; see Sound.
// Say, the strings in NCCO and DTMFAnswer may hold {{column}} placeholders.
type Message struct {
	Say          string          `json:"say,omitempty"`
	NCCO         json.RawMessage `json:"ncco,omitempty"`
	AnswerURL    string          `json:"answer_url,omitempty"`
	AnswerMethod string          `json:"answer_method,omitempty"` // with AnswerURL: GET or POST; "": Vonage's default
	DTMFAnswer   string          `json:"dtmf_answer,omitempty"`   // tones that are sent once a call is answered
	DateFormat   string          `json:"date_format,omitempty"`   // how the rows write dates that can be read in two orders, such as DD/MM/YYYY

	// These go with Say. Voicemail and the texts of the keys, Wrong and Silent may
	// hold placeholders too, and so may Language.
	Language  string         `json:"language,omitempty"`  // BCP 47; "": en-US
	Voicemail string         `json:"voicemail,omitempty"` // what a machine hears; "": what a person does
	Keys      map[string]Key `json:"keys,omitempty"`
	// Words are what a person may say in place of a key, and which key that is.
	Words      map[string]string `json:"words,omitempty"`
	Confidence float64           `json:"confidence,omitempty"` // that Vonage must have in a word, up to 1; 0: 0.6
	Loop       int               `json:"loop,omitempty"`       // how often Say is said in a row; 0: once
	Level      float64           `json:"level,omitempty"`      // how loud all is, from -1 to 1
	Wrong      string            `json:"wrong,omitempty"`      // after a key that does nothing; "": the message again
	Silent     string            `json:"silent,omitempty"`     // after no key; "": the call ends
	Tries      int               `json:"tries,omitempty"`      // how often a key is waited for; 0: 3
	Wait       int               `json:"wait,omitempty"`       // for a key, in seconds; 0: 5
	OptOut     OptOutScope       `json:"opt_out,omitempty"`    // "": all
	Languages  *Languages        `json:"languages,omitempty"`
	RingBack   bool              `json:"ring_back,omitempty"` // who rings back hears their latest message
}

// Rendered is a message for one contact. Exactly one of Script, NCCO and AnswerURL
// is set.
type Rendered struct {
	Script     *Script
	NCCO       json.RawMessage
	AnswerURL  string
	DTMFAnswer string
}

// Validate reports what is wrong with the message itself, whatever the rows
// hold.
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

// Compile checks and parses the message, so that a file of a million rows does
// it once.
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

// compileContent parses what is said.
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
