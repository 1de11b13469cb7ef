package contract_test

import (
	"encoding/json"
	"net/http"

	"dialer/voice"

	"github.com/google/uuid"
)

// endpoints calls every type of endpoint, with every member.
func (w *wire) endpoints() {
	request := voice.CallRequest{
		To:        []voice.Endpoint{voice.Phone{Number: "447700900101", DTMFAnswer: "p12#", Shaken: "identity"}},
		AnswerURL: receiver + "/answer", AnswerMethod: http.MethodPost, EventMethod: http.MethodPost,
		MachineDetection: "continue", LengthTimer: 600, RingingTimer: 45,
	}
	if w.form == today {
		request.AdvancedMachineDetection = &voice.AdvancedMachineDetection{Behavior: "continue", Mode: "detect_beep", BeepTimeout: 60}
	}
	w.mustCreate(request)
	lists := [][]voice.Endpoint{
		{voice.SIP{URI: "sip:a@sip.test", Headers: map[string]string{"tenant": "7"}, StandardHeaders: map[string]string{"User-to-User": "a1"}}},
		{voice.Websocket{
			URI: "wss://socket.test/a", ContentType: voice.AudioL16Rate16000, Headers: map[string]any{"customer": 7},
			Authorization: &voice.WebsocketAuthorization{Type: "custom", Value: "Bearer a"},
		}},
	}
	if w.form == today {
		lists = append(lists, []voice.Endpoint{voice.VBC{Extension: "123"}}, []voice.Endpoint{voice.App{User: "jamie"}})
		w.mustCreate(voice.CallRequest{To: to("447700900110"), RandomFromNumber: true, LengthTimer: 5})
		w.mustCreate(voice.CallRequest{To: to("447700900110"), From: "sip:desk@sip.test", LengthTimer: 5})
	}
	for _, list := range lists {
		w.mustCreate(voice.CallRequest{To: list})
	}
}

// outcomes makes calls with every outcome.
func (w *wire) outcomes() {
	for _, number := range []string{"103", "104", "105", "106", "107", "108", "109"} {
		w.mustCreate(voice.CallRequest{To: to("447700900" + number), MachineDetection: "hangup"})
	}
	w.mustCreate(voice.CallRequest{To: to("447700900110"), EventMethod: http.MethodGet, LengthTimer: 5})
}

// failingAnswers makes calls whose answer URL fails or returns an invalid NCCO.
func (w *wire) failingAnswers() {
	for _, path := range []string{"/failing", "/broken"} {
		w.mustCreate(voice.CallRequest{To: to("447700900110"), AnswerURL: receiver + path, AnswerMethod: http.MethodPost})
	}
}

// everyAction runs an NCCO with every action and every member.
func (w *wire) everyAction() {
	flow := voice.NCCO{
		voice.Talk{Text: "Press a key", Language: "en-GB", Style: new(1), Premium: new(true), Loop: new(1), Level: new(0.5), BargeIn: new(true), VoiceName: "Amy"},
		voice.Input{
			Type: []string{"dtmf", "speech"}, DTMF: &voice.DTMFSettings{TimeOut: new(5), MaxDigits: new(2), SubmitOnHash: new(true)},
			Speech: &voice.SpeechOptions{
				UUID: []string{"a"}, EndOnSilence: new(1.5), Language: "en-GB", Context: []string{"yes"}, StartTimeout: new(5),
				MaxDuration: new(30), SaveAudio: new(false), Sensitivity: new(50),
			},
			EventURL: []string{receiver + "/event"}, EventMethod: w.actionMethod(), Mode: "synchronous",
		},
		voice.Input{Type: []string{"dtmf"}, Mode: "asynchronous"},
		voice.Stream{StreamURL: []string{"https://sound.test/a.mp3"}, Level: new(-0.5), BargeIn: new(false), Loop: new(1)},
		voice.Record{
			Format: "wav", Split: "conversation", Channels: new(2), EndOnSilence: new(3), EndOnKey: "#", TimeOut: new(10),
			BeepStart: new(true), EventURL: []string{receiver + "/event"}, EventMethod: w.actionMethod(), Transcription: &transcription,
		},
		voice.Notify{Payload: json.RawMessage(`{"step":2}`), EventURL: []string{receiver + "/event"}, EventMethod: w.actionMethod()},
		voice.Wait{Timeout: new(0.5)},
	}
	flow = append(flow, w.connects()...)
	w.mustCreate(voice.CallRequest{To: to("447700900102"), NCCO: append(flow, voice.Conversation{
		Name: "room", MusicOnHoldURL: []string{"https://sound.test/b.mp3"}, StartOnEnter: new(true), EndOnExit: new(true), Record: new(false),
		CanSpeak: []string{"a"}, CanHear: []string{"b"}, Mute: new(false), Transcription: &transcription,
	}), LengthTimer: 900})
	w.mustCreate(voice.CallRequest{To: to("447700900110"), NCCO: voice.NCCO{
		voice.Transfer{ConversationID: "CON-" + uuid.NewString(), CanHear: []string{"a"}, CanSpeak: []string{}, Mute: new(true)},
	}, LengthTimer: 5})
}

var transcription = voice.Transcription{
	Language: "en-GB", EventURL: []string{receiver + "/event"}, EventMethod: http.MethodPost, SentimentAnalysis: new(true),
}

// actionMethod is the method of an action's events.
func (w *wire) actionMethod() string {
	if w.method == "" {
		return http.MethodPost
	}
	return w.method
}

// connects adds a leg to every type of endpoint.
func (w *wire) connects() voice.NCCO {
	var list voice.NCCO
	for _, e := range []voice.Endpoint{
		voice.Phone{
			Number: "447700900104", DTMFAnswer: "1", Shaken: "identity",
			OnAnswer: &voice.OnAnswer{URL: receiver + "/answer", RingbackTone: "https://sound.test/c.mp3"},
		},
		voice.SIP{URI: "sip:b@sip.test", Headers: map[string]string{"tenant": "7"}, StandardHeaders: map[string]string{"User-to-User": "a1"}},
		voice.VBC{Extension: "123"},
		voice.App{User: "jamie"},
		voice.Websocket{URI: "wss://socket.test/b", ContentType: voice.AudioL16Rate8000},
	} {
		list = append(list, voice.Connect{Endpoint: []voice.Endpoint{e}, From: caller, Limit: new(3), EventType: "synchronous"})
	}
	return append(list, voice.Connect{
		Endpoint: to("447700900105"), RandomFromNumber: new(true), Timeout: new(20), MachineDetection: "continue",
		AdvancedMachineDetection: &voice.AdvancedMachineDetection{Mode: "detect"},
		EventURL:                 []string{receiver + "/event"}, EventMethod: w.actionMethod(), RingbackTone: "https://sound.test/c.mp3",
	})
}
