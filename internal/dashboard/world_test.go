package dashboard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/csvimport"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// world is the pages on a database of their own, and a browser without scripts.
type world struct {
	t       *testing.T
	db      *testkit.DB
	server  *httptest.Server
	browser *http.Client
	acted   []string
	export  string // the content of an export of people who were not reached
}

func newWorld(t *testing.T) *world {
	return newWorldWith(t, func(*Config, string) {})
}

// newWorldWith lets change adapt the Config once the pages' address is known.
func newWorldWith(t *testing.T, change func(c *Config, address string)) *world {
	t.Helper()
	return newWorldOn(t, httptest.NewUnstartedServer(nil), change)
}

func newWorldOn(t *testing.T, server *httptest.Server, change func(c *Config, address string)) *world {
	t.Helper()
	w := &world{t: t, db: testkit.New(t), server: server}
	config := Config{
		DefaultCountry: "GB",
		Store:          w.db.DB, CallsPerSecond: 3, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		CheckMessage: checkMessage,
		ReadRow: func(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error) {
			return csvimport.ReadRow(values, s, csvimport.Options{DefaultCountry: how.DefaultCountry, Map: how.Map, Now: time.Now()})
		},
		Act: func(_ context.Context, by app.Actor, uuid, action string, with map[string]any) (string, error) {
			w.acted = append(w.acted, fmt.Sprint(by.Name, " ", action, " ", uuid, " ", with))
			return "done", nil
		},
		WriteFigures: func(out io.Writer, f app.Figures, format string) error {
			_, err := fmt.Fprintf(out, "%s %s %v %s", format, f.By, f.Columns, f.Rows)
			return err
		},
		Export: func(_ context.Context, out io.Writer, name, format string, q app.ExportQuery) error {
			if q.NotReached && w.export != "" {
				_, err := io.WriteString(out, w.export)
				return err
			}
			_, err := io.WriteString(out, name+" "+format)
			return errors.Join(err, map[bool]error{true: errors.New("broken"), false: nil}[q.Reached])
		},
		HangUpAll: func(_ context.Context, by app.Actor, id int64) (string, error) {
			w.acted = append(w.acted, fmt.Sprint(by.Name, " hangs up ", id))
			return "done", nil
		},
		ImportInto: func(ctx context.Context, by app.Actor, in io.Reader, c campaign.Campaign) (app.ImportResult, error) {
			_, err := csvimport.Import(ctx, in, c.Name, c.Settings, csvimport.Options{Now: time.Now()}, app.Import{By: by, Store: w.db.DB})
			return app.ImportResult{}, err
		},
		Check: func(_ context.Context, in io.Reader, d campaign.Document, mend Mended, row int) (Checked, error) {
			s, err := d.Settings()
			if err != nil {
				return Checked{}, err
			}
			f, err := csvimport.Preview(t.Context(), in, s, csvimport.Options{Now: time.Now(), Mend: mend, Map: d.Columns(), SampleRow: row})
			if wrong, ok := errors.AsType[*csvimport.ColumnsError](err); ok {
				return Checked{Headers: wrong.Found}, err
			}
			return Checked{Rows: f.Rows, Accepted: f.Accepted, Refused: f.Rejected, Duplicates: f.Duplicates, Bad: f.First, Columns: f.Columns.Vars, Headers: f.Columns.Vars, Vars: f.SampleVars, Settings: s, Line: f.SampleLine, LineRefused: f.SampleRefused,
				Found: map[string]string{"to": f.Columns.To}, Message: []Spoken{{What: string(f.Sample.NCCO)}, {What: saidBy(f.Sample)}}}, err
		},
		Import: func(ctx context.Context, by app.Actor, in io.Reader, d campaign.Document, mend Mended) (app.ImportResult, error) {
			s, err := d.Settings()
			if err != nil {
				return app.ImportResult{}, err
			}
			sum, err := csvimport.Import(ctx, in, d.Name, s, csvimport.Options{Now: time.Now(), Mend: mend, Map: d.Columns()}, app.Import{By: by, Store: w.db.DB})
			return app.ImportResult{Rows: sum.Rows, Added: sum.Added, Refused: sum.Rejected}, err
		},
	}
	change(&config, "http://"+w.server.Listener.Addr().String())
	handler, run := New(config)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); run(ctx) }()
	w.server.Config.Handler = handler
	w.server.Start()
	t.Cleanup(func() { w.server.CloseClientConnections(); w.server.Close(); stop(); <-ended })
	w.browse()
	return w
}

