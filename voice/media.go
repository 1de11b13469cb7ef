package voice

import (
	"context"
	"net/http"
	"slices"
	"strconv"
)

// Ack is Vonage's response to a request to play something.
type Ack struct {
	UUID    string
	Message string // for example "Talk started"
}

// StreamRequest is an audio file to play into a call.
type StreamRequest struct {
	URL   string
	Loop  *int     // default 1; 0 is endless
	Level *float64 // -1 to 1 in steps of 0.1; default 0
}

// TalkRequest is a text to speak into a call.
type TalkRequest struct {
	Text      string
	Language  string // BCP 47; default en-US
	Style     *int   // which voice of the language; default 0
	Premium   *bool
	VoiceName string   // the contract's way to choose a voice; deprecated, use Language and Style
	Loop      *int     // default 1; 0 is endless
	Level     *float64 // -1 to 1 in steps of 0.1; default 0
}

// Validate reports every field that breaks a limit of the API, with the limit.
func (r StreamRequest) Validate() error {
	var p problems
	p.required("stream_url", r.URL)
	p.address("stream_url", r.URL, "http", "https")
	p.loop("loop", r.Loop)
	p.level("level", r.Level)
	return p.err()
}

// Validate reports every field that breaks a limit of the API, with the limit.
func (r TalkRequest) Validate() error {
	var p problems
	p.spoken("text", r.Text)
	p.style("style", r.Style)
	p.voiceName("voice_name", r.VoiceName)
	p.loop("loop", r.Loop)
	p.level("level", r.Level)
	return p.err()
}

// MarshalJSON writes the API's form.
func (r StreamRequest) MarshalJSON() ([]byte, error) {
	return encodeBody(struct {
		URL   []string `json:"stream_url"`
		Loop  *int     `json:"loop,omitempty"`
		Level string   `json:"level,omitempty"`
	}{oneURL(r.URL), r.Loop, levelText(r.Level)})
}

// MarshalJSON writes the API's form.
func (r TalkRequest) MarshalJSON() ([]byte, error) {
	return encodeBody(struct {
		Text      string `json:"text"`
		Language  string `json:"language,omitempty"`
		Style     *int   `json:"style,omitempty"`
		Premium   *bool  `json:"premium,omitempty"`
		VoiceName string `json:"voice_name,omitempty"`
		Loop      *int   `json:"loop,omitempty"`
		Level     string `json:"level,omitempty"`
	}{r.Text, r.Language, r.Style, r.Premium, r.VoiceName, r.Loop, levelText(r.Level)})
}

// levelText is a volume as a string, which these requests want.
func levelText(level *float64) string {
	if level == nil {
		return ""
	}
	text := strconv.FormatFloat(*level, 'f', 1, 64)
	if text == "-0.0" {
		return "0.0"
	}
	return text
}

// StartStream plays an audio file into a call. See
// https://developer.vonage.com/en/api/voice#startStream.
func (c *Client) StartStream(ctx context.Context, uuid string, r StreamRequest) (Ack, error) {
	const op = "start stream"
	if err := r.Validate(); err != nil {
		return Ack{}, unsent(op, err)
	}
	return c.play(ctx, request{op: op, method: http.MethodPut, body: r, retry: retryIfRefused}, uuid, "stream")
}

// StopStream stops what StartStream started.
func (c *Client) StopStream(ctx context.Context, uuid string) (Ack, error) {
	return c.play(ctx, request{op: "stop stream", method: http.MethodDelete, retry: retryAlways}, uuid, "stream")
}

// StartTalk speaks a text into a call. See
// https://developer.vonage.com/en/api/voice#startTalk.
func (c *Client) StartTalk(ctx context.Context, uuid string, r TalkRequest) (Ack, error) {
	const op = "start talk"
	if err := r.Validate(); err != nil {
		return Ack{}, unsent(op, err)
	}
	return c.play(ctx, request{op: op, method: http.MethodPut, body: r, retry: retryIfRefused}, uuid, "talk")
}

// StopTalk stops what StartTalk started.
func (c *Client) StopTalk(ctx context.Context, uuid string) (Ack, error) {
	return c.play(ctx, request{op: "stop talk", method: http.MethodDelete, retry: retryAlways}, uuid, "talk")
}

