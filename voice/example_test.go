package voice_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"dialer/internal/testkit/testkey"
	"dialer/voice"
)

const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"

// provider is a client of a server that prints each request and answers with the
// status and body.
func provider(status int, body string) (*voice.Client, func()) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(r.Method, r.URL.RequestURI())
		if len(sent) > 0 {
			fmt.Println(string(sent))
		}
		w.WriteHeader(status)
		if _, err := io.WriteString(w, body); err != nil {
			log.Fatal(err)
		}
	}))
	client, err := voice.NewClient(voice.Config{
		BaseURL: srv.URL + "/v1", ApplicationID: "78d335fa-323d-0114-9c3d-d6f0d48968cf", Key: testkey.RSA(),
	})
	if err != nil {
		log.Fatal(err)
	}
	return client, srv.Close
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleClient_CreateCall() {
	client, done := provider(http.StatusCreated, `{"uuid":"`+call+`","status":"started","direction":"outbound","conversation_uuid":"CON-1"}`)
	defer done()
	now := time.Now()
	token, err := client.SignToken(voice.Token{ID: "0190c0de-0000-7000-8000-000000000001", IssuedAt: now.Add(-5 * time.Second), ExpiresAt: now.Add(30 * time.Second)})
	check(err)
	created, err := client.CreateCall(context.Background(), nil, token, voice.CallRequest{
		To:   []voice.Endpoint{voice.Phone{Number: "447700900123"}},
		From: "447700900000",
		NCCO: voice.NCCO{voice.Talk{Text: "The library is closed today."}},
	})
	check(err)
	fmt.Println(created.UUID, created.Status)
	// Output:
	// POST /v1/calls
	// {"to":[{"type":"phone","number":"447700900123"}],"from":{"type":"phone","number":"447700900000"},"ncco":[{"action":"talk","text":"The library is closed today."}]}
	// 63f61863-4a51-4f6b-86e1-46edebcf9356 started
}

// An error says whether there may be a call.
func ExampleError() {
	client, done := provider(http.StatusTooManyRequests, `{"type":"https://developer.vonage.com/api-errors#rate-limit","title":"Rate Limit Hit","detail":"Please wait"}`)
	defer done()
	token, err := client.SignToken(voice.Token{ID: "t-1", IssuedAt: time.Now(), ExpiresAt: time.Now().Add(30 * time.Second)})
	check(err)
	_, err = client.CreateCall(context.Background(), nil, token, voice.CallRequest{
		To: []voice.Endpoint{voice.App{User: "jamie"}}, RandomFromNumber: true, AnswerURL: "https://dialer.example/answer",
	})
	if e, ok := errors.AsType[*voice.Error](err); ok && e.Verdict == voice.VerdictRefused {
		fmt.Println("no call was made:", err)
	}
	// Output:
	// POST /v1/calls
	// {"to":[{"type":"app","user":"jamie"}],"random_from_number":true,"answer_url":["https://dialer.example/answer"]}
	// no call was made: create call: refused: 429 Too Many Requests: Rate Limit Hit: Please wait
}

const record = `{"uuid":"` + call + `","status":"completed","direction":"outbound","to":{"type":"phone","number":"447700900123"},
	"rate":"0.01270000","price":"0.01291167","duration":"61"}`

func ExampleClient_GetCall() {
	client, done := provider(http.StatusOK, record)
	defer done()
	got, err := client.GetCall(context.Background(), call)
	check(err)
	fmt.Println(got.Status, *got.Duration, got.Price.Decimal.StringFixed(8))
	// Output:
	// GET /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// completed 61 0.01291167
}

func ExampleClient_ListCalls() {
	client, done := provider(http.StatusOK, `{"count":21,"page_size":1,"record_index":20,"_embedded":{"calls":[`+record+`]}}`)
	defer done()
	page, err := client.ListCalls(context.Background(), voice.ListFilter{Status: "completed", PageSize: 1, RecordIndex: 20})
	check(err)
	fmt.Println(len(page.Calls), "of", page.Count, page.More)
	// Output:
	// GET /v1/calls?order=asc&page_size=1&record_index=20&status=completed
	// 1 of 21 false
}

func ExampleClient_Calls() {
	client, done := provider(http.StatusOK, `{"count":1,"page_size":100,"record_index":0,"_embedded":{"calls":[`+record+`]}}`)
	defer done()
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	for got, err := range client.Calls(context.Background(), voice.ListFilter{DateStart: day, DateEnd: day.Add(24 * time.Hour)}, 10) {
		check(err) // the list is incomplete
		fmt.Println(got.UUID, got.To.Number)
	}
	// Output:
	// GET /v1/calls?date_end=2026-11-23T00%3A00%3A00Z&date_start=2026-11-22T00%3A00%3A00Z&order=asc&page_size=100
	// 63f61863-4a51-4f6b-86e1-46edebcf9356 447700900123
}

func ExampleClient_Hangup() {
	client, done := provider(http.StatusNotFound, "")
	defer done()
	if err := client.Hangup(context.Background(), call); errors.Is(err, voice.ErrNotFound) {
		fmt.Println("it has already ended")
	}
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"hangup"}
	// it has already ended
}

func ExampleClient_Mute() {
	client, done := provider(http.StatusNoContent, "")
	defer done()
	check(client.Mute(context.Background(), call))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"mute"}
}

