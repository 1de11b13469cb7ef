package provider

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/uuid"
)

// The payloads of our notify actions: what was played to its end.
const (
	payloadHeard = `{"dialer":"heard"}`
	payloadLeft  = `{"dialer":"voicemail"}`
	// payloadSorry: a key got no answer in time, and the call ended with our apology.
	payloadSorry = `{"dialer":"sorry"}`
)

// earlySeconds is how long the call waits for a key right after the message. A talk that
// a key may cut must be followed by an input, so the notify action that reports the
// message as heard comes with the answer to this input. With 0, the least that Vonage
// accepts, the input only delivers the key that cut the message: see decision 180.
const earlySeconds = 0

const (
	// speechSeconds is how long somebody may speak in place of a key.
	speechSeconds = 10
	// A recording ends with recordKey, or after recordSilence seconds of silence.
	recordKey     = "#"
	recordSilence = 4
)

// dialogue makes the NCCOs of one call's script.
type dialogue struct {
	script          campaign.Script
	attempt         campaign.Attempt
	events, inputs  string // addresses
	beepWaitSeconds int
}

// newDialogue makes the dialogue of the attempt's call.
func newDialogue(publicURL string, a campaign.Attempt, s campaign.Settings, script *campaign.Script) (dialogue, error) {
	return dialogueAt(webhookURL, publicURL, a.ID, a, s, script)
}

// dialogueAt is newDialogue with addresses that name the id.
func dialogueAt(address func(publicURL, name string, id uuid.UUID) (string, error), publicURL string, id uuid.UUID, a campaign.Attempt, s campaign.Settings, script *campaign.Script) (dialogue, error) {
	events, err := address(publicURL, "event", id)
	inputs, err2 := address(publicURL, "input", id)
	wait := campaign.BeepWait
	if s.BeepTimeout > 0 {
		wait = s.BeepTimeout
	}
	return dialogue{script: *script, attempt: a, events: events, inputs: inputs, beepWaitSeconds: wait}, errors.Join(err, err2)
}

// opening is the NCCO with which the call begins.
func (d dialogue) opening() voice.NCCO { return d.message(campaign.First) }

// message speaks the message and listens at the turn.
func (d dialogue) message(at campaign.Turn) voice.NCCO {
	say := d.repeated(d.script.Say, len(d.script.Keys) > 0)
	if len(d.script.Keys) == 0 {
		return voice.NCCO{say, d.notify(payloadHeard)}
	}
	patient := at
	patient.Early = false
	return append(voice.NCCO{say, d.listen(at, earlySeconds)}, d.await(patient)...)
}

// goOn follows if nobody pressed a key while the message was spoken: it was heard. The
// notice is here and not after the first input, because there it would be wrong if the
// event of a key that cut the message got lost.
func (d dialogue) goOn(at campaign.Turn) voice.NCCO {
	at.Early, at.Played = false, true
	return append(voice.NCCO{d.notify(payloadHeard)}, d.await(at)...)
}

// await waits for a key. The answer to it is another NCCO. So the actions after the input
// run only if there was no answer, for which Vonage waits ten seconds.
func (d dialogue) await(at campaign.Turn) voice.NCCO {
	return voice.NCCO{d.listen(at, d.script.Wait), d.talk(d.script.Apology(), false), d.notify(payloadSorry)}
}

// reply is the NCCO that follows a turn.
func (d dialogue) reply(r campaign.Reaction) voice.NCCO {
	var n voice.NCCO
	for _, text := range r.Say {
		n = append(n, d.talk(text, r.Listen && !r.Again))
	}
	switch {
	case r.Again && r.Listen:
		return append(n, d.message(r.Next)...)
	case r.Listen:
		return append(n, d.await(r.Next)...)
	case r.Key.Connect != "":
		return append(n, d.connect(r.Key.Connect))
	case r.Key.Record != 0:
		return append(n, d.record(r.Key.Record))
	case len(n) == 0:
		// After an empty NCCO the call would continue with its present one.
		return voice.NCCO{voice.Wait{Timeout: new(0.1)}}
	}
	return n
}

