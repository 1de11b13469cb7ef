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

// wire is a client, a simulator, and the document between them: it reads all
// that passes, callbacks too, and reports what the document does not allow.
type wire struct {
	t      testing.TB
	doc    *openapi3.T
	routes routers.Router
	sim    *voicesim.Sim
	client *voice.Client
	form   string
	method string // of all callbacks; "" for Vonage's defaults

	mu      sync.Mutex
	cover   *coverage
	samples map[string]any  // the last body of each kind
	kinds   map[string]bool // of events
	reply   map[string][]byte
	status  map[string]int // what a path of the receiver answers instead of 200
}

// connect makes a wire of one form. It works in a synctest bubble; the test
// closes it.
func connect(t testing.TB, form string, cfg voicesim.Config) *wire {
	t.Helper()
	doc := load(t, form)
	routes, err := legacy.NewRouter(doc)
	require.NoError(t, err)
	w := &wire{
		t: t, doc: doc, routes: routes, form: form, cover: newCoverage(doc),
		samples: map[string]any{}, kinds: map[string]bool{}, reply: map[string][]byte{}, status: map[string]int{},
	}
	cfg.PublicKey, cfg.ApplicationID, cfg.SignatureSecret = &testkey.RSA().PublicKey, application, secret
	cfg.ContractShapes = form == oldContract
	cfg.Client = &http.Client{Transport: voicesim.InProcess(http.HandlerFunc(w.callback))}
	if w.sim, err = voicesim.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.client = w.dial(testkey.RSA())
	return w
}

// dial makes a client that speaks through the wire, to the API's own address.
func (w *wire) dial(private *rsa.PrivateKey) *voice.Client {
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

// RoundTrip lets the simulator serve a request, and checks both.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := taken(&r.Body)
	if err != nil {
		return nil, err
	}
	input, err := w.asked(r, sent)
	if err != nil {
		w.t.Errorf("%s %s: request: %v\n%s", r.Method, r.URL.Path, err, sent)
		return nil, errors.New("the document does not allow the request")
	}
	res, err := w.sim.Transport().RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := taken(&res.Body)
	if err != nil {
		return nil, err
	}
	if err := w.answered(input, res, got); err != nil {
		w.t.Errorf("%s: response %d: %v\n%s", input.Route.Operation.OperationID, res.StatusCode, err, got)
	}
	return res, nil
}

// taken reads a body and puts it back.
func taken(body *io.ReadCloser) ([]byte, error) {
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

func (w *wire) asked(r *http.Request, body []byte) (*openapi3filter.RequestValidationInput, error) {
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
	return input, w.noteRequest(route.Operation, r, body)
}

// noteRequest marks what was sent. A parameter of a query that the document
// does not have would go by unseen otherwise.
func (w *wire) noteRequest(op *openapi3.Operation, r *http.Request, body []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range r.URL.Query() {
		p := op.Parameters.GetByInAndName("query", name)
		if p == nil {
			return fmt.Errorf("query has %s, the document has not", name)
		}
		w.cover.seen[field{p.Schema.Value, name}] = true
	}
	if len(body) > 0 {
		w.note(op.OperationID, op.RequestBody.Value.Content["application/json"].Schema.Value, decode(w.t, body))
	}
	return nil
}

func (w *wire) note(kind string, s *openapi3.Schema, body any) {
	w.samples[kind] = body
	w.cover.mark(s, body)
}

func (w *wire) answered(input *openapi3filter.RequestValidationInput, res *http.Response, body []byte) error {
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
		w.note(fmt.Sprintf("%s %d", op.OperationID, res.StatusCode), media.Schema.Value, decode(w.t, body))
	}
	return nil
}

// callback takes what the simulator posts: events at /event, and questions
// elsewhere.
func (w *wire) callback(rw http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.t.Error(err)
	}
	verifier := voice.Verifier{Secrets: [][]byte{secret}, ApplicationID: application}
	if err := verifier.Verify(r.Header.Get("Authorization"), body, r.Method, time.Now()); err != nil {
		w.t.Error(err)
	}
	name, kind := "AnswerQuestion", r.URL.Path
	if r.URL.Path == "/event" {
		event, err := voice.ParseEvent(r.Method, r.URL.Query(), body)
		if err != nil {
			w.t.Error(err)
		}
		name, kind = "Event", event.Kind
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kinds[kind] = true
	if w.method != "" && r.Method != w.method {
		w.t.Errorf("%s came by %s", kind, r.Method)
	}
	if r.Method == http.MethodPost {
		w.check(name, kind, decode(w.t, body))
	} else {
		w.check(name, kind+" by GET", fromQuery(component(w.t, w.doc, name), r.URL.Query()))
	}
	rw.Header().Set("Content-Type", "application/json")
	if status := w.status[r.URL.Path]; status != 0 {
		rw.WriteHeader(status)
	}
	if _, err := rw.Write(w.reply[r.URL.Path]); err != nil {
		w.t.Error(err)
	}
}

// check holds a body against a schema of the document.
func (w *wire) check(name, kind string, body any) {
	s := component(w.t, w.doc, name)
	if err := s.VisitJSON(body); err != nil {
		text, _ := json.Marshal(body)
		w.t.Errorf("%s: %v\n%s", kind, err, text)
		return
	}
	w.note(kind, s, body)
}

// answers has a path of the receiver answer with an NCCO, which is checked as
// well.
func (w *wire) answers(path string, flow voice.NCCO) {
	w.t.Helper()
	body, err := json.Marshal(flow)
	if err != nil {
		w.t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check("NCCO", "ncco", decode(w.t, body))
	w.reply[path] = body
}
