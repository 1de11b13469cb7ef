package contract_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

const (
	application = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
	caller      = "447700900001"
	receiver    = "http://dialer.test"
)

var secret = []byte("the signature secret of the account")

// wire is a client and a simulator with the document between them. It checks every
// request, response and callback, and fails the test if the document does not
// allow one.
type wire struct {
	t      testing.TB
	doc    *openapi3.T
	routes routers.Router
	sim    *voicesim.Sim
	client *voice.Client
	form   string
	method string // of all callbacks; "": Vonage's defaults

	mu         sync.Mutex
	cover      *coverage
	samples    map[string]any  // the last body of each kind, see schemaOf
	eventKinds map[string]bool // received so far
	reply      map[string][]byte
	status     map[string]int // of a path of the receiver; 0: 200
}

// newWire makes a wire for one form. It works in a synctest bubble. The test closes
// it.
func newWire(t testing.TB, form string, cfg voicesim.Config) *wire {
	t.Helper()
	doc := load(t, form)
	routes, err := legacy.NewRouter(doc)
	require.NoError(t, err)
	w := &wire{
		t: t, doc: doc, routes: routes, form: form, cover: newCoverage(doc),
		samples: map[string]any{}, eventKinds: map[string]bool{}, reply: map[string][]byte{}, status: map[string]int{},
	}
	cfg.PublicKey, cfg.ApplicationID, cfg.SignatureSecret = &testkey.RSA().PublicKey, application, secret
	cfg.ContractShapes = form == oldContract
	cfg.Client = &http.Client{Transport: voicesim.InProcess(http.HandlerFunc(w.callback))}
	if w.sim, err = voicesim.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.client = w.newClient(testkey.RSA())
	return w
}

// newClient makes a client whose requests go through the wire.
func (w *wire) newClient(private *rsa.PrivateKey) *voice.Client {
	w.t.Helper()
	client, err := voice.NewClient(voice.Config{ApplicationID: application, Key: private, Transport: w})
	if err != nil {
		w.t.Fatal(err)
	}
	return client
}

func (w *wire) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.sim.Close(ctx); err != nil {
		w.t.Error(err)
	}
}

// RoundTrip lets the simulator serve a request, and checks request and response.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := readBody(&r.Body)
	if err != nil {
		return nil, err
	}
	input, err := w.checkRequest(r, sent)
	if err != nil {
		w.t.Errorf("%s %s: request: %v\n%s", r.Method, r.URL.Path, err, sent)
		return nil, errors.New("the document does not allow the request")
	}
	res, err := w.sim.Transport().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := readBody(&res.Body)
	if err != nil {
		return nil, err
	}
	if err := w.checkResponse(input, res, got); err != nil {
		w.t.Errorf("%s: response %d: %v\n%s", input.Route.Operation.OperationID, res.StatusCode, err, got)
	}
	return res, nil
}

// readBody reads a body and puts it back.
func readBody(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	text, err := io.ReadAll(*body)
	if err := errors.Join(err, (*body).Close()); err != nil {
		return nil, err
	}
	*body = io.NopCloser(bytes.NewReader(text))
	return text, nil
}

func (w *wire) checkRequest(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := w.routes.FindRoute(r)
	if err != nil {
		return nil, err
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{
			SkipSettingDefaults: true, IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true,
			AuthenticationFunc: func(_ context.Context, in *openapi3filter.AuthenticationInput) error {
				if len(in.RequestValidationInput.Request.Header.Get("Authorization")) < len("Bearer x.y.z") {
					return errors.New("no token")
				}
				return nil
			},
		},
	}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		r.Body = nil
	}
	return input, w.markRequest(route.Operation, r, body)
}

// markRequest marks the fields that were sent. It also finds query parameters that
// the document does not have, which the validation does not.
func (w *wire) markRequest(op *openapi3.Operation, r *http.Request, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range r.URL.Query() {
		p := op.Parameters.GetByInAndName("query", name)
		if p == nil {
			return fmt.Errorf("the document has no query parameter %s", name)
		}
		w.cover.seen[field{p.Schema.Value, name}] = true
	}
	if len(body) > 0 {
		w.record(op.OperationID, op.RequestBody.Value.Content["application/json"].Schema.Value, decode(w.t, body))
	}
	return nil
}

func (w *wire) record(kind string, s *openapi3.Schema, body any) {
	w.samples[kind] = body
	w.cover.mark(s, body)
}

func (w *wire) checkResponse(input *openapi3filter.RequestValidationInput, res *http.Response, body []byte) error {
	err := openapi3filter.ValidateResponse(input.Request.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: res.StatusCode, Header: res.Header,
		Body: io.NopCloser(bytes.NewReader(body)), Options: input.Options,
	})
	if err != nil || len(body) == 0 {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	op := input.Route.Operation
	for _, media := range op.Responses.Status(res.StatusCode).Value.Content {
		w.record(fmt.Sprintf("%s %d", op.OperationID, res.StatusCode), media.Schema.Value, decode(w.t, body))
	}
	return nil
}

// callback receives the callbacks of the simulator: events at /event, and requests
// for an NCCO at other paths.
func (w *wire) callback(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	verifier := voice.Verifier{Secrets: [][]byte{secret}, ApplicationID: application}
	if err := verifier.Verify(r.Header.Get("Authorization"), body, r.Method, time.Now()); err != nil {
		w.t.Error(err)
	}
	name, kind := "AnswerRequest", r.URL.Path
	if r.URL.Path == "/event" {
		event, err := voice.ParseEvent(r.Method, r.URL.Query(), body)
		if err != nil {
			w.t.Error(err)
		}
		name, kind = "Event", event.Kind
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.eventKinds[kind] = true
	if w.method != "" && r.Method != w.method {
		w.t.Errorf("%s was sent by %s", kind, r.Method)
	}
	if r.Method == http.MethodPost {
		w.checkBody(name, kind, decode(w.t, body))
	} else {
		w.checkBody(name, kind+" by GET", fromQuery(component(w.t, w.doc, name), r.URL.Query()))
	}
	rw.Header().Set("Content-Type", "application/json")
	if status := w.status[r.URL.Path]; status != 0 {
		rw.WriteHeader(status)
	}
	if _, err := rw.Write(w.reply[r.URL.Path]); err != nil {
		w.t.Error(err)
	}
}

// checkBody compares a body with a schema of the document.
func (w *wire) checkBody(name, kind string, body any) {
	s := component(w.t, w.doc, name)
	if err := s.VisitJSON(body); err != nil {
		text, _ := json.Marshal(body)
		w.t.Errorf("%s: %v\n%s", kind, err, text)
		return
	}
	w.record(kind, s, body)
}

// setReply makes a path of the receiver reply with an NCCO, which is checked too.
func (w *wire) setReply(path string, flow voice.NCCO) {
	w.t.Helper()
	body, err := json.Marshal(flow)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.checkBody("NCCO", "ncco", decode(w.t, body))
	w.reply[path] = body
}