// voicemail is the text for a machine: after its beep, or after waiting for the beep.
func (d dialogue) voicemail(beeped bool) voice.NCCO {
	n := voice.NCCO{d.talk(d.script.Voicemail, false), d.notify(payloadLeft)}
	if beeped {
		return n
	}
	return append(voice.NCCO{voice.Wait{Timeout: new(float64(d.beepWaitSeconds))}}, n...)
}

// talk says a text, or plays the sound that the text names.
func (d dialogue) talk(text string, cut bool) voice.Action { return d.looped(text, cut, 0) }

// repeated says the message as often as the campaign wants.
func (d dialogue) repeated(text string, cut bool) voice.Action {
	return d.looped(text, cut, d.script.Loop)
}

func (d dialogue) looped(text string, cut bool, loop int) voice.Action {
	var bargeIn *bool
	var times *int
	var level *float64
	if cut {
		bargeIn = &cut
	}
	if loop > 1 {
		times = &loop
	}
	if d.script.Level != 0 {
		level = &d.script.Level
	}
	if address, ok := campaign.Sound(text); ok {
		return voice.Stream{StreamURL: []string{address}, BargeIn: bargeIn, Loop: times, Level: level}
	}
	return voice.Talk{Text: text, Language: d.script.Language, BargeIn: bargeIn, Loop: times, Level: level}
}

// record keeps what the person says, until they press a key, are silent or have said
// enough. The event with its address comes to the attempt's address.
func (d dialogue) record(seconds int) voice.Record {
	return voice.Record{
		TimeOut: &seconds, EndOnKey: recordKey, EndOnSilence: new(recordSilence), BeepStart: new(true),
		EventURL: []string{d.events}, EventMethod: "POST",
	}
}

func (d dialogue) notify(payload string) voice.Notify {
	return voice.Notify{Payload: []byte(payload), EventURL: []string{d.events}, EventMethod: "POST"}
}

// listen waits for one key, or for a word after the message was played.
func (d dialogue) listen(at campaign.Turn, seconds int) voice.Input {
	in := voice.Input{
		Type: []string{"dtmf"}, DTMF: &voice.DTMFSettings{TimeOut: &seconds, MaxDigits: new(1)},
		EventURL: []string{d.inputs + "&" + turnQuery(at)}, EventMethod: "POST",
	}
	if len(d.script.Words) > 0 && !at.Early {
		in.Type = append(in.Type, "speech")
		in.Speech = &voice.SpeechOptions{
			Language: d.script.Language, Context: slices.Sorted(maps.Keys(d.script.Words)), StartTimeout: &seconds, MaxDuration: new(speechSeconds),
		}
	}
	return in
}

// connect puts the person through. The leg's events come to the attempt's address with a
// mark that they belong to a leg.
func (d dialogue) connect(to string) voice.Connect {
	c := voice.Connect{From: d.attempt.From, EventURL: []string{d.events + legMark}, EventMethod: "POST"}
	if strings.HasPrefix(to, "sip") {
		c.Endpoint = []voice.Endpoint{voice.SIP{URI: to}}
	} else {
		c.Endpoint = []voice.Endpoint{voice.Phone{Number: to}}
	}
	return c
}

// turnQuery writes a turn into an address.
func turnQuery(at campaign.Turn) string {
	q := url.Values{"turn": {strconv.Itoa(at.No)}, "try": {strconv.Itoa(at.Try)}}
	if at.Early {
		q.Set("early", "1")
	}
	if at.Played {
		q.Set("played", "1")
	}
	return q.Encode()
}

// ParseTurn reads the turn in the address of an input. ok is false if there is none, as
// with the inputs of a campaign's own NCCO.
func ParseTurn(q url.Values) (campaign.Turn, bool) {
	no, err := strconv.Atoi(q.Get("turn"))
	try, err2 := strconv.Atoi(q.Get("try"))
	at := campaign.Turn{No: no, Try: try, Early: q.Get("early") == "1", Played: q.Get("played") == "1"}
	return at, err == nil && err2 == nil && at.Valid()
}

