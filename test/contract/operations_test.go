package contract_test

import (
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

// scripts say how the calls to these numbers go.
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

// TestDocument sends every operation with every field, in both forms. Every field
// of the document must be seen, except those that the contract does not have.
func TestDocument(t *testing.T) {
	t.Parallel()
	for form, absent := range map[string][]string{today: nil, oldContract: notInContract} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runAll(t, form, "")
				defer w.close()
				if diff := cmp.Diff(absent, w.cover.unseen()); diff != "" {
					t.Errorf("fields never seen (-want +got):\n%s", diff)
				}
				w.checkEventKinds()
			})
		})
	}
}

// TestDocumentWithGET does the same with all callbacks by GET, and looks at the
// members of the callbacks.
func TestDocumentWithGET(t *testing.T) {
	t.Parallel()
	for form, absent := range map[string][]string{today: nil, oldContract: callbackFields(notInContract)} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runAll(t, form, http.MethodGet)
				defer w.close()
				if diff := cmp.Diff(absent, callbackFields(w.cover.unseen())); diff != "" {
					t.Errorf("members never seen (-want +got):\n%s", diff)
				}
				w.checkEventKinds()
			})
		})
	}
}

var callbackField = regexp.MustCompile(`^(\w+Event(Today|Contract)?|AnswerRequest)\.`)

func callbackFields(names []string) []string {
	var fields []string
	for _, name := range names {
		if callbackField.MatchString(name) {
			fields = append(fields, name)
		}
	}
	return fields
}

// A member that is missing or empty in a callback by GET must be an error.
func TestDroppedMemberOfGETIsSeen(t *testing.T) {
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
				t.Errorf("%s = %q is not an error", name, wrong[name])
			}
		}
	}
}

// checkEventKinds checks that every event was received, except those that the contract
// does not have.
func (w *wire) checkEventKinds() {
	for _, kind := range []string{
		"started", "ringing", "answered", "human", "machine", "busy", "unanswered", "timeout", "failed", "rejected",
		"cancelled", "completed", "disconnected", "transfer", "input", "notify", "record", "error", "/answer", "/fallback",
	} {
		absent := w.form == oldContract && slices.Contains([]string{"human", "unanswered", "disconnected"}, kind)
		if w.eventKinds[kind] == absent {
			w.t.Errorf("%s received: %t", kind, w.eventKinds[kind])
		}
	}
}

// runAll sends every request of the API, and waits until all calls have ended. method is
// the method of the callbacks; "": Vonage's defaults.
func runAll(t *testing.T, form, method string) *wire {
	w := newWire(t, form, voicesim.Config{
		Outcomes:          voicesim.Outcomes{ByNumber: scripts},
		FallbackAnswerURL: receiver + "/fallback",
	})
	w.method = method
	w.setReply("/answer", voice.NCCO{voice.Talk{Text: "Hello", Loop: new(0)}})
	w.setReply("/fallback", voice.NCCO{voice.Talk{Text: "Sorry"}})
	w.reply["/broken"], w.status["/failing"] = []byte(`[{"action":"sing"}]`), http.StatusServiceUnavailable
	w.endpoints()
	w.outcomes()
	w.failingAnswers()
	w.everyAction()
	w.control()
	w.refusals()
	time.Sleep(3 * time.Hour)
	synctest.Wait()
	w.lists()
	w.tooMany()
	return w
}

// mustCreate makes a call.
func (w *wire) mustCreate(r voice.CallRequest) string {
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

// control sends every control request to a call in progress.
func (w *wire) control() {
	ctx, c := w.t.Context(), w.client
	id := w.mustCreate(voice.CallRequest{To: to("447700900110"), NCCO: voice.NCCO{
		voice.Input{Type: []string{"dtmf"}, Mode: "asynchronous"}, voice.Talk{Text: "Hello", Loop: new(0)},
	}})
	time.Sleep(20 * time.Second)
	w.acknowledged(c.StartTalk(ctx, id, voice.TalkRequest{
		Text: "Hello", Language: "en-GB", Style: new(1), Premium: new(false), VoiceName: "Amy", Loop: new(0), Level: new(0.4),
	}))
	_, err := c.StartTalk(ctx, id, voice.TalkRequest{Text: "Once more"})
	w.wantStatus(err, http.StatusBadRequest)
	w.acknowledged(c.StopTalk(ctx, id))
	w.acknowledged(c.StartStream(ctx, id, voice.StreamRequest{URL: "https://sound.test/a.mp3", Loop: new(0), Level: new(-1.0)}))
	w.acknowledged(c.StopStream(ctx, id))
	w.acknowledged(c.SendDTMF(ctx, id, "p17#"))
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
	w.noError(err)
}

func (w *wire) acknowledged(ack voice.Ack, err error) {
	w.t.Helper()
	w.noError(err)
	if ack.Message == "" || ack.UUID == "" {
		w.t.Errorf("acknowledged by %+v", ack)
	}
}

func (w *wire) noError(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// wantStatus checks for an error with this status and with the title of its body.
func (w *wire) wantStatus(err error, status int) {
	w.t.Helper()
	failure, ok := errors.AsType[*voice.Error](err)
	if !ok || failure.Status != status || failure.Title == "" {
		w.t.Errorf("got %v, want an error with status %d and its title", err, status)
	}
}

// refusals sends requests that are refused: 400 in forms A and B, 401 and 404.
func (w *wire) refusals() {
	ctx := w.t.Context()
	id := w.mustCreate(voice.CallRequest{To: to("447700900106")})
	w.wantStatus(w.client.Mute(ctx, id), http.StatusBadRequest) // too new, and later not answered
	for _, c := range []*voice.Client{w.client, w.newClient(testkey.Other())} {
		status := http.StatusNotFound
		if c != w.client {
			status = http.StatusUnauthorized
		}
		gone := uuid.NewString()
		_, err := c.GetCall(ctx, gone)
		w.wantStatus(err, status)
		w.wantStatus(c.Hangup(ctx, gone), status)
	}
	_, err := w.client.CreateCall(ctx, nil, w.newToken(), voice.CallRequest{
		To: slices.Concat(to("447700900101"), to("447700900102")), From: caller, AnswerURL: receiver + "/answer", EventURL: receiver + "/event",
	})
	w.wantStatus(err, http.StatusBadRequest)
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
		w.t.Errorf("%d calls, without the expected one: %v", len(page.Calls), err)
	}
	for _, status := range component(w.t, w.doc, "CallStatus").Enum {
		_, err := w.client.ListCalls(ctx, voice.ListFilter{Status: status.(string)})
		w.noError(err)
	}
}

// tooMany exceeds the limit: 429 in form C.
func (w *wire) tooMany() {
	other := newWire(w.t, w.form, voicesim.Config{CallsPerSecond: 1})
	defer other.close()
	other.cover, other.samples = w.cover, w.samples
	other.doc, other.routes = w.doc, w.routes
	other.mustCreate(voice.CallRequest{To: to("447700900110")})
	_, err := other.create(voice.CallRequest{To: to("447700900110")})
	w.wantStatus(err, http.StatusTooManyRequests)
}

// notInContract are the fields that the contract does not have.
var notInContract = []string{
	"AdvancedMachineDetection.beep_timeout",
	"AdvancedMachineDetection.behavior",
	"CallRequestMembers.advanced_machine_detection",
	"CallRequestMembers.random_from_number",
	"DestinationNCCO.ncco",
	"DestinationNCCO.type",
	"subscribeDTMF.event_url",
}
