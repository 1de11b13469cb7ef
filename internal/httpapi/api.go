package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
)

// Document is the contract: OpenAPI 3.1.
//
//go:embed openapi.json
var Document []byte

// Store is what the API reads and changes.
type Store interface {
	app.CampaignStore
	app.ContactStore
	app.SuppressionStore
	app.AlarmStore
	app.ListStore
	app.AnswerStore
	app.EraseStore
	TokenOf(ctx context.Context, sha256 []byte) (app.Token, error)
	NumberHistory(ctx context.Context, number string) (app.NumberHistory, error)
}

// Calls is what the API asks Vonage for.
type Calls interface {
	// Make makes one call that a person or a program asks for.
	Make(ctx context.Context, by app.Actor, order json.RawMessage) (MadeCall, error)
	// Act does one thing to a call, and returns what Vonage said.
	Act(ctx context.Context, by app.Actor, uuid, action string, order json.RawMessage) (answer string, err error)
}

// MadeCall is what became of a call that was asked for.
type MadeCall struct {
	AttemptID string `json:"attempt_id"`
	CallUUID  string `json:"call_uuid"` // "": it is not known whether there is one
	Known     bool   `json:"-"`
}

// Import reads rows of people into a campaign. Its error concerns all rows.
type Import func(ctx context.Context, by app.Actor, c campaign.Campaign, rows io.Reader, o ImportOptions) (app.ImportResult, error)

// ImportOptions say how an import changes who is there.
type ImportOptions struct {
	UTF8                  bool // the rows are in UTF-8 for certain
	Update, RemoveMissing bool
}

// Config is what the API needs.
type Config struct {
	Store   Store
	ReadRow func(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error)
	// CheckMessage says what is wrong with a message that an edit would have sent.
	CheckMessage func(campaign.Settings, campaign.Rendered) error
	Import       Import
	Calls        Calls
	// DefaultCountry is of numbers without a country code, of no campaign.
	DefaultCountry string
	Countries      []string // where campaigns that are made here may call, if their documents do not say it
	AdminToken     string   // "": none
	Log            *slog.Logger
}

const (
	prefix      = "/api/v1/"
	maxBody     = 1 << 20
	maxRows     = 64 << 20 // of an import
	readTimeout = 15 * time.Second
	// slowTimeout is for imports, and for calls that wait for their turn.
	slowTimeout = 15 * time.Minute
	// uploadTimeout is for the body of an import.
	uploadTimeout = 5 * time.Minute
	// importsAtOnce bounds the memory that imports take.
	importsAtOnce = 2

	requestsPerSecond = 50
	requestBurst      = 200
)

type api struct {
	Config
	limiter   *auth.Limiter
	strangers *auth.Limiter // by address, with tokens that nobody has
	importing chan struct{}
}

// New serves the API.
func New(c Config) http.Handler {
	a := &api{
		Config: c, limiter: auth.NewLimiter(requestsPerSecond, requestBurst), strangers: auth.NewLimiter(1, 20),
		importing: make(chan struct{}, importsAtOnce),
	}
	mux := http.NewServeMux()
	for _, r := range routes {
		method, path, _ := strings.Cut(r.pattern, " ")
		mux.Handle(method+" "+prefix+path, a.handler(r))
	}
	mux.HandleFunc("GET "+prefix+"openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(Document)
	})
	return &known{mux}
}

// known answers what no route serves in the API's form.
type known struct{ mux *http.ServeMux }

func (k *known) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := k.mux.Handler(r); pattern != "" {
		k.mux.ServeHTTP(w, r)
		return
	}
	probe := httpStatus{ResponseWriter: w, header: http.Header{}}
	k.mux.ServeHTTP(&probe, r)
	if allow := probe.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		writeProblem(w, problem{Status: http.StatusMethodNotAllowed, Detail: "this address takes " + allow})
		return
	}
	writeProblem(w, problem{Status: http.StatusNotFound, Detail: "there is no such address; " + prefix + "openapi.json lists them all"})
}