// Answer is the result of an input: the facts to store, and the next NCCO.
type Answer struct {
	Said campaign.Said
	NCCO voice.NCCO
}

// AnswerInput decides what follows keys or words at a turn of the attempt's call.
func AnswerInput(publicURL string, p campaign.Placement, at campaign.Turn, pressed string, said []campaign.Utterance) (Answer, error) {
	message, err := p.Settings.Message.Render(p.Vars)
	if err != nil {
		return Answer{}, err
	}
	if message.Script == nil {
		return Answer{}, errors.New("the campaign's message is its own NCCO")
	}
	d, err := dialogueOf(publicURL, p, message.Script)
	if err != nil {
		return Answer{}, err
	}
	if pressed == "" && len(said) > 0 && len(message.Script.Words) > 0 {
		pressed = message.Script.Understood(said)
	}
	r := message.Script.React(at, pressed)
	// A person who gets here heard the message, even if the notice got lost.
	a := Answer{Said: campaign.Said{Turn: at.No, Pressed: pressed, Heard: at.Played}}
	//guard:value(r.Key.OptOut) internal/provider.TestTestCallOptsNobodyOut: who tests a campaign on their own telephone is not suppressed
	if r.Key.OptOut && p.Attempt.Kind != campaign.ManualCall {
		a.Said.OptOut = p.Settings.Message.Scope()
	}
	if a.NCCO = d.reply(r); r.GoOn {
		a.NCCO = d.goOn(at)
	}
	return a, a.NCCO.Validate()
}

// dialogueOf is the dialogue of the attempt's call, or of the call in which the
// person rang back.
func dialogueOf(publicURL string, p campaign.Placement, script *campaign.Script) (dialogue, error) {
	if p.Inbound == uuid.Nil {
		return newDialogue(publicURL, p.Attempt, p.Settings, script)
	}
	return dialogueAt(inboundURL, publicURL, p.Inbound, p.Attempt, p.Settings, script)
}

// InboundNCCO is what a person who rings back hears: the attempt's message.
func InboundNCCO(publicURL string, p campaign.Placement) (voice.NCCO, error) {
	message, err := p.Settings.Message.Render(p.Vars)
	if err != nil {
		return nil, err
	}
	if message.Script == nil {
		return nil, errors.New("the campaign's message is its own NCCO")
	}
	d, err := dialogueOf(publicURL, p, message.Script)
	if err != nil {
		return nil, err
	}
	n := d.opening()
	return n, n.Validate()
}

// VoicemailNCCO is how the attempt's call continues after a machine was detected; nil if
// the campaign has no text for machines.
func VoicemailNCCO(publicURL string, p campaign.Placement, beeped bool) (voice.NCCO, error) {
	if p.Settings.Message.Voicemail == "" {
		return nil, nil
	}
	message, err := p.Settings.Message.Render(p.Vars)
	if err != nil || message.Script == nil || message.Script.Voicemail == "" {
		return nil, err
	}
	d, err := newDialogue(publicURL, p.Attempt, p.Settings, message.Script)
	if err != nil {
		return nil, err
	}
	n := d.voicemail(beeped)
	return n, n.Validate()
}

// check reports whether Vonage would accept everything that the script may say.
func (d dialogue) check() error {
	n := d.opening()
	if len(d.script.Keys) > 0 {
		n = append(n, d.goOn(campaign.First)...)
	}
	for _, pressed := range append(d.script.Pressable(), "", "wrong") {
		n = append(n, d.reply(d.script.React(campaign.Turn{No: 1, Try: 1}, pressed))...)
	}
	if d.script.Voicemail != "" {
		n = append(n, d.voicemail(false)...)
	}
	if err := n.Validate(); err != nil {
		return fmt.Errorf("the dialogue: %w", err)
	}
	return nil
}

func newDialogueCheck(publicURL string, attempt uuid.UUID, s campaign.Settings, script *campaign.Script) error {
	d, err := newDialogue(publicURL, campaign.Attempt{ID: attempt, From: s.From[0]}, s, script)
	if err != nil {
		return err
	}
	return d.check()
}
