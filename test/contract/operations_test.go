package contract_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// What happens when one of these is called.
var scripts = map[string][]voicesim.Script{
	"447700900101": {{Outcome: "machine", Talk: time.Hour, Beep: 3 * time.Second}},
	"447700900102": {{Outcome: "answered", Talk: time.Hour, Digits: []string{"42", "7#"}, Speech: []string{"yes"}}},
	"447700900103": {{Outcome: "human", Talk: time.Minute}},
	"447700900104": {{Outcome: "busy"}},
	"447700900105": {{Outcome: "unanswered"}},
	"447700900106": {{Outcome: "timeout"}},
	"447700900107": {{Outcome: "failed"}},
	"447700900108": {{Outcome: "rejected"}},
	"447700900109": {{Outcome: "cancelled"}},
	"447700900110": {{Outcome: "answered", Talk: time.Hour}},
}

// TestClientAndSimulatorKeepToTheDocument sends every operation with every
// field past the document, in both forms, and counts the fields: none that the
// document has may be missing, but for those that the contract never had.
func TestClientAndSimulatorKeepToTheDocument(t *testing.T) {
	t.Parallel()
	for form, absent := range map[string][]string{today: nil, oldContract: notInTheContract} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := play(t, form, "")
				defer w.close()
				if diff := cmp.Diff(absent, w.cover.unseen()); diff != "" {
					t.Errorf("fields never seen (-want +got):\n%s", diff)
				}
				w.checkKinds()
			})
		})
	}
}

// TestGETFormKeepsToTheDocument does the same with all callbacks by GET, and
// counts the members of events and questions that came as parameters.
func TestGETFormKeepsToTheDocument(t *testing.T) {
	t.Parallel()
	for form, absent := range map[string][]string{today: nil, oldContract: callbackFields(notInTheContract)} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := play(t, form, http.MethodGet)
				defer w.close()
				if diff := cmp.Diff(absent, callbackFields(w.cover.unseen())); diff != "" {
					t.Errorf("members never seen (-want +got):\n%s", diff)
				}
				w.checkKinds()
			})
		})
	}
}

var ofCallback = regexp.MustCompile(`^(\w+Event(Today|Contract)?|AnswerQuestion)\.`)

func callbackFields(names []string) []string {
	var fields []string
	for _, name := range names {
		if ofCallback.MatchString(name) {
			fields = append(fields, name)
		}
	}
	return fields
}

// A member that a callback by GET leaves out, or leaves empty, is seen.
func TestMemberDroppedFromTheGETFormIsSeen(t *testing.T) {
	t.Parallel()
	doc := load(t, today)
	event := component(t, doc, "Event")
	busy := url.Values{
		"headers": {"{}"}, "from": {caller}, "to": {"447700900101"}, "uuid": {uuid.NewString()}, "conversation_uuid": {"CON-" + uuid.NewString()},
		"status": {"busy"}, "direction": {"outbound"}, "sip_code": {"486"}, "timestamp": {"2026-03-02T12:00:00.000Z"},
	}
	require.NoError(t, event.VisitJSON(fromQuery(event, busy)))
	for name := range busy {
		dropped, empty := maps.Clone(busy), maps.Clone(busy)
		delete(dropped, name)
		empty.Set(name, "")
		for _, wrong := range []url.Values{dropped, empty} {
			if event.VisitJSON(fromQuery(event, wrong)) == nil {
				t.Errorf("%s as %q is not seen", name, wrong[name])
			}
		}
	}
}

// checkKinds wants every event to have come. The contract knows no human.
func (w *wire) checkKinds() {
	for _, kind := range []string{
		"started", "ringing", "answered", "human", "machine", "busy", "unanswered", "timeout", "failed", "rejected",
		"cancelled", "completed", "disconnected", "transfer", "input", "notify", "record", "error", "/answer", "/fallback",
	} {
		if w.kinds[kind] == (kind == "human" && w.form == oldContract) {
			w.t.Errorf("came %s: %t", kind, w.kinds[kind])
		}
	}
}

