package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/csvimport"
	"dialer/internal/httpapi"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// world is the API on a database of its own, with a token for each role.
type world struct {
	t      *testing.T
	db     *testkit.DB
	server *httptest.Server
	router routers.Router
	tokens map[app.Role]string
	calls  *fakeCalls

	importFails error

	importing chan struct{} // nil, or a channel on which each import says that it has begun
	release   chan struct{} // each import waits for this
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, db: testkit.New(t), tokens: map[app.Role]string{}, calls: &fakeCalls{}}
	for _, role := range []app.Role{app.Viewer, app.Operator, app.Admin} {
		text, hash := auth.NewSecret()
		require.NoError(t, app.Access{Store: w.db.DB}.AddToken(t.Context(), testkit.Actor, string(role), role, hash))
		w.tokens[role] = text
	}
	w.server = httptest.NewServer(httpapi.New(httpapi.Config{
		Store: w.db.DB, ReadRow: readRow, Import: w.importRows, Calls: w.calls, AdminToken: adminToken, DefaultCountry: "GB",
		CheckMessage: func(_ campaign.Settings, m campaign.Rendered) error {
			if strings.Contains(m.Script.Say, "overtaken") { // another edits meanwhile
				w.db.Exec(t, `UPDATE campaigns SET version = version + 1`)
			}
			if strings.Contains(m.Script.Say, "forbidden") {
				return errors.New("the script says what it may not")
			}
			return nil
		},
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}))
	t.Cleanup(w.server.Close)
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.Document)
	require.NoError(t, err)
	doc.Servers = openapi3.Servers{{URL: w.server.URL + "/api/v1"}}
	w.router, err = gorillamux.NewRouter(doc)
	require.NoError(t, err)
	return w
}

func readRow(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error) {
	return csvimport.ReadRow(values, s, csvimport.Options{DefaultCountry: how.DefaultCountry, Map: how.Map, DateFormat: how.DateFormat, Now: time.Now(), Yes: how.Yes})
}

// importRows does the same as the import that cmd/dialer wires.
func (w *world) importRows(ctx context.Context, by app.Actor, c campaign.Campaign, rows io.Reader, o httpapi.ImportOptions) (app.ImportResult, error) {
	if w.importing != nil {
		select {
		case w.importing <- struct{}{}:
		default:
		}
		<-w.release
	}
	if w.importFails != nil {
		return app.ImportResult{}, w.importFails
	}
	how, err := app.Campaigns{Store: w.db.DB}.Reading(ctx, c)
	if err != nil {
		return app.ImportResult{}, err
	}
	result := app.ImportResult{RefusedRows: []app.RefusedImportRow{}}
	store := &noted{Import: app.Import{By: by, Store: w.db.DB}}
	s, err := csvimport.Import(ctx, rows, c.Name, c.Settings, csvimport.Options{
		DefaultCountry: how.DefaultCountry, Map: how.Map, Now: time.Now(), Update: o.Update, RemoveMissing: o.RemoveMissing,
		OnRejected: func(row campaign.RowError) {
			result.RefusedRows = append(result.RefusedRows, app.RefusedImportRow{Line: row.Line, Column: row.Column, Reason: row.Reason})
		},
	}, store)
	result.ID, result.Rows, result.Added, result.Already, result.Updated, result.Differ = store.id, s.Rows, s.Added, s.Already, s.Updated, s.Differ
	result.Duplicates, result.Refused, result.Removed = s.Duplicates, s.Rejected, s.Removed
	if err != nil {
		return result, err
	}
	return result, w.db.NoteImport(ctx, result.ID, result)
}

type noted struct {
	app.Import
	id int64
}

func (n *noted) BeginImport(ctx context.Context, im campaign.Import) (campaign.Import, error) {
	begun, err := n.Import.BeginImport(ctx, im)
	n.id = begun.ID
	return begun, err
}

// fakeCalls stand for Vonage.
type fakeCalls struct {
	did   []string
	made  int
	makes httpapi.MadeCall
	err   error
}

func (f *fakeCalls) Make(context.Context, app.Actor, json.RawMessage) (httpapi.MadeCall, error) {
	f.made++
	return f.makes, f.err
}

func (f *fakeCalls) Act(_ context.Context, _ app.Actor, uuid, action string, _ json.RawMessage) (string, error) {
	f.did = append(f.did, action+" "+uuid)
	return "done", f.err
}

// reply is an answer that matches the document.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) value(t *testing.T, path ...string) any {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(r.body), &v))
	for _, name := range path {
		v = v.(map[string]any)[name]
	}
	return v
}

// do sends a request and checks its answer against the document. headers are pairs.
func (w *world) do(role app.Role, method, path, body string, headers ...string) reply {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+"/api/v1/"+path, strings.NewReader(body))
	require.NoError(w.t, err)
	if token := w.tokens[role]; token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	} else if role != "" {
		request.Header.Set("Authorization", "Bearer "+string(role))
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := w.server.Client().Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	w.asDocumented(request, response, text)
	return reply{response.StatusCode, response.Header, string(text)}
}

func (w *world) asDocumented(request *http.Request, response *http.Response, body []byte) {
	w.t.Helper()
	route, params, err := w.router.FindRoute(request)
	if err != nil {
		if response.StatusCode != http.StatusNotFound && response.StatusCode != http.StatusMethodNotAllowed {
			w.t.Errorf("%s %s: %d, and the document has no such route: %v", request.Method, request.URL.Path, response.StatusCode, err)
		}
		return
	}
	noteExercised(route.Method+" "+route.Path, response.StatusCode)
	asked := &openapi3filter.RequestValidationInput{
		Request: request, PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if request.GetBody != nil {
		sent, err := request.GetBody()
		require.NoError(w.t, err)
		request.Body = sent
	}
	if response.StatusCode < http.StatusBadRequest { // an accepted request must match the document
		if err := openapi3filter.ValidateRequest(w.t.Context(), asked); err != nil {
			w.t.Errorf("%s %s: %d, and the request is not as the document says: %v", request.Method, request.URL.Path, response.StatusCode, err)
		}
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked,
		Status:                 response.StatusCode, Header: response.Header, Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	input.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(w.t.Context(), input); err != nil {
		w.t.Errorf("%s %s: %d is not as the document says: %v\n%s", request.Method, request.URL.Path, response.StatusCode, err, body)
	}
}

func (w *world) want(r reply, status int, says ...string) reply {
	w.t.Helper()
	if r.status != status {
		w.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	for _, text := range says {
		if !strings.Contains(r.body, text) {
			w.t.Errorf("%s does not hold %q", r.body, text)
		}
	}
	return r
}

// exercised are the routes and statuses of all tests, by "GET /path 200".
var exercised sync.Map

func noteExercised(route string, status int) { exercised.Store(fmt.Sprint(route, " ", status), true) }

func TestMain(m *testing.M) {
	flag.Parse()
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.PlainBodyDecoder) // ours reads more forms than the validator's
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		code = reportNotExercised()
	}
	os.Exit(code)
}

// reportNotExercised fails if the document has an answer that no test got.
func reportNotExercised() (code int) {
	doc, err := openapi3.NewLoader().LoadFromData(httpapi.Document)
	if err != nil {
		panic(err)
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			for status := range operation.Responses.Map() {
				if status == "429" { // one place limits all routes: TestTooManyRequests
					continue
				}
				if _, ok := exercised.Load(method + " " + path + " " + status); !ok {
					fmt.Printf("no test got this answer of the document: %s %s %s\n", method, path, status)
					code = 1
				}
			}
		}
	}
	return code
}
