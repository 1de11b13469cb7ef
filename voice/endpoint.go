package voice

// Endpoint is a party that can be called: a Phone, SIP, Websocket, VBC or App.
type Endpoint interface {
	check() problems
}

// Phone is a telephone number.
type Phone struct {
	Number     string `json:"number"` // E.164 digits, no plus sign
	DTMFAnswer string `json:"dtmfAnswer,omitempty"`
	Shaken     string `json:"shaken,omitempty"` // a STIR/SHAKEN identity of your own
	// OnAnswer is what the callee hears before the calls are joined. It is for
	// Connect only.
	OnAnswer *OnAnswer `json:"onAnswer,omitempty"`
	Extra    Extra     `json:"-"`
}

// OnAnswer is an NCCO for the callee only.
type OnAnswer struct {
	URL          string `json:"url"`
	RingbackTone string `json:"ringbackTone,omitempty"` // URL of what the caller hears meanwhile
	Extra        Extra  `json:"-"`
}

// SIP is a SIP address. Headers are sent as X-name, StandardHeaders
// (User-to-User) under their own names.
type SIP struct {
	URI             string            `json:"uri"`
	Headers         map[string]string `json:"headers,omitempty"`
	StandardHeaders map[string]string `json:"standard_headers,omitempty"`
	Extra           Extra             `json:"-"`
}

// Websocket is a server that receives the call's audio and sends its own.
type Websocket struct {
	URI           string                  `json:"uri"`
	ContentType   string                  `json:"content-type"` // one of the AudioL16 constants
	Headers       map[string]any          `json:"headers,omitempty"`
	Authorization *WebsocketAuthorization `json:"authorization,omitempty"`
	Extra         Extra                   `json:"-"`
}

// WebsocketAuthorization is how Vonage authenticates to the server: with a token
// of its own ("vonage"), or with Value ("custom").
type WebsocketAuthorization struct {
	Type  string `json:"type"`
	Value string `json:"value,omitempty"`
	Extra Extra  `json:"-"`
}

// The audio formats of a Websocket. The contract does not have the last one.
const (
	AudioL16Rate8000  = "audio/l16;rate=8000"
	AudioL16Rate16000 = "audio/l16;rate=16000"
	AudioL16Rate24000 = "audio/l16;rate=24000"
)

// VBC is an extension of a Vonage Business account.
type VBC struct {
	Extension string `json:"extension"`
	Extra     Extra  `json:"-"`
}

// App is a user of the application's own client.
type App struct {
	User  string `json:"user"`
	Extra Extra  `json:"-"`
}

const (
	maxSIPURI      = 50
	maxHeaderBytes = 512
	dtmfCharacters = "0123456789*#p"
)

func (e Phone) check() (p problems) {
	p.number("number", e.Number)
	p.tones("dtmfAnswer", e.DTMFAnswer)
	if e.OnAnswer != nil {
		p.required("onAnswer.url", e.OnAnswer.URL)
		p.address("onAnswer.url", e.OnAnswer.URL, "http", "https")
		p.address("onAnswer.ringbackTone", e.OnAnswer.RingbackTone, "http", "https")
	}
	return p
}

func (e SIP) check() (p problems) {
	if e.URI == "" || len(e.URI) > maxSIPURI {
		p.add("uri", "has %d characters, must have 1 to %d", len(e.URI), maxSIPURI)
	}
	return p
}

func (e Websocket) check() (p problems) {
	p.required("uri", e.URI)
	p.address("uri", e.URI, "ws", "wss")
	p.required("content-type", e.ContentType)
	p.oneOf("content-type", e.ContentType, AudioL16Rate8000, AudioL16Rate16000, AudioL16Rate24000)
	p.headerSize("headers", e.Headers)
	if a := e.Authorization; a != nil {
		p.oneOf("authorization.type", a.Type, "vonage", "custom")
		if a.Type == "custom" && a.Value == "" {
			p.add("authorization.value", "is required with type custom")
		}
	}
	return p
}

func (e VBC) check() (p problems) {
	if !isDigits(e.Extension) {
		p.add("extension", "is required, digits only")
	}
	return p
}

func (e App) check() (p problems) {
	p.required("user", e.User)
	return p
}

// MarshalJSON adds the type.
func (e Phone) MarshalJSON() ([]byte, error) {
	type members Phone
	return marshalTagged("type", "phone", members(e), e.Extra)
}

// UnmarshalJSON reads the endpoint.
func (e *Phone) UnmarshalJSON(raw []byte) (err error) {
	type members Phone
	e.Extra, err = unmarshalTagged(raw, "type", (*members)(e))
	return err
}

// MarshalJSON adds the type.
func (e SIP) MarshalJSON() ([]byte, error) {
	type members SIP
	return marshalTagged("type", "sip", members(e), e.Extra)
}

// MarshalJSON adds the type.
func (e Websocket) MarshalJSON() ([]byte, error) {
	type members Websocket
	return marshalTagged("type", "websocket", members(e), e.Extra)
}

// UnmarshalJSON reads the endpoint.
func (e *Websocket) UnmarshalJSON(raw []byte) (err error) {
	type members Websocket
	e.Extra, err = unmarshalTagged(raw, "type", (*members)(e))
	return err
}

// MarshalJSON adds the type.
func (e VBC) MarshalJSON() ([]byte, error) {
	type members VBC
	return marshalTagged("type", "vbc", members(e), e.Extra)
}

// UnmarshalJSON reads the endpoint.
func (e *VBC) UnmarshalJSON(raw []byte) (err error) {
	type members VBC
	e.Extra, err = unmarshalTagged(raw, "type", (*members)(e))
	return err
}

// MarshalJSON adds the type.
func (e App) MarshalJSON() ([]byte, error) {
	type members App
	return marshalTagged("type", "app", members(e), e.Extra)
}

// UnmarshalJSON reads the endpoint.
func (e *App) UnmarshalJSON(raw []byte) (err error) {
	type members App
	e.Extra, err = unmarshalTagged(raw, "type", (*members)(e))
	return err
}

// MarshalJSON also writes the members that are not known.
func (a OnAnswer) MarshalJSON() ([]byte, error) {
	type members OnAnswer
	return marshalTagged("", "", members(a), a.Extra)
}

// UnmarshalJSON keeps the members that are not known.
func (a *OnAnswer) UnmarshalJSON(raw []byte) (err error) {
	type members OnAnswer
	a.Extra, err = unmarshalTagged(raw, "", (*members)(a))
	return err
}

// MarshalJSON also writes the members that are not known.
func (a WebsocketAuthorization) MarshalJSON() ([]byte, error) {
	type members WebsocketAuthorization
	return marshalTagged("", "", members(a), a.Extra)
}

// UnmarshalJSON keeps the members that are not known.
func (a *WebsocketAuthorization) UnmarshalJSON(raw []byte) (err error) {
	type members WebsocketAuthorization
	a.Extra, err = unmarshalTagged(raw, "", (*members)(a))
	return err
}