// httpStatus drops an answer and keeps its header.
type httpStatus struct {
	http.ResponseWriter
	header http.Header
}

func (s *httpStatus) Header() http.Header         { return s.header }
func (s *httpStatus) Write(b []byte) (int, error) { return len(b), nil }
func (s *httpStatus) WriteHeader(int)             {}

// request is a request of somebody who may make it.
type request struct {
	*http.Request
	by   app.Actor
	body []byte
}

// answer is what a route answers: JSON, unless it is of no content.
type answer struct {
	status   int // 0: 200
	body     any
	location string
	version  string
}

// handler serves a route.
func (a *api) handler(of route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timeout := readTimeout
		if of.slow {
			timeout = slowTimeout
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(timeout)) // a test's writer has none
			_ = control.SetWriteDeadline(time.Now().Add(timeout))
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		by, err := a.actor(ctx, r)
		if err == nil {
			err = a.limit(w, by)
		}
		//guard:false internal/httpapi.TestRoles: who has too little of a role is refused
		if err == nil && !by.May(of.least) {
			err = fmt.Errorf("%w: it takes the role %s", app.ErrForbidden, of.least)
		}
		if err != nil {
			a.fail(w, r, of, by, err)
			return
		}
		release, err := a.place(w, of)
		if err != nil {
			a.fail(w, r, of, by, err)
			return
		}
		defer release()
		body, err := bodyOf(w, r, of)
		if err != nil {
			a.fail(w, r, of, by, err)
			return
		}
		a.serve(w, request{r.WithContext(ctx), by, body}, of)
	})
}

// place waits for nothing: it takes one of the few places for imports before the
// body is read, so that what is uploaded, however slowly, takes bounded memory.
func (a *api) place(w http.ResponseWriter, of route) (release func(), err error) {
	//guard:true internal/httpapi.TestSlowUploadsAreBounded: no more bodies are read at once than there are places
	if !of.rows {
		return func() {}, nil
	}
	select {
	case a.importing <- struct{}{}:
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTimeout)) // a test's writer has none
		return func() { <-a.importing }, nil
	default:
		return nil, tooMany(5)
	}
}

// bodyOf reads the body. What only reads has none.
func bodyOf(w http.ResponseWriter, r *http.Request, of route) ([]byte, error) {
	if of.reads() {
		return nil, nil
	}
	limit := int64(maxBody)
	if of.rows {
		limit = maxRows
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
}

var errNoToken = errors.New("send Authorization: Bearer with a token, as `dialer token add` prints it")

// actor is who sends the request.
func (a *api) actor(ctx context.Context, r *http.Request) (app.Actor, error) {
	token := auth.Bearer(r)
	if token == "" {
		return app.Actor{}, errNoToken
	}
	if a.AdminToken != "" && auth.Same(token, a.AdminToken) {
		return app.Actor{Name: app.AdminTokenName, Role: app.Admin, Through: app.ThroughAPI}, nil
	}
	found, err := a.Store.TokenOf(ctx, auth.HashSecret(token))
	if errors.Is(err, campaign.ErrNotFound) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		if ok, after := a.strangers.Allow(host, time.Now()); !ok {
			return app.Actor{}, tooMany(after)
		}
		return app.Actor{}, errNoToken
	}
	return found.Actor(), err
}

// tooMany is the error of a request too many: in how many seconds the next may come.
type tooMany int

func (t tooMany) Error() string { return fmt.Sprintf("too many requests: wait %d s", int(t)) }

// limit keeps each token to a number of requests.
func (a *api) limit(w http.ResponseWriter, by app.Actor) error {
	w.Header().Set("RateLimit-Policy", fmt.Sprintf(`"token";q=%d;w=%d`, requestBurst, requestBurst/requestsPerSecond))
	if ok, after := a.limiter.Allow(by.Name, time.Now()); !ok {
		return tooMany(after)
	}
	return nil
}

