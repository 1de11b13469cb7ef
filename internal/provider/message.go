package provider

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/uuid"
)

// CallRequest makes the body of the attempt's POST. publicURL is where Vonage
// reaches our webhooks. An error means that Vonage would refuse this call, so the caller
// must not send it.
func CallRequest(publicURL string, p campaign.Placement) (voice.CallRequest, error) {
	message, err := p.Settings.Message.Render(p.Vars)
	if err != nil {
		return voice.CallRequest{}, err
	}
	return request(publicURL, p.Attempt, p.Settings, message)
}

// request is the body of the attempt's POST, whose message was made.
func request(publicURL string, a campaign.Attempt, s campaign.Settings, message campaign.Rendered) (voice.CallRequest, error) {
	events, err := webhookURL(publicURL, "event", a.ID)
	if err != nil {
		return voice.CallRequest{}, err
	}
	r := voice.CallRequest{
		//guard:value chaos.Calm: a retry goes to the same number
		To:                       []voice.Endpoint{voice.Phone{Number: a.To, DTMFAnswer: message.DTMFAnswer}},
		From:                     a.From,
		EventURL:                 events,
		EventMethod:              http.MethodPost,
		MachineDetection:         s.Machine,
		AdvancedMachineDetection: advancedDetection(s),
		RingingTimer:             s.RingingTimer,
		LengthTimer:              s.LengthTimer,
	}
	if message.AnswerURL != "" {
		r.AnswerMethod = s.Message.AnswerMethod
		r.AnswerURL, err = campaign.CallbackURL(message.AnswerURL, a.ID)
	} else {
		r.NCCO, err = ncco(publicURL, a, s, message)
	}
	return r, errors.Join(err, r.Validate())
}

// CheckMessage reports whether Vonage would accept a call of the campaign with the
// message, before anybody is called. It renders and validates like CallRequest. An action
// or member that we do not know is a mistake, unless unknown ones are allowed.
func CheckMessage(s campaign.Settings, message campaign.Rendered, allowUnknown bool) error {
	a := campaign.Attempt{To: s.From[0], From: s.From[0]} // any number will do
	r, err := request("https://dialer.invalid", a, s, message)
	if err == nil && message.Script != nil {
		//guard:drop internal/provider.TestCheckMessage: what a key makes the call say is checked too
		err = newDialogueCheck("https://dialer.invalid", a.ID, s, message.Script)
	}
	//guard:false internal/provider.TestCheckMessage: what is mistyped in an NCCO is not sent
	if err == nil && !allowUnknown {
		err = OrAllowUnknown(CheckKnown(r.NCCO))
	}
	if err != nil {
		return fmt.Errorf("Vonage would refuse the message: %w", err)
	}
	return nil
}

// Legs is how many further calls a message may open by connect, by itself or with a key.
// The message was validated, so it can be read. The content of an answer URL is not
// known.
func Legs(message campaign.Rendered, s campaign.Settings) int {
	actions, _ := voice.ParseNCCO(message.NCCO)
	return actions.Connects() + s.Message.KeyLegs()
}

// CheckKnown refuses unknown actions and members.
func CheckKnown(actions voice.NCCO) error {
	unknown := actions.Unknown()
	if len(unknown) == 0 {
		return nil
	}
	return fmt.Errorf("not known in Vonage's API: %s; correct it", strings.Join(unknown, "; "))
}

// OrAllowUnknown adds to an error of CheckKnown what a command can do about it, and a
// program that asks for a call by the API cannot.
func OrAllowUnknown(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w, or send it as it is with --allow-unknown", err)
}

// NCCO makes the NCCO of the attempt's call: the one that CallRequest sends.
func NCCO(publicURL string, p campaign.Placement) (voice.NCCO, error) {
	message, err := p.Settings.Message.Render(p.Vars)
	if err != nil {
		return nil, err
	}
	if message.AnswerURL != "" {
		return nil, errors.New("the campaign's own answer URL serves its NCCO")
	}
	actions, err := ncco(publicURL, p.Attempt, p.Settings, message)
	return actions, errors.Join(err, actions.Validate())
}

// ncco is the beginning of the call: the script's opening, or the campaign's own NCCO. In
// the latter it makes Vonage send us keys and words, unless the NCCO names another
// address for them.
func ncco(publicURL string, a campaign.Attempt, s campaign.Settings, message campaign.Rendered) (voice.NCCO, error) {
	if message.Script != nil {
		d, err := newDialogue(publicURL, a, s, message.Script)
		return d.opening(), err
	}
	inputs, err := webhookURL(publicURL, "input", a.ID)
	if err != nil {
		return nil, err
	}
	events, err := webhookURL(publicURL, "event", a.ID)
	if err != nil {
		return nil, err
	}
	actions, err := voice.ParseNCCO(message.NCCO)
	return actions.WithInputURL(inputs).WithLegURL(events + legMark), err
}

// legMark in an event's address marks the events of a leg that connect opened; its
// address has the attempt's id too. Nothing else in an event shows that with certainty.
const legMark = "&leg=1"

// IsLeg reports whether the address has the mark.
func IsLeg(q url.Values) bool { return q.Get("leg") == "1" }

// webhookURL is the address of one of our webhooks for one attempt.
func webhookURL(publicURL, name string, attempt uuid.UUID) (string, error) {
	address, err := campaign.CallbackURL(strings.TrimRight(publicURL, "/")+"/webhooks/"+name, attempt)
	if err != nil {
		return "", fmt.Errorf("public URL: %w", err)
	}
	return address, nil
}

// inboundURL is webhookURL for an incoming call.
func inboundURL(publicURL, name string, inbound uuid.UUID) (string, error) {
	address, err := campaign.InboundURL(strings.TrimRight(publicURL, "/")+"/webhooks/"+name, inbound)
	if err != nil {
		return "", fmt.Errorf("public URL: %w", err)
	}
	return address, nil
}

// advancedDetection is Vonage's paid detection of machines; nil unless the campaign uses
// it.
func advancedDetection(s campaign.Settings) *voice.AdvancedMachineDetection {
	if s.MachineMode == "" {
		return nil
	}
	return &voice.AdvancedMachineDetection{Behavior: s.Machine, Mode: s.MachineMode, BeepTimeout: s.BeepTimeout}
}