func saidBy(r campaign.Rendered) string {
	if r.Script == nil {
		return ""
	}
	return r.Script.Say
}

// browse begins with an empty browser.
func (w *world) browse() {
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	w.browser = &http.Client{Jar: jar}
}

func (w *world) do(request *http.Request) (status int, text string) {
	w.t.Helper()
	response, err := w.browser.Do(request)
	require.NoError(w.t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		w.t.Errorf("%s: the policy is %q", request.URL.Path, policy)
	}
	if strings.Contains(string(body), "<no value>") || strings.Contains(string(body), "%!") || strings.Contains(string(body), "ZgotmplZ") || strings.Contains(string(body), ": 0x") {
		w.t.Errorf("%s: %s", request.URL.Path, body)
	}
	return response.StatusCode, dataElements.ReplaceAllString(string(body), "")
}

// dataElements is how a page writes numbers. Tests read only their text.
var dataElements = regexp.MustCompile(`</?data[^>]*>`)

func (w *world) get(path string, want int, says ...string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.server.URL+path, nil)
	require.NoError(w.t, err)
	return w.answer("GET "+path, request, want, says)
}

func (w *world) post(path string, form url.Values, want int, says ...string) string {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.answer("POST "+path, request, want, says)
}

func (w *world) answer(what string, request *http.Request, want int, says []string) string {
	w.t.Helper()
	status, text := w.do(request)
	if status != want {
		w.t.Fatalf("%s: %d, want %d: %s", what, status, want, text)
	}
	for _, s := range says {
		if !strings.Contains(text, s) {
			w.t.Errorf("%s does not say %q: %s", what, s, text)
		}
	}
	return text
}

func (w *world) user(name string, role app.Role) {
	w.t.Helper()
	require.NoError(w.t, app.Access{Store: w.db.DB}.AddUser(w.t.Context(), testkit.Actor, name, role, auth.HashPassword("password of "+name)))
}

func (w *world) login(name string) {
	w.t.Helper()
	w.browse()
	w.post("/login", url.Values{"name": {name}, "password": {"password of " + name}}, 200, name)
}

// every lists all pages that only show something.
var every = []string{"/", "/campaigns", "/campaigns/1", "/campaigns/1/report", "/campaigns/1/report?by=caller", "/campaigns/1/contacts/1", "/calls", "/calls?all=1", "/suppressions", "/alarms", "/alarms?all=1", "/audit", "/health"}

const nasty = `<script>alert(1)</script>"'>&{{.}}`

// upload is the form of a new campaign.
func (w *world) upload(do, name, csv string, want int, says ...string) {
	w.t.Helper()
	w.uploadWith(do, name, csv, nil, want, says...)
}

func (w *world) uploadWith(do, name, csv string, more map[string]string, want int, says ...string) string {
	w.t.Helper()
	const boundary = "b"
	var body strings.Builder
	form := map[string]string{"name": name, "from": "442079460000", "say": "Hello {{name}}", "hours": "00:00-24:00", "do": do}
	maps.Copy(form, more)
	for field, value := range form {
		body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + field + "\"\r\n\r\n" + value + "\r\n")
	}
	body.WriteString("--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.csv\"\r\n\r\n" + csv + "\r\n--" + boundary + "--\r\n")
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.server.URL+"/new", strings.NewReader(body.String()))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	return w.answer("upload", request, want, says)
}