// play does everything there is to do, and waits until all calls are over.
// Callbacks come by the method, or by Vonage's defaults where that is "".
func play(t *testing.T, form, method string) *wire {
	w := connect(t, form, voicesim.Config{
		Outcomes:          voicesim.Outcomes{ByNumber: scripts},
		FallbackAnswerURL: receiver + "/fallback",
	})
	w.method = method
	w.answers("/answer", voice.NCCO{voice.Talk{Text: "Hello", Loop: new(0)}})
	w.answers("/fallback", voice.NCCO{voice.Talk{Text: "Sorry"}})
	w.reply["/broken"], w.status["/failing"] = []byte(`[{"action":"sing"}]`), http.StatusServiceUnavailable
	w.endpoints()
	w.outcomes()
	w.answersThatFail()
	w.everyAction()
	w.control()
	w.refusals()
	time.Sleep(3 * time.Hour)
	synctest.Wait()
	w.lists()
	w.tooMany()
	return w
}

// make makes a call, and fails the test when it cannot.
func (w *wire) make(r voice.CallRequest) string {
	w.t.Helper()
	created, err := w.create(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return created.UUID
}

func (w *wire) create(r voice.CallRequest) (voice.Created, error) {
	if r.From == "" && !r.RandomFromNumber {
		r.From = caller
	}
	if len(r.NCCO) == 0 && r.AnswerURL == "" {
		r.NCCO = voice.NCCO{voice.Talk{Text: "Hello", Loop: new(0)}}
	}
	r.EventURL = receiver + "/event"
	if w.method != "" {
		r.EventMethod = w.method
	}
	if w.method != "" && r.AnswerURL != "" {
		r.AnswerMethod = w.method
	}
	return w.client.CreateCall(w.t.Context(), nil, w.newToken(), r)
}

func (w *wire) newToken() voice.SignedToken {
	now := time.Now()
	token, err := w.client.SignToken(voice.Token{ID: uuid.NewString(), IssuedAt: now.Add(-time.Second), ExpiresAt: now.Add(30 * time.Second)})
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func to(number string) []voice.Endpoint { return []voice.Endpoint{voice.Phone{Number: number}} }

// endpoints calls every kind there is, with every member.
func (w *wire) endpoints() {
	request := voice.CallRequest{
		To:        []voice.Endpoint{voice.Phone{Number: "447700900101", DTMFAnswer: "p12#", Shaken: "identity"}},
		AnswerURL: receiver + "/answer", AnswerMethod: http.MethodPost, EventMethod: http.MethodPost,
		MachineDetection: "continue", LengthTimer: 600, RingingTimer: 45,
	}
	if w.form == today {
		request.AdvancedMachineDetection = &voice.AdvancedMachineDetection{Behavior: "continue", Mode: "detect_beep", BeepTimeout: 60}
	}
	w.make(request)
	lists := [][]voice.Endpoint{
		{voice.SIP{URI: "sip:a@sip.test", Headers: map[string]string{"tenant": "7"}, StandardHeaders: map[string]string{"User-to-User": "a1"}}},
		{voice.Websocket{
			URI: "wss://socket.test/a", ContentType: voice.AudioL16Rate16000, Headers: map[string]any{"customer": 7},
			Authorization: &voice.WebsocketAuthorization{Type: "custom", Value: "Bearer a"},
		}},
	}
	if w.form == today {
		lists = append(lists, []voice.Endpoint{voice.VBC{Extension: "123"}}, []voice.Endpoint{voice.App{User: "jamie"}})
		w.make(voice.CallRequest{To: to("447700900110"), RandomFromNumber: true, LengthTimer: 5})
		w.make(voice.CallRequest{To: to("447700900110"), From: "sip:desk@sip.test", LengthTimer: 5})
	}
	for _, list := range lists {
		w.make(voice.CallRequest{To: list})
	}
}

// outcomes has calls end in every way.
func (w *wire) outcomes() {
	for _, number := range []string{"103", "104", "105", "106", "107", "108", "109"} {
		w.make(voice.CallRequest{To: to("447700900" + number), MachineDetection: "hangup"})
	}
	w.make(voice.CallRequest{To: to("447700900110"), EventMethod: http.MethodGet, LengthTimer: 5})
}

// answersThatFail brings the fallback, and an NCCO that cannot be read.
func (w *wire) answersThatFail() {
	for _, path := range []string{"/failing", "/broken"} {
		w.make(voice.CallRequest{To: to("447700900110"), AnswerURL: receiver + path, AnswerMethod: http.MethodPost})
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
			EventURL: []string{receiver + "/event"}, EventMethod: w.how(), Mode: "synchronous",
		},
		voice.Input{Type: []string{"dtmf"}, Mode: "asynchronous"},
		voice.Stream{StreamURL: []string{"https://sound.test/a.mp3"}, Level: new(-0.5), BargeIn: new(false), Loop: new(1)},
		voice.Record{
			Format: "wav", Split: "conversation", Channels: new(2), EndOnSilence: new(3), EndOnKey: "#", TimeOut: new(10),
			BeepStart: new(true), EventURL: []string{receiver + "/event"}, EventMethod: w.how(), Transcription: &transcription,
		},
		voice.Notify{Payload: json.RawMessage(`{"step":2}`), EventURL: []string{receiver + "/event"}, EventMethod: w.how()},
		voice.Wait{Timeout: new(0.5)},
	}
	flow = append(flow, w.connects()...)
	w.make(voice.CallRequest{To: to("447700900102"), NCCO: append(flow, voice.Conversation{
		Name: "room", MusicOnHoldURL: []string{"https://sound.test/b.mp3"}, StartOnEnter: new(true), EndOnExit: new(true), Record: new(false),
		CanSpeak: []string{"a"}, CanHear: []string{"b"}, Mute: new(false), Transcription: &transcription,
	}), LengthTimer: 900})
	w.make(voice.CallRequest{To: to("447700900110"), NCCO: voice.NCCO{
		voice.Transfer{ConversationID: "CON-" + uuid.NewString(), CanHear: []string{"a"}, CanSpeak: []string{}, Mute: new(true)},
	}, LengthTimer: 5})
}

var transcription = voice.Transcription{
	Language: "en-GB", EventURL: []string{receiver + "/event"}, EventMethod: http.MethodPost, SentimentAnalysis: new(true),
}

// how an action's own events come.
func (w *wire) how() string {
	if w.method == "" {
		return http.MethodPost
	}
	return w.method
}

// connects adds a leg of every kind, most of which nobody answers.
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
		EventURL:                 []string{receiver + "/event"}, EventMethod: w.how(), RingbackTone: "https://sound.test/c.mp3",
	})
}