// SendDTMF plays tones into a call: 0-9, * and #, and p for a pause of half a
// second. See https://developer.vonage.com/en/api/voice#startDTMF.
func (c *Client) SendDTMF(ctx context.Context, uuid, digits string) (Ack, error) {
	const op = "send dtmf"
	var p problems
	p.required("digits", digits)
	p.tones("digits", digits)
	if err := p.err(); err != nil {
		return Ack{}, unsent(op, err)
	}
	body := map[string]string{"digits": digits}
	return c.play(ctx, request{op: op, method: http.MethodPut, body: body, retry: retryIfRefused}, uuid, "dtmf")
}

// SubscribeDTMF makes Vonage send each key that is pressed in a call to eventURL.
// The call's NCCO must have an asynchronous input. The contract does not have
// this operation.
func (c *Client) SubscribeDTMF(ctx context.Context, uuid, eventURL string) error {
	const op = "subscribe dtmf"
	var p problems
	p.required("event_url", eventURL)
	p.address("event_url", eventURL, "http", "https")
	if err := p.err(); err != nil {
		return unsent(op, err)
	}
	body := map[string][]string{"event_url": oneURL(eventURL)}
	_, err := c.control(ctx, request{op: op, method: http.MethodPut, body: body, retry: retryAlways}, uuid, "input", "dtmf")
	return err
}

// UnsubscribeDTMF ends the subscription.
func (c *Client) UnsubscribeDTMF(ctx context.Context, uuid string) error {
	_, err := c.control(ctx, request{op: "unsubscribe dtmf", method: http.MethodDelete, retry: retryAlways}, uuid, "input", "dtmf")
	return err
}

// play sends a request that Vonage acknowledges. The status alone says that it
// succeeded, so the body may be unreadable.
func (c *Client) play(ctx context.Context, r request, uuid, part string) (Ack, error) {
	rep, err := c.control(ctx, r, uuid, part)
	if err != nil {
		return Ack{}, err
	}
	o, _ := parseObject(rep.body)
	return Ack{UUID: o.id("uuid"), Message: o.text("message")}, nil
}

// voiceNames are the contract's voices, and then those that Vonage has added
// since. Newer ones are chosen by language and style only.
var voiceNames = []string{
	"Salli", "Joey", "Naja", "Mads", "Marlene", "Hans", "Nicole", "Russell", "Amy", "Brian", "Emma",
	"Geraint", "Gwyneth", "Raveena", "Chipmunk", "Eric", "Ivy", "Jennifer", "Justin", "Kendra",
	"Kimberly", "Conchita", "Enrique", "Penelope", "Miguel", "Chantal", "Celine", "Mathieu", "Dora",
	"Karl", "Carla", "Giorgio", "Liv", "Lotte", "Ruben", "Agnieszka", "Jacek", "Ewa", "Jan", "Maja",
	"Vitoria", "Ricardo", "Cristiano", "Ines", "Carmen", "Maxim", "Tatyana", "Astrid", "Filiz",
	"Mizuki", "Seoyeon",

	"Matthew", "Joanna", "Aditi", "Zeina", "Zhiyu", "Lea", "Vicki", "Bianca", "Takumi", "Mia", "Lucia",
	"Laila", "Maged", "Tarik", "Damayanti", "Miren", "Sin-Ji", "Jordi", "Montserrat", "Iveta", "Zuzana",
	"Tessa", "Satu", "Melina", "Nikos", "Carmit", "Lekha", "Mariska", "Sora", "Tian-Tian", "Mei-Jia",
	"Nora", "Henrik", "Luciana", "Felipe", "Catarina", "Joana", "Ioana", "Laura", "Alva", "Oskar",
	"Kanya", "Cem", "Yelda", "Empar",
}

func (p *problems) voiceName(field, name string) {
	if name != "" && !slices.Contains(voiceNames, name) {
		p.add(field, "must be one of Vonage's %d voices with a name, such as Kimberly or Amy; the others are chosen by language and style", len(voiceNames))
	}
}