func ExampleClient_Unmute() {
	client, done := provider(http.StatusNoContent, "")
	defer done()
	check(client.Unmute(context.Background(), call))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"unmute"}
}

func ExampleClient_Earmuff() {
	client, done := provider(http.StatusNoContent, "")
	defer done()
	check(client.Earmuff(context.Background(), call))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"earmuff"}
}

func ExampleClient_Unearmuff() {
	client, done := provider(http.StatusNoContent, "")
	defer done()
	check(client.Unearmuff(context.Background(), call))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"unearmuff"}
}

func ExampleClient_TransferToURL() {
	client, done := provider(http.StatusNoContent, "")
	defer done()
	check(client.TransferToURL(context.Background(), call, "https://example.com/ncco.json"))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"transfer","destination":{"type":"ncco","url":["https://example.com/ncco.json"]}}
}

func ExampleClient_TransferToNCCO() {
	client, done := provider(http.StatusNoContent, "")
	defer done()
	check(client.TransferToNCCO(context.Background(), call, voice.NCCO{
		voice.Stream{StreamURL: []string{"https://example.com/waiting.mp3"}, Loop: new(0)},
	}))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356
	// {"action":"transfer","destination":{"type":"ncco","ncco":[{"action":"stream","streamUrl":["https://example.com/waiting.mp3"],"loop":0}]}}
}

func ExampleClient_StartStream() {
	client, done := provider(http.StatusOK, `{"message":"Stream started","uuid":"`+call+`"}`)
	defer done()
	ack, err := client.StartStream(context.Background(), call, voice.StreamRequest{URL: "https://example.com/waiting.mp3", Level: new(0.4)})
	check(err)
	fmt.Println(ack.Message)
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/stream
	// {"stream_url":["https://example.com/waiting.mp3"],"level":"0.4"}
	// Stream started
}

func ExampleClient_StopStream() {
	client, done := provider(http.StatusOK, `{"message":"Stream stopped","uuid":"`+call+`"}`)
	defer done()
	ack, err := client.StopStream(context.Background(), call)
	check(err)
	fmt.Println(ack.Message)
	// Output:
	// DELETE /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/stream
	// Stream stopped
}

func ExampleClient_StartTalk() {
	client, done := provider(http.StatusOK, `{"message":"Talk started","uuid":"`+call+`"}`)
	defer done()
	ack, err := client.StartTalk(context.Background(), call, voice.TalkRequest{Text: "Hello. How are you today?", VoiceName: "Amy"})
	check(err)
	fmt.Println(ack.Message)
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/talk
	// {"text":"Hello. How are you today?","voice_name":"Amy"}
	// Talk started
}

func ExampleClient_StopTalk() {
	client, done := provider(http.StatusOK, `{"message":"Talk stopped","uuid":"`+call+`"}`)
	defer done()
	ack, err := client.StopTalk(context.Background(), call)
	check(err)
	fmt.Println(ack.Message)
	// Output:
	// DELETE /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/talk
	// Talk stopped
}

func ExampleClient_SendDTMF() {
	client, done := provider(http.StatusOK, `{"message":"DTMF sent","uuid":"`+call+`"}`)
	defer done()
	ack, err := client.SendDTMF(context.Background(), call, "1713")
	check(err)
	fmt.Println(ack.Message)
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/dtmf
	// {"digits":"1713"}
	// DTMF sent
}

func ExampleClient_SubscribeDTMF() {
	client, done := provider(http.StatusOK, "")
	defer done()
	check(client.SubscribeDTMF(context.Background(), call, "https://example.com/keys"))
	// Output:
	// PUT /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/input/dtmf
	// {"event_url":["https://example.com/keys"]}
}

func ExampleClient_UnsubscribeDTMF() {
	client, done := provider(http.StatusOK, "")
	defer done()
	check(client.UnsubscribeDTMF(context.Background(), call))
	// Output:
	// DELETE /v1/calls/63f61863-4a51-4f6b-86e1-46edebcf9356/input/dtmf
}

// Verify a webhook with its raw body before you read it.
func ExampleVerifier_Verify() {
	secret, body, now := []byte("the account's signature secret"), []byte(`{"status":"completed","uuid":"u-1","duration":"61"}`), time.Now()
	authorization, err := voice.SignCallback(secret, "api-key", "", body, now)
	check(err)

	verifier := voice.Verifier{Secrets: [][]byte{secret}}
	check(verifier.Verify(authorization, body, http.MethodPost, now))
	event, err := voice.ParseEvent(http.MethodPost, url.Values{}, body)
	check(err)
	fmt.Println(event.Kind, event.UUID, *event.Duration)
	fmt.Println(verifier.Verify(authorization, []byte(`{"status":"busy"}`), http.MethodPost, now))
	// Output:
	// completed u-1 61
	// verify webhook: the signature is for another body
}

func ExampleParseNCCO() {
	ncco, err := voice.ParseNCCO([]byte(`[{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":25}}]`))
	check(err)
	fmt.Println(ncco.Validate())
	written, err := json.Marshal(ncco)
	check(err)
	fmt.Println(string(written))
	// Output:
	// invalid request: ncco[0].dtmf.maxDigits: is 25, must be 1 to 20
	// [{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":25}}]
}
