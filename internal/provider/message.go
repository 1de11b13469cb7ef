package provider

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/uuid"
)

// CallRequest makes the body of the attempt's POST. publicURL is where Vonage
// reaches our webhooks. An error says that Vonage would refuse this call, so
// the caller must not send it.
func CallRequest(publicURL string, p campaign.Placement) (voice.CallRequest, error) {
	message, err := p.Settings.Message.Render(p.Vars)
	if err != nil {
		return voice.CallRequest{}, err
	}
	events, err := webhookURL(publicURL, "event", p.Attempt.ID)
	if err != nil {
		return voice.CallRequest{}, err
	}
	r := voice.CallRequest{
		To:                       []voice.Endpoint{voice.Phone{Number: p.Attempt.To, DTMFAnswer: message.DTMFAnswer}},
		From:                     p.Attempt.From,
		EventURL:                 events,
		EventMethod:              http.MethodPost,
		MachineDetection:         p.Settings.Machine,
		AdvancedMachineDetection: advancedDetection(p.Settings),
		RingingTimer:             p.Settings.RingingTimer,
		LengthTimer:              p.Settings.LengthTimer,
	}
	if message.AnswerURL != "" {
		r.AnswerMethod = p.Settings.Message.AnswerMethod
		r.AnswerURL, err = campaign.CallbackURL(message.AnswerURL, p.Attempt.ID)
	} else {
		r.NCCO, err = ncco(publicURL, p.Attempt.ID, message)
	}
	return r, errors.Join(err, r.Validate())
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
	actions, err := ncco(publicURL, p.Attempt.ID, message)
	return actions, errors.Join(err, actions.Validate())
}

// ncco lets Vonage send us what people key in and say, except where the
// campaign's own NCCO names another address for it.
func ncco(publicURL string, attempt uuid.UUID, message campaign.Rendered) (voice.NCCO, error) {
	inputs, err := webhookURL(publicURL, "input", attempt)
	if err != nil {
		return nil, err
	}
	actions, err := voice.ParseNCCO(message.NCCO)
	return actions.WithInputURL(inputs), err
}

// webhookURL is the address of one of our webhooks for one attempt.
func webhookURL(publicURL, name string, attempt uuid.UUID) (string, error) {
	address, err := campaign.CallbackURL(strings.TrimRight(publicURL, "/")+"/webhooks/"+name, attempt)
	if err != nil {
		return "", fmt.Errorf("public URL: %w", err)
	}
	return address, nil
}

// advancedDetection is Vonage's detection of machines that is charged for, nil
// unless the campaign asks for it.
func advancedDetection(s campaign.Settings) *voice.AdvancedMachineDetection {
	if s.MachineMode == "" {
		return nil
	}
	return &voice.AdvancedMachineDetection{Behavior: s.Machine, Mode: s.MachineMode, BeepTimeout: s.BeepTimeout}
}
