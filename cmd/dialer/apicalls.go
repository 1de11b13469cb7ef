package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/httpapi"
	"dialer/internal/provider"
	"dialer/jobs"
	"dialer/voice"
)

// apiCalls asks Vonage for what came to the API, by the same code as the commands.
type apiCalls struct {
	node
	client *voice.Client
	caller *jobs.Caller // the one that makes the campaigns' calls
}

// callBody is a call as a program asks for it.
type callBody struct {
	To           string          `json:"to"`
	From         string          `json:"from"`
	Say          string          `json:"say"`
	NCCO         json.RawMessage `json:"ncco"`
	AnswerURL    string          `json:"answer_url"`
	Machine      string          `json:"machine"`
	RingingTimer *int            `json:"ringing_timer"`
	LengthTimer  *int            `json:"length_timer"`
}

// Make makes one call.
func (a apiCalls) Make(ctx context.Context, by app.Actor, body json.RawMessage) (httpapi.MadeCall, error) {
	attempt, request, err := a.order(body)
	if err != nil {
		return httpapi.MadeCall{}, err
	}
	made, err := makeManual(ctx, a.pagesDB, a.caller, by, attempt, request)
	if err != nil {
		return httpapi.MadeCall{}, err
	}
	if made.NotRecorded != nil {
		a.log.ErrorContext(ctx, "the outcome of a call is not on record", "attempt_id", attempt.ID, "error", made.NotRecorded)
	}
	if made.Outcome.Kind == campaign.OutcomeRefused {
		return httpapi.MadeCall{}, fmt.Errorf("no call was made: %w", refusedBy(made.Err))
	}
	return httpapi.MadeCall{
		AttemptID: attempt.ID.String(), CallUUID: made.Outcome.Evidence.CallUUID, Known: made.Outcome.Kind == campaign.OutcomeCreated,
	}, nil
}

// refusedBy is Vonage's answer as a plain reason, so that it does not count as our failure.
func refusedBy(err error) error {
	if err == nil {
		return errors.New("Vonage refused it")
	}
	return errors.New(err.Error())
}

// order reads what is asked for, with the rules of the command call create.
func (a apiCalls) order(body json.RawMessage) (attempt campaign.Attempt, request voice.CallRequest, err error) {
	var b callBody
	if err := strictJSON(body, &b); err != nil {
		return attempt, request, err
	}
	if err := b.complete(); err != nil {
		return attempt, request, err
	}
	order, misused := a.orderOf(b)
	attempt, request, err = order.build()
	err = errors.Join(withNames(err, memberOf), misused)
	if err == nil {
		err = request.Validate()
	}
	return attempt, request, err
}

// complete checks that what every call needs is there.
func (b callBody) complete() error {
	messages := 0
	for _, given := range []bool{b.Say != "", b.NCCO != nil, b.AnswerURL != ""} {
		if given {
			messages++
		}
	}
	switch {
	case b.To == "":
		return errors.New("to: want a telephone number")
	case messages != 1:
		return errors.New("want one of say, ncco and answer_url")
	}
	return nil
}

// orderOf is what the members ask for. The error is about an NCCO that cannot be read.
func (a apiCalls) orderOf(b callBody) (callOrder, error) {
	countries, _, err := campaign.ParseCountries(a.countries)
	if err != nil {
		err = fmt.Errorf("DIALER_COUNTRIES: %w", err)
	}
	o := callOrder{
		to:   callee{number: b.To, country: a.defaultCountry, countries: countries},
		from: b.From, randomFrom: b.From == "",
		say: b.Say, answerURL: b.AnswerURL, machine: b.Machine,
		ringingTimer: b.RingingTimer, lengthTimer: b.LengthTimer,
	}
	if b.NCCO != nil {
		var badNCCO error
		if o.ncco, badNCCO = knownNCCO(b.NCCO); badNCCO != nil {
			err = errors.Join(err, fmt.Errorf("ncco: %w", badNCCO))
		}
	}
	return o, err
}

// knownNCCO reads an NCCO, and refuses what this program does not know in it.
func knownNCCO(text []byte) (voice.NCCO, error) {
	actions, err := voice.ParseNCCO(text)
	if err != nil {
		return nil, err
	}
	return actions, provider.CheckKnown(actions)
}

