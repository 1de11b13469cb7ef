package main

import (
	"context"
	"fmt"
	"strings"

	"dialer/internal/cli"
	"dialer/voice"
)

// playFlags say how something is played into a call.
type playFlags struct {
	Loop  *int     `placeholder:"N" help:"How often it is played; 0 is endless (default: 1)."`
	Level *float64 `placeholder:"LEVEL" help:"How loud, from -1 to 1 in steps of 0.1 (default: 0)."`
}

func (f playFlags) given() bool { return f.Loop != nil || f.Level != nil }

// startOrStop is the argument that stream and talk share.
type startOrStop struct {
	callTarget
	Do string `arg:"" enum:"start,stop" help:"start or stop."`
}

// errStopTakesNothing: an option that has no effect is a mistake in the command.
var errStopTakesNothing = fmt.Errorf("%w: stop takes none of the options of start", cli.ErrUsage)

type callStreamCommand struct {
	startOrStop
	URL string `name:"url" placeholder:"URL" help:"The audio file, mp3 or 16-bit wav."`
	playFlags
}

func (c *callStreamCommand) Run(ctx context.Context, con console) error {
	if c.Do == "start" {
		request := voice.StreamRequest{URL: c.URL, Loop: c.Loop, Level: c.Level}
		return c.act(ctx, con, "stream start", withoutQuery(c.URL), func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
			return client.StartStream(ctx, c.UUID, request)
		})
	}
	if c.URL != "" || c.given() {
		return errStopTakesNothing
	}
	return c.act(ctx, con, "stream stop", "", func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
		return client.StopStream(ctx, c.UUID)
	})
}

type callTalkCommand struct {
	startOrStop
	Text     string `placeholder:"TEXT" help:"What is said: text, or SSML inside <speak>."`
	Language string `placeholder:"TAG" help:"Of the voice, as en-GB (default: en-US)."`
	Style    *int   `placeholder:"N" help:"Which voice of the language (default: 0)."`
	Premium  bool   `help:"Take the premium form of the voice."`
	Voice    string `placeholder:"NAME" help:"One of the voices that have a name, such as Amy, in place of --language and --style."`
	playFlags
}

func (c *callTalkCommand) Run(ctx context.Context, con console) error {
	request := c.request()
	if c.Do == "start" {
		return c.act(ctx, con, "talk start", c.Text, func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
			return client.StartTalk(ctx, c.UUID, request)
		})
	}
	if request != (voice.TalkRequest{}) {
		return errStopTakesNothing
	}
	return c.act(ctx, con, "talk stop", "", func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
		return client.StopTalk(ctx, c.UUID)
	})
}

func (c *callTalkCommand) request() voice.TalkRequest {
	r := voice.TalkRequest{
		Text: c.Text, Language: c.Language, Style: c.Style, VoiceName: c.Voice, Loop: c.Loop, Level: c.Level,
	}
	if c.Premium {
		r.Premium = &c.Premium
	}
	return r
}

type callDTMFCommand struct {
	callTarget
	Do     string `arg:"" enum:"start,subscribe,unsubscribe" help:"start sends DIGITS; subscribe forwards each key that the person presses to --url, which needs an asynchronous input in the call's NCCO; unsubscribe ends that."`
	Digits string `arg:"" optional:"" help:"Of 0-9, *, # and p, a pause of half a second. Quote them: * and # have a meaning in a shell."`
	URL    string `name:"url" placeholder:"URL" help:"Where pressed keys are sent."`
}

// Run never records the digits, which may be a secret.
func (c *callDTMFCommand) Run(ctx context.Context, con console) error {
	switch {
	case c.Do != "start" && c.Digits != "", c.Do != "subscribe" && c.URL != "":
		return fmt.Errorf("%w: digits belong to start, and --url to subscribe", cli.ErrUsage)
	case c.Do == "start":
		return c.act(ctx, con, "dtmf start", tones(c.Digits), func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
			return client.SendDTMF(ctx, c.UUID, c.Digits)
		})
	case c.Do == "subscribe":
		return c.act(ctx, con, "dtmf subscribe", withoutQuery(c.URL), func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
			return voice.Ack{}, client.SubscribeDTMF(ctx, c.UUID, c.URL)
		})
	}
	return c.act(ctx, con, "dtmf unsubscribe", "", noResult((*voice.Client).UnsubscribeDTMF, c.UUID))
}

func tones(digits string) string {
	return fmt.Sprintf("%d tones", len(digits)-strings.Count(digits, "p"))
}
