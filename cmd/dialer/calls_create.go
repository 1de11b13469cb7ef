package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
	"dialer/voice"
)

type callCreateCommand struct {
	callFlags
	actorFlags
	requestFlags
	CallsPerSecond float64       `name:"calls-per-second" env:"DIALER_CALLS_PER_SECOND" default:"3" help:"New calls that the account allows in any second, for all processes together (default: ${default})."`
	SettleAfter    time.Duration `name:"settle-after" env:"DIALER_SETTLE_AFTER" default:"2m" help:"How late Vonage's list of calls may be (default: ${default})."`
	databaseFlags
}

// callFlags say which call is to be made.
type callFlags struct {
	calleeFlags
	fromFlags
	messageFlags
	eventFlags
	detectionFlags
	RingingTimer *int `name:"ringing-timer" placeholder:"SECONDS" help:"How long it rings, 1 to 120 (Vonage's default: 60)."`
	LengthTimer  *int `name:"length-timer" placeholder:"SECONDS" help:"How long the answered call may last, 1 to 7200 (Vonage's default: 7200)."`
	numberFlags
}

// calleeFlags are where the call goes: one of five kinds of endpoint.
type calleeFlags struct {
	To        string   `xor:"callee" required:"" placeholder:"NUMBER" help:"A telephone number. One that is suppressed is not called, nor one of premium rate and the like."`
	Countries []string `env:"DIALER_COUNTRIES" placeholder:"GB,IE|all" help:"With --to: the countries that may be called ($$${env}; default: all)."`
	SIP       string   `name:"sip" xor:"callee" required:"" placeholder:"URI" help:"A SIP address, as sip:desk@example.com."`
	Websocket string   `xor:"callee" required:"" placeholder:"URI" help:"A server that the call's audio is streamed to and from, as wss://example.com/audio."`
	VBC       string   `name:"vbc" xor:"callee" required:"" placeholder:"EXTENSION" help:"An extension of the Vonage Business account."`
	App       string   `xor:"callee" required:"" placeholder:"USER" help:"A user of the application's own client."`

	DTMFAnswer    string            `name:"dtmf-answer" placeholder:"DIGITS" help:"With --to: tones that are sent once it answers, of 0-9, *, # and p, a pause of half a second."`
	Shaken        string            `placeholder:"IDENTITY" help:"With --to: a STIR/SHAKEN identity of your own."`
	Header        map[string]string `mapsep:"none" placeholder:"NAME=VALUE" help:"With --sip or --websocket: a header; may be given several times."`
	UserToUser    string            `name:"user-to-user" placeholder:"VALUE" help:"With --sip: the standard header User-to-User."`
	ContentType   string            `name:"content-type" placeholder:"TYPE" help:"With --websocket: the audio's format, audio/l16;rate=8000, 16000 or 24000 (default: audio/l16;rate=16000)."`
	Authorization string            `placeholder:"vonage|FILE" help:"With --websocket: how Vonage names itself to the server. By a token of its own (vonage), or by the line in a file, which keeps it out of the list of processes."`
}

// fromFlags are which number people see.
type fromFlags struct {
	From       string `xor:"from" required:"" placeholder:"NUMBER" help:"The number that is shown: one of the account's, with its country code; or a SIP address."`
	RandomFrom bool   `name:"random-from" xor:"from" required:"" help:"Vonage picks one of the application's numbers."`
}

// messageFlags are what the call does once it is answered.
type messageFlags struct {
	Say          string `xor:"message" required:"" placeholder:"TEXT" help:"What the call says: text, or SSML inside <speak>."`
	NCCO         string `name:"ncco" xor:"message" required:"" placeholder:"FILE" help:"A file with the NCCO, or - for standard input."`
	AllowUnknown bool   `name:"allow-unknown" help:"With --ncco: send actions and members that this program does not know."`
	AnswerURL    string `name:"answer-url" xor:"message" required:"" placeholder:"URL" help:"Where Vonage fetches the NCCO."`
	AnswerMethod string `name:"answer-method" enum:",GET,POST" default:"" placeholder:"GET|POST" help:"With --answer-url: how (Vonage's default: GET)."`
}

type eventFlags struct {
	EventURL    string `name:"event-url" placeholder:"URL" help:"Where Vonage tells how the call goes. Without it, at the application's own address."`
	EventMethod string `name:"event-method" enum:",GET,POST" default:"" placeholder:"GET|POST" help:"With --event-url: how (Vonage's default: POST)."`
}

// detectionFlags are about answering machines.
type detectionFlags struct {
	Machine     string `enum:",continue,hangup" default:"" placeholder:"continue|hangup" help:"Detect answering machines, and talk to them or hang up. Without it nothing is detected."`
	MachineMode string `name:"machine-mode" enum:",default,detect,detect_beep" default:"" placeholder:"default|detect|detect_beep" help:"With --machine: Vonage's advanced detection, which it charges for; detect_beep waits for the beep."`
	BeepTimeout *int   `name:"beep-timeout" placeholder:"SECONDS" help:"With --machine-mode detect_beep: how long it waits for the beep, 45 to 120."`
}

func (c *callCreateCommand) Help() string {
	return `The call is recorded before the request and its outcome after it, and the request is sent once. If the outcome is not known, wait for the time that is shown and look into Vonage's list before you repeat it.`
}

// Run makes one call, of no campaign.
func (c *callCreateCommand) Run(ctx context.Context, con console) error {
	order, misused := c.order(con)
	attempt, request, err := order.build()
	err = errors.Join(c.validate(), misused, withNames(err, flagOf))
	if err == nil {
		err = request.Validate()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", cli.ErrUsage, err)
	}
	return c.with(ctx, con, c.DatabaseURL, func(k *vonage) error {
		return c.place(ctx, con, k, attempt, request)
	})
}