// control does all that can be done to a call that is in progress.
func (w *wire) control() {
	ctx, c := w.t.Context(), w.client
	id := w.make(voice.CallRequest{To: to("447700900110"), NCCO: voice.NCCO{
		voice.Input{Type: []string{"dtmf"}, Mode: "asynchronous"}, voice.Talk{Text: "Hello", Loop: new(0)},
	}})
	time.Sleep(20 * time.Second)
	w.both(c.StartTalk(ctx, id, voice.TalkRequest{
		Text: "Hello", Language: "en-GB", Style: new(1), Premium: new(false), VoiceName: "Amy", Loop: new(0), Level: new(0.4),
	}))
	_, err := c.StartTalk(ctx, id, voice.TalkRequest{Text: "Once more"})
	w.refused(err, http.StatusBadRequest)
	w.both(c.StopTalk(ctx, id))
	w.both(c.StartStream(ctx, id, voice.StreamRequest{URL: "https://sound.test/a.mp3", Loop: new(0), Level: new(-1.0)}))
	w.both(c.StopStream(ctx, id))
	w.both(c.SendDTMF(ctx, id, "p17#"))
	steps := []error{c.Mute(ctx, id), c.Unmute(ctx, id), c.Earmuff(ctx, id), c.Unearmuff(ctx, id)}
	if w.form == today {
		steps = append(steps, c.SubscribeDTMF(ctx, id, receiver+"/event"), c.UnsubscribeDTMF(ctx, id))
		steps = append(steps, c.TransferToNCCO(ctx, id, voice.NCCO{voice.Talk{Text: "Elsewhere", Loop: new(0)}}))
	}
	steps = append(steps, c.TransferToURL(ctx, id, receiver+"/answer"), c.Hangup(ctx, id))
	if err := errors.Join(steps...); err != nil {
		w.t.Error(err)
	}
	_, err = c.GetCall(ctx, id)
	w.succeeded(err)
}

