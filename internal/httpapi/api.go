package httpapi

import (
	"context"
	_ "embed"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/httpapi/operations"
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

// Calls has the requests of the API to Vonage.
type Calls interface {
	// Make makes one call that a person or a program requested.
	Make(ctx context.Context, by app.Actor, order json.RawMessage) (MadeCall, error)
	// Act does one thing to a call, and returns what Vonage said.
	Act(ctx context.Context, by app.Actor, uuid, action string, order json.RawMessage) (answer string, err error)
}

// MadeCall is the result of a requested call.
type MadeCall struct {
	AttemptID string `json:"attempt_id"`
	CallUUID  string `json:"call_uuid"` // "": it is not known whether there is one
	Known     bool   `json:"-"`
}

// Import reads rows of people into a campaign. An error concerns all rows.
type Import func(ctx context.Context, by app.Actor, c campaign.Campaign, rows io.Reader, o ImportOptions) (app.ImportResult, error)

// ImportOptions say how an import changes existing people.
type ImportOptions struct {
	UTF8                  bool // the rows are in UTF-8 for certain
	Update, RemoveMissing bool
}

// Config is what the API needs.
type Config struct {
	Store   Store
	ReadRow func(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error)
	// CheckMessage says what is wrong with a message that an edited campaign would send.
	CheckMessage func(campaign.Settings, campaign.Rendered) error
	Import       Import
	Calls        Calls
	// DefaultCountry applies to numbers without a country code and outside a campaign.
	DefaultCountry string
	Countries      []string // where campaigns made here may call, if their documents do not say
	AdminToken     string   // "": none
	Log            *slog.Logger
	// Serving marks the request's connection as waiting for us until done is called, so
	// that it is not closed to make room for new ones; nil: not needed.
	Serving func(context.Context) (done func())
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
	// countsAtOnce bounds the load of reports on the database.
	countsAtOnce = 2

	requestsPerSecond = 50
	requestBurst      = 200
)

type api struct {
	Config
	limiter   *auth.Limiter
	strangers *auth.Limiter // by address, for unknown tokens
	importing chan struct{}
	counting  chan struct{}
}

// New serves the API.
func New(c Config) http.Handler {
	if c.Serving == nil {
		c.Serving = func(context.Context) func() { return func() {} }
	}
	a := &api{
		Config: c, limiter: auth.NewLimiter(requestsPerSecond, requestBurst), strangers: auth.NewLimiter(1, 20),
		importing: make(chan struct{}, importsAtOnce), counting: make(chan struct{}, countsAtOnce),
	}
	mux := http.NewServeMux()
	operations.HandlerWithOptions(operations.NewStrictHandlerWithOptions(a, nil, operations.StrictHTTPServerOptions{
		RequestErrorHandlerFunc: noteBodyError, ResponseErrorHandlerFunc: noteError,
	}), operations.StdHTTPServerOptions{
		BaseURL: strings.TrimSuffix(prefix, "/"), BaseRouter: router{a, mux}, ErrorHandlerFunc: noteParameterError,
	})
	mux.HandleFunc("GET "+prefix+"openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(Document)
	})
	return &known{mux}
}

// known answers requests without a route, in the API's form.
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
