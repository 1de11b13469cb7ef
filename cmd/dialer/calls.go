package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"dialer/internal/cli"
	"dialer/internal/provider"
	"dialer/voice"
)

type callCommand struct {
	Show      callShowCommand      `cmd:"" help:"Show Vonage's record of a call, and what was done to it."`
	List      callListCommand      `cmd:"" help:"List Vonage's records of calls."`
	Create    callCreateCommand    `cmd:"" help:"Make one manual call: to a telephone, SIP, a websocket, an extension or an app's user."`
	Hangup    callHangupCommand    `cmd:"" help:"End a call, also one that still rings."`
	Mute      callMuteCommand      `cmd:"" help:"Mute the person: the others do not hear them."`
	Unmute    callUnmuteCommand    `cmd:"" help:"Undo mute."`
	Earmuff   callEarmuffCommand   `cmd:"" help:"Make the person not hear the others."`
	Unearmuff callUnearmuffCommand `cmd:"" help:"Undo earmuff."`
	Transfer  callTransferCommand  `cmd:"" help:"Continue a call with another NCCO."`
	Stream    callStreamCommand    `cmd:"" help:"Play an audio file into a call, or stop it."`
	Talk      callTalkCommand      `cmd:"" help:"Speak a text into a call, or stop it."`
	DTMF      callDTMFCommand      `cmd:"" name:"dtmf" help:"Send tones into a call, or forward pressed keys."`
}

type callHangupCommand struct{ callTarget }

func (c *callHangupCommand) Run(ctx context.Context, con console) error {
	return c.act(ctx, con, "hangup", "", noResult((*voice.Client).Hangup, c.UUID))
}

type callMuteCommand struct{ callTarget }

func (c *callMuteCommand) Run(ctx context.Context, con console) error {
	return c.act(ctx, con, "mute", "", noResult((*voice.Client).Mute, c.UUID))
}

type callUnmuteCommand struct{ callTarget }

func (c *callUnmuteCommand) Run(ctx context.Context, con console) error {
	return c.act(ctx, con, "unmute", "", noResult((*voice.Client).Unmute, c.UUID))
}

type callEarmuffCommand struct{ callTarget }

func (c *callEarmuffCommand) Run(ctx context.Context, con console) error {
	return c.act(ctx, con, "earmuff", "", noResult((*voice.Client).Earmuff, c.UUID))
}

type callUnearmuffCommand struct{ callTarget }

func (c *callUnearmuffCommand) Run(ctx context.Context, con console) error {
	return c.act(ctx, con, "unearmuff", "", noResult((*voice.Client).Unearmuff, c.UUID))
}

type callTransferCommand struct {
	callTarget
	URL  string `name:"url" xor:"destination" required:"" placeholder:"URL" help:"Where Vonage fetches the NCCO. This dialer's own /webhooks/answer?attempt=ID starts the attempt's message again."`
	NCCO string `name:"ncco" xor:"destination" required:"" placeholder:"FILE" help:"A file with the NCCO, or - for standard input. Today's API only."`

	AllowUnknown bool `name:"allow-unknown" help:"With --ncco: send actions and members that this program does not know."`
}

// maxNCCOFile is the largest file that is read.
const maxNCCOFile = 1 << 20

func (c *callTransferCommand) Run(ctx context.Context, con console) error {
	if c.URL != "" {
		return c.act(ctx, con, "transfer", "to "+withoutQuery(c.URL), func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
			return voice.Ack{}, client.TransferToURL(ctx, c.UUID, c.URL)
		})
	}
	actions, err := readNCCO(c.NCCO, con.In, c.AllowUnknown)
	if err != nil {
		return fmt.Errorf("%w: --ncco: %w", cli.ErrUsage, err)
	}
	return c.act(ctx, con, "transfer", fmt.Sprintf("to an NCCO of %d actions", len(actions)), func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
		return voice.Ack{}, client.TransferToNCCO(ctx, c.UUID, actions)
	})
}

// readNCCO reads a file. What this program does not know in it is refused, unless
// it is allowed.
func readNCCO(path string, stdin io.Reader, allowUnknown bool) (voice.NCCO, error) {
	in, err := openFile(path, stdin)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxNCCOFile))
	if err != nil {
		return nil, err
	}
	actions, err := voice.ParseNCCO(text)
	if err != nil || allowUnknown {
		return actions, err
	}
	return actions, provider.OrAllowUnknown(provider.CheckKnown(actions))
}

// withoutQuery is an address as the audit has it: a query may hold a secret.
func withoutQuery(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be parsed"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