func (w *wire) both(ack voice.Ack, err error) {
	w.t.Helper()
	w.succeeded(err)
	if ack.Message == "" || ack.UUID == "" {
		w.t.Errorf("acknowledged by %+v", ack)
	}
}

func (w *wire) succeeded(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// refused wants an error of that status, with a text read from its body.
func (w *wire) refused(err error, status int) {
	w.t.Helper()
	failure, ok := errors.AsType[*voice.Error](err)
	if !ok || failure.Status != status || failure.Title == "" {
		w.t.Errorf("got %v, want an error with status %d and its title", err, status)
	}
}

// refusals asks for what is refused: 400 in shapes A and B, 401 and 404.
func (w *wire) refusals() {
	ctx := w.t.Context()
	id := w.make(voice.CallRequest{To: to("447700900106")})
	w.refused(w.client.Mute(ctx, id), http.StatusBadRequest) // too young, and then not answered
	for _, c := range []*voice.Client{w.client, w.dial(testkey.Other())} {
		status := http.StatusNotFound
		if c != w.client {
			status = http.StatusUnauthorized
		}
		gone := uuid.NewString()
		_, err := c.GetCall(ctx, gone)
		w.refused(err, status)
		w.refused(c.Hangup(ctx, gone), status)
	}
	_, err := w.client.CreateCall(ctx, nil, w.newToken(), voice.CallRequest{
		To: slices.Concat(to("447700900101"), to("447700900102")), From: caller, AnswerURL: receiver + "/answer", EventURL: receiver + "/event",
	})
	w.refused(err, http.StatusBadRequest)
}

// lists reads pages, with every filter.
func (w *wire) lists() {
	ctx := w.t.Context()
	all, err := w.client.ListCalls(ctx, voice.ListFilter{PageSize: 5, RecordIndex: 5})
	if err != nil || len(all.Calls) != 5 || !all.More && w.form == today {
		w.t.Fatalf("%d calls, more: %t; %v", len(all.Calls), all.More, err)
	}
	some := all.Calls[0]
	page, err := w.client.ListCalls(ctx, voice.ListFilter{
		Status: some.Status, DateStart: time.Now().Add(-4 * time.Hour), DateEnd: time.Now(), PageSize: 100, Order: "desc",
		ConversationUUID: some.ConversationUUID,
	})
	if err != nil || !slices.ContainsFunc(page.Calls, func(c voice.Call) bool { return c.UUID == some.UUID }) {
		w.t.Errorf("%d calls without the one that was asked for: %v", len(page.Calls), err)
	}
	for _, status := range component(w.t, w.doc, "CallStatus").Enum {
		_, err := w.client.ListCalls(ctx, voice.ListFilter{Status: status.(string)})
		w.succeeded(err)
	}
}

// tooMany brings 429, in shape C.
func (w *wire) tooMany() {
	other := connect(w.t, w.form, voicesim.Config{CallsPerSecond: 1})
	defer other.close()
	other.cover, other.samples = w.cover, w.samples
	other.doc, other.routes = w.doc, w.routes
	other.make(voice.CallRequest{To: to("447700900110")})
	_, err := other.create(voice.CallRequest{To: to("447700900110")})
	w.refused(err, http.StatusTooManyRequests)
}

// notInTheContract are the fields that came after it.
var notInTheContract = []string{
	"AdvancedMachineDetection.beep_timeout",
	"AdvancedMachineDetection.behavior",
	"CallRequestMembers.advanced_machine_detection",
	"CallRequestMembers.random_from_number",
	"DestinationNCCO.ncco",
	"DestinationNCCO.type",
	"HumanEvent.call_uuid",
	"HumanEvent.conversation_uuid",
	"HumanEvent.from",
	"HumanEvent.headers",
	"HumanEvent.status",
	"HumanEvent.timestamp",
	"HumanEvent.to",
	"subscribeDTMF.event_url",
}