// serve answers, from what is kept if the request came before with its key.
func (a *api) serve(w http.ResponseWriter, r request, of route) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || !of.creates {
		answer, err := of.serve(a, r)
		if err != nil {
			a.fail(w, r.Request, of, r.by, err)
			return
		}
		write(w, r.by, encoded(answer))
		return
	}
	if len(key) > 255 {
		a.fail(w, r.Request, of, r.by, invalid("Idempotency-Key: want at most 255 characters"))
		return
	}
	lease := app.AnswerLease
	//guard:false internal/httpapi.TestKeyOfADeadProcess: a call is not made again because its process died
	if of.calls {
		lease = 0
	}
	kept, claimed, err := a.Store.ClaimAnswer(r.Context(), r.by.Name, key, fingerprint(r), lease)
	if err != nil {
		a.fail(w, r.Request, of, r.by, err)
		return
	}
	//guard:true internal/httpapi.TestIdempotencyKey: a request that comes again has no effect again
	if claimed {
		kept = a.first(r, of, key)
	} else {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	write(w, r.by, kept)
}

// first serves a request that came for the first time, and keeps its answer. One
// that had no effect, because we failed or had no time for it, may come again.
func (a *api) first(r request, of route, key string) app.KeptAnswer {
	var kept app.KeptAnswer
	answer, err := of.serve(a, r)
	if err != nil {
		p := a.problem(r.Request, of, r.by, err)
		kept = p.kept()
	} else {
		kept = encoded(answer)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), readTimeout)
	defer cancel()
	//guard:false internal/httpapi.TestRefusedForNowIsNotKept: who is told to come again later is not given that answer for two days
	if kept.Status >= http.StatusInternalServerError || kept.Status == http.StatusTooManyRequests {
		err = a.Store.DropAnswer(ctx, r.by.Name, key)
	} else {
		err = a.Store.KeepAnswer(ctx, r.by.Name, key, kept)
	}
	if err != nil {
		a.Log.ErrorContext(ctx, "the answer to a request with an Idempotency-Key was not kept", "error", err)
	}
	return kept
}

// fingerprint tells requests apart that come with one key.
func fingerprint(r request) []byte {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", r.Method, r.URL.RequestURI())
	sum.Write(r.body)
	return sum.Sum(nil)
}

func encoded(a answer) app.KeptAnswer {
	kept := app.KeptAnswer{Status: a.status, Header: map[string]string{}}
	if kept.Status == 0 {
		kept.Status = http.StatusOK
	}
	if a.body != nil {
		kept.Header["Content-Type"] = "application/json"
		kept.Body = mustJSON(a.body)
	}
	if a.location != "" {
		kept.Header["Location"] = a.location
	}
	if a.version != "" {
		kept.Header["ETag"] = `"` + a.version + `"`
	}
	return kept
}

// mustJSON encodes what this package made of values that JSON has.
func mustJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("httpapi: %v", err))
	}
	return buf.Bytes()
}

// write sends an answer. Who may only read sees no whole number in it.
func write(w http.ResponseWriter, by app.Actor, a app.KeptAnswer) {
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		w.Header().Set(name, a.Header[name])
	}
	w.Header().Set("Cache-Control", "no-store")
	body := a.Body
	//guard:false internal/httpapi.TestViewersSeeMaskedNumbers: a viewer sees no whole number
	if by.Role == app.Viewer {
		body = app.MaskJSON(body)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body)
}

// list reads ?limit= and ?cursor=.
func (r request) list() (app.ListQuery, error) {
	q := app.ListQuery{Limit: 100}
	values := r.URL.Query()
	if text := values.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return q, invalid("limit: want a number from 1 to 1000")
		}
		q.Limit = n
	}
	var err error
	q.After, err = decodeCursor(values.Get("cursor"))
	return q, err
}