// strictJSON refuses members that are not known. Its errors show no value.
func strictJSON(body []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return fmt.Errorf("%s: want %s", wrong.Field, wrong.Type)
		}
		return errors.New("the body is no JSON object of the members that are known here")
	}
	return nil
}

// actionOrder is what some actions want besides the call.
type actionOrder struct {
	URL      string          `json:"url"`      // transfer, stream
	NCCO     json.RawMessage `json:"ncco"`     // transfer
	Text     string          `json:"text"`     // talk
	Language string          `json:"language"` // talk
	Digits   string          `json:"digits"`   // dtmf
	Stop     bool            `json:"stop"`     // stream, talk
}

// Act does one thing to a call.
func (a apiCalls) Act(ctx context.Context, by app.Actor, uuid, action string, body json.RawMessage) (string, error) {
	var o actionOrder
	if len(bytes.TrimSpace(body)) > 0 {
		if err := strictJSON(body, &o); err != nil {
			return "", err
		}
	}
	do, detail, err := requestOf(uuid, action, o)
	if err != nil {
		return "", err
	}
	v := vonage{a.pagesDB, a.client}
	answer, err := app.Calls{Store: a.pagesDB}.Act(ctx, by, app.CallAction{CallUUID: uuid, Action: action, Detail: detail}, v.request(uuid, do))
	if errors.Is(err, voice.ErrNotFound) {
		err = fmt.Errorf("call %s has ended or is unknown to Vonage: %w", uuid, campaign.ErrNotFound)
	} else if _, told := errors.AsType[*voice.Error](err); told {
		err = errors.New(err.Error())
	}
	return answer, err
}

// requestOf is the request to Vonage, and how the audit tells of it: without digits.
func requestOf(uuid, action string, o actionOrder) (do callAction, detail string, err error) {
	switch action {
	case "hangup":
		return noResult((*voice.Client).Hangup, uuid), "", nil
	case "mute":
		return noResult((*voice.Client).Mute, uuid), "", nil
	case "unmute":
		return noResult((*voice.Client).Unmute, uuid), "", nil
	case "earmuff":
		return noResult((*voice.Client).Earmuff, uuid), "", nil
	case "unearmuff":
		return noResult((*voice.Client).Unearmuff, uuid), "", nil
	case "transfer":
		return transferOf(uuid, o)
	}
	return mediaOf(uuid, action, o)
}

func transferOf(uuid string, o actionOrder) (callAction, string, error) {
	switch {
	case (o.URL == "") == (o.NCCO == nil):
		return nil, "", errors.New("want one of url and ncco")
	case o.URL != "":
		return func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
			return voice.Ack{}, client.TransferToURL(ctx, uuid, o.URL)
		}, "to " + withoutQuery(o.URL), nil
	}
	actions, err := knownNCCO(o.NCCO)
	if err != nil {
		return nil, "", fmt.Errorf("ncco: %w", err)
	}
	return func(ctx context.Context, client *voice.Client) (voice.Ack, error) {
		return voice.Ack{}, client.TransferToNCCO(ctx, uuid, actions)
	}, fmt.Sprintf("to an NCCO of %d actions", len(actions)), nil
}

// mediaOf plays, speaks or sends tones.
func mediaOf(uuid, action string, o actionOrder) (callAction, string, error) {
	switch {
	case action == "stream" && o.Stop:
		return func(ctx context.Context, c *voice.Client) (voice.Ack, error) { return c.StopStream(ctx, uuid) }, "stop", nil
	case action == "talk" && o.Stop:
		return func(ctx context.Context, c *voice.Client) (voice.Ack, error) { return c.StopTalk(ctx, uuid) }, "stop", nil
	case action == "stream":
		return func(ctx context.Context, c *voice.Client) (voice.Ack, error) {
			return c.StartStream(ctx, uuid, voice.StreamRequest{URL: o.URL})
		}, withoutQuery(o.URL), nil
	case action == "talk":
		return func(ctx context.Context, c *voice.Client) (voice.Ack, error) {
			return c.StartTalk(ctx, uuid, voice.TalkRequest{Text: o.Text, Language: o.Language})
		}, o.Text, nil
	case action == "dtmf":
		return func(ctx context.Context, c *voice.Client) (voice.Ack, error) { return c.SendDTMF(ctx, uuid, o.Digits) }, tones(o.Digits), nil
	}
	return nil, "", campaign.ErrNotFound
}