// validate checks what is not about the call itself.
func (c *callCreateCommand) validate() (err error) {
	if c.CallsPerSecond <= 0 || c.CallsPerSecond > 10_000 {
		err = fmt.Errorf("--calls-per-second must be above 0 and at most 10000, not %v", c.CallsPerSecond)
	}
	if c.SettleAfter <= 0 || c.SettleAfter > 24*time.Hour {
		err = errors.Join(err, fmt.Errorf("--settle-after must be above 0 and at most 24h, not %v", c.SettleAfter))
	}
	return err
}

// order is what the flags ask for. The error is about what the command line alone has:
// flags that mean nothing with the others, and files.
func (c *callFlags) order(con console) (callOrder, error) {
	o := callOrder{
		from: c.From, randomFrom: c.RandomFrom,
		say: c.Say, answerURL: c.AnswerURL, answerMethod: c.AnswerMethod,
		eventURL: c.EventURL, eventMethod: c.EventMethod,
		machine: c.Machine, machineMode: c.MachineMode, beepTimeout: c.BeepTimeout,
		ringingTimer: c.RingingTimer, lengthTimer: c.LengthTimer,
	}
	to, badCallee := c.callee()
	o.to = to
	var badNCCO error
	if c.Say == "" && c.AnswerURL == "" {
		if o.ncco, badNCCO = readNCCO(c.NCCO, con.In, c.AllowUnknown); badNCCO != nil {
			badNCCO = fmt.Errorf("--ncco: %w", badNCCO)
		}
	}
	return o, errors.Join(c.misplaced(), badCallee, badNCCO)
}

// misplaced names the options that mean nothing with the others.
func (c *callFlags) misplaced() error {
	var errs []error
	for _, option := range []struct {
		name  string
		given bool
		with  string
		means bool
	}{
		{"--dtmf-answer", c.DTMFAnswer != "", "--to", c.To != ""},
		{"--shaken", c.Shaken != "", "--to", c.To != ""},
		{"--header", len(c.Header) > 0, "--sip or --websocket", c.SIP != "" || c.Websocket != ""},
		{"--user-to-user", c.UserToUser != "", "--sip", c.SIP != ""},
		{"--content-type", c.ContentType != "", "--websocket", c.Websocket != ""},
		{"--authorization", c.Authorization != "", "--websocket", c.Websocket != ""},
		{"--answer-method", c.AnswerMethod != "", "--answer-url", c.AnswerURL != ""},
		{"--event-method", c.EventMethod != "", "--event-url", c.EventURL != ""},
		{"--machine-mode", c.MachineMode != "", "--machine", c.Machine != ""},
		{"--beep-timeout", c.BeepTimeout != nil, "--machine-mode detect_beep", c.MachineMode == "detect_beep"},
	} {
		if option.given && !option.means {
			errs = append(errs, fmt.Errorf("%s means something only with %s", option.name, option.with))
		}
	}
	return errors.Join(errs...)
}

// callee is where the call goes, by the one flag that says it.
func (c *callFlags) callee() (to callee, err error) {
	switch {
	case c.To != "":
		to = callee{number: c.To, country: c.DefaultCountry, phone: voice.Phone{DTMFAnswer: c.DTMFAnswer, Shaken: c.Shaken}}
		if to.countries, _, err = campaign.ParseCountries(c.Countries); err != nil {
			err = fmt.Errorf("--countries: %w", err)
		}
	case c.SIP != "":
		to = callee{kind: "sip", address: c.SIP, other: c.sip()}
	case c.Websocket != "":
		to = callee{kind: "websocket", address: withoutQuery(c.Websocket)}
		to.other, err = c.websocket()
	case c.VBC != "":
		to = callee{kind: "vbc", address: c.VBC, other: voice.VBC{Extension: c.VBC}}
	default:
		to = callee{kind: "app", address: c.App, other: voice.App{User: c.App}}
	}
	return to, err
}

func (c *callFlags) sip() voice.SIP {
	to := voice.SIP{URI: c.SIP, Headers: c.Header}
	if c.UserToUser != "" {
		to.StandardHeaders = map[string]string{"User-to-User": c.UserToUser}
	}
	return to
}

func (c *callFlags) websocket() (voice.Websocket, error) {
	to := voice.Websocket{URI: c.Websocket, ContentType: c.ContentType}
	if to.ContentType == "" {
		to.ContentType = voice.AudioL16Rate16000
	}
	for name, value := range c.Header {
		if to.Headers == nil {
			to.Headers = map[string]any{}
		}
		to.Headers[name] = value
	}
	switch c.Authorization {
	case "":
	case "vonage":
		to.Authorization = &voice.WebsocketAuthorization{Type: "vonage"}
	default:
		value, err := readLine(c.Authorization)
		if err != nil {
			return to, fmt.Errorf("--authorization: want vonage, or a file with one line: %w", err)
		}
		to.Authorization = &voice.WebsocketAuthorization{Type: "custom", Value: value}
	}
	return to, nil
}

// readLine is the one line of a small file.
func readLine(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > 8<<10 {
		return "", errors.New("the file is larger than 8 KiB")
	}
	text, err := os.ReadFile(path)
	line := strings.TrimSpace(string(text))
	if err == nil && (line == "" || strings.ContainsAny(line, "\r\n")) {
		err = errors.New("the file does not have exactly one line")
	}
	return line, err
}
