package dashboard

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/auth"
)

//go:embed static templates
var files embed.FS

// Store is what the pages read and change.
type Store interface {
	app.AccessStore
	app.CampaignStore
	app.ContactStore
	app.SuppressionStore
	app.AlarmStore
	app.ListStore
	app.PeopleListStore
	app.TestCallStore
	Snapshot(ctx context.Context) (app.Snapshot, error)
	// LatestReports are the reports of the latest campaigns with lower ids, the latest
	// first.
	LatestReports(ctx context.Context, before int64, limit int) ([]app.Report, error)
	KeyOf(ctx context.Context, campaignID, contactID int64) (string, error)
	ContactEvents(ctx context.Context, contactID int64) ([]app.ContactEvent, error)
	Differences(ctx context.Context, limit int, after string) (app.Differences, error)
	NumberHistory(ctx context.Context, number string) (app.NumberHistory, error)
}

// Config is what the pages need.
type Config struct {
	Store   Store
	ReadRow func(values map[string]string, s campaign.Settings, how campaign.Reading) (campaign.Row, error)
	// CheckMessage says what is wrong with a message that an edited campaign would send.
	CheckMessage func(campaign.Settings, campaign.Rendered) error
	// Act does one thing to a call, and returns what Vonage said. with has the action's
	// other parameters, in the API's form.
	Act func(ctx context.Context, by app.Actor, uuid, action string, with map[string]any) (string, error)
	// HangUpAll ends the calls of a campaign, and says how many.
	HangUpAll func(ctx context.Context, by app.Actor, campaignID int64) (string, error)
	// Export writes a campaign's people.
	Export func(ctx context.Context, out io.Writer, name, format string, q app.ExportQuery) error
	// WriteFigures writes a file of figures: csv or xlsx.
	WriteFigures func(out io.Writer, f app.Figures, format string) error
	// Check says what an import of the file would do, with the message of the given row
	// (0: the first that can be called). Import does it. Even with an error, Checked may
	// have the file's columns.
	Check  func(ctx context.Context, in io.Reader, d campaign.Document, mend Mended, row int) (Checked, error)
	Import func(ctx context.Context, by app.Actor, in io.Reader, d campaign.Document, mend Mended) (app.ImportResult, error)
	// ImportInto adds rows to an existing campaign.
	ImportInto func(ctx context.Context, by app.Actor, in io.Reader, c campaign.Campaign) (app.ImportResult, error)

	OIDC *OIDC // nil: people log in with passwords only

	CallsPerSecond float64
	DefaultCountry string // of numbers that are typed without a country code
	Log            *slog.Logger
	// Serving marks the request's connection as waiting for us until done is called, so
	// that it is not closed to make room for new ones; nil: not needed.
	Serving func(context.Context) (done func())
}

type dashboard struct {
	Config
	templates *template.Template
	live      *live
	logins    *auth.Limiter // by name and address
	addresses *auth.Limiter // by address
	counting  chan struct{} // a place for each report that is being counted
}

// policy lets the pages load their own style and script, and nothing else.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const (
	pageTimeout = 15 * time.Second
	slowTimeout = 15 * time.Minute
	maxForm     = 1 << 20
	maxUpload   = 64 << 20
	// countsAtOnce bounds what reports take of the database.
	countsAtOnce = 2
)

// New serves the pages. run updates the live ones until its context ends.
func New(c Config) (handler http.Handler, run func(context.Context)) {
	if c.Serving == nil {
		c.Serving = func(context.Context) func() { return func() {} }
	}
	d := &dashboard{Config: c, logins: auth.NewLimiter(1.0/30, 5), addresses: auth.NewLimiter(1, 20), counting: make(chan struct{}, countsAtOnce)}
	d.templates = template.Must(template.New("").Funcs(functions).ParseFS(files, "templates/*.html"))
	d.live = newLive(c.Store, c.Log)
	mux := http.NewServeMux()
	for _, p := range pages {
		mux.Handle(p.pattern, d.page(p))
	}
	mux.HandleFunc("GET /login", d.loginForm)
	mux.HandleFunc("POST /login", d.login)
	if c.OIDC != nil {
		mux.HandleFunc("GET "+oidcPath, d.beginOIDC)
		mux.HandleFunc("GET "+OIDCCallback, d.finishOIDC)
	}
	mux.Handle("GET /static/", staticFiles())
	//guard:value(http.Handler(mux)) internal/dashboard.TestForeignPagesChangeNothing: a stranger's page changes nothing here
	protected := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		protected.ServeHTTP(w, r)
	}), d.live.run
}

// staticFiles are part of the program, so a browser may keep them for a while.
func staticFiles() http.Handler {
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		server.ServeHTTP(w, r)
	})
}

// visit is one request of somebody who may see pages.
type visit struct {
	*http.Request
	w    http.ResponseWriter
	by   app.Actor
	open bool // there is no user, and the pages are open to this machine
}

// masked reports whether whole numbers are hidden.
func (v *visit) masked() bool { return v.by.Role == app.Viewer }

// pageRoute is one page, or one change.
type pageRoute struct {
	pattern string
	least   app.Role
	serve   func(*dashboard, *visit) error
	slow    bool
}

var pages = []pageRoute{
	{pattern: "GET /{$}", least: app.Viewer, serve: (*dashboard).overview},
	{pattern: "GET /live", least: app.Viewer, serve: (*dashboard).stream, slow: true},
	{pattern: "GET /campaigns", least: app.Viewer, serve: (*dashboard).campaigns},
	{pattern: "GET /campaigns/{id}", least: app.Viewer, serve: (*dashboard).campaign},
	{pattern: "POST /campaigns/{id}/search", least: app.Viewer, serve: (*dashboard).search},
	{pattern: "GET /campaigns/{id}/outcomes", least: app.Viewer, serve: (*dashboard).outcomes},
	{pattern: "GET /campaigns/{id}/report", least: app.Viewer, serve: (*dashboard).report, slow: true},
	{pattern: "GET /campaigns/{id}/by-hand", least: app.Viewer, serve: (*dashboard).byHand},
	{pattern: "POST /campaigns/{id}/edit", least: app.Operator, serve: (*dashboard).editCampaign},
	{pattern: "POST /campaigns/{id}/{action}", least: app.Operator, serve: (*dashboard).changeCampaign, slow: true},
	{pattern: "GET /campaigns/{id}/export", least: app.Operator, serve: (*dashboard).export, slow: true},
	{pattern: "GET /campaigns/{id}/contacts/{contact}", least: app.Viewer, serve: (*dashboard).contact},
	{pattern: "POST /campaigns/{id}/contacts/{contact}/{action}", least: app.Operator, serve: (*dashboard).changeContact},
	{pattern: "GET /new", least: app.Operator, serve: (*dashboard).newCampaign},
	{pattern: "POST /new", least: app.Operator, serve: (*dashboard).startCampaign, slow: true},
	{pattern: "GET /calls", least: app.Viewer, serve: (*dashboard).calls},
	{pattern: "POST /calls/{uuid}/{action}", least: app.Operator, serve: (*dashboard).act},
	{pattern: "GET /suppressions", least: app.Viewer, serve: (*dashboard).suppressions},
	{pattern: "POST /suppressions", least: app.Operator, serve: (*dashboard).suppress},
	{pattern: "POST /suppressions/lift", least: app.Operator, serve: (*dashboard).lift},
	{pattern: "POST /suppressions/undo", least: app.Operator, serve: (*dashboard).undo},
	{pattern: "GET /alarms", least: app.Viewer, serve: (*dashboard).alarms},
	{pattern: "POST /alarms/{id}/resolve", least: app.Admin, serve: (*dashboard).resolve},
	{pattern: "GET /audit", least: app.Viewer, serve: (*dashboard).audit},
	{pattern: "GET /health", least: app.Viewer, serve: (*dashboard).health},
	{pattern: "POST /find", least: app.Viewer, serve: (*dashboard).find},
	{pattern: "POST /logout", least: app.Viewer, serve: (*dashboard).logout},
}

func (d *dashboard) page(p pageRoute) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		timeout := pageTimeout
		if p.slow {
			timeout = slowTimeout
			control := http.NewResponseController(w)
			_ = control.SetReadDeadline(time.Now().Add(timeout)) // a test's writer has none
			_ = control.SetWriteDeadline(time.Now().Add(timeout))
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		v := &visit{Request: r.WithContext(ctx), w: w}
		r.Body = http.MaxBytesReader(w, r.Body, maxUpload+maxForm)
		err := d.admit(v)
		//guard:false internal/dashboard.TestRolesOfPages: a page is for the roles that it names
		if err == nil && !v.by.May(p.least) {
			err = fmt.Errorf("%w: it takes the role %s", app.ErrForbidden, p.least)
		}
		if err == nil {
			//guard:drop cmd/dialer.TestAdminListenerKeepsWhatItServes: a page that is being served keeps its connection
			defer d.Serving(r.Context())()
			err = p.serve(d, v)
		}
		if err != nil {
			d.fail(v, err)
		}
	})
}

var (
	errLogin  = errors.New("log in first")
	errClosed = errors.New("there is no user yet, so the pages are for this machine only: `dialer user add --name NAME --role admin` makes one")
)

// admit finds out who sent the request. While there is no user, requests from this
// machine may do everything, as with the command line.
func (d *dashboard) admit(v *visit) error {
	if cookie, err := v.Cookie(sessionCookie); err == nil {
		user, err := d.Store.UserOf(v.Context(), auth.HashSecret(cookie.Value))
		if err == nil {
			v.by = user.Actor()
			return nil
		}
		if !errors.Is(err, campaign.ErrNotFound) {
			return err
		}
	}
	users, err := d.Store.Users(v.Context())
	switch {
	case err != nil:
		return err
	//guard:false internal/dashboard.TestLogin: nobody is let in without a session once there is a user
	case len(users) > 0 || d.OIDC != nil:
		return errLogin
	//guard:false internal/dashboard.TestOpenToThisMachineOnly: without users the pages are for this machine only
	case !auth.FromThisMachine(v.Request) || !auth.ForThisMachine(v.Request):
		return errClosed
	}
	v.by, v.open = app.Actor{Name: "this machine", Role: app.Admin, Through: app.ThroughPage}, true
	return nil
}

// fail shows an error: where to log in, or what is wrong.
func (d *dashboard) fail(v *visit, err error) {
	status := http.StatusUnprocessableEntity
	switch {
	case v.Context().Err() != nil:
		return // the reader left
	case errors.Is(err, errLogin):
		http.Redirect(v.w, v.Request, "/login", http.StatusSeeOther)
		return
	case errors.Is(err, errClosed), errors.Is(err, app.ErrForbidden):
		status = http.StatusForbidden
	case errors.Is(err, campaign.ErrNotFound):
		status = http.StatusNotFound
	case ours(err):
		d.Log.ErrorContext(v.Context(), "a page failed", "path", v.Pattern, "actor", v.by.Name, "error", err)
		status, err = http.StatusServiceUnavailable, errors.New("the database does not answer now: the log says why; try again")
	}
	_ = d.show(v, status, "error.html", shown{Title: http.StatusText(status), Error: err.Error()})
}

// ours reports whether the database, the network or a timeout caused the error.
func ours(err error) bool {
	var state interface{ SQLState() string }
	var retry interface{ SafeToRetry() bool }
	return errors.As(err, &state) || errors.As(err, &retry) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// shown is the common part of every page.
type shown struct {
	Title string
	Here  string // which part of the menu
	By    app.Actor
	Open  bool
	// Posted: the page was the answer to a POST, so no address shows it again.
	Posted bool
	Error  string // why a change was refused; the page stays
	Said   string // what was just done
	Undo   string // the address where a POST takes that back; "": none
	// UndoID is sent with Undo: the id of what it takes back; 0: the address says it.
	UndoID int64
	Data   any
}

// show renders a page whole before it sends it.
func (d *dashboard) show(v *visit, status int, name string, s shown) error {
	s.By, s.Open, s.Posted = v.by, v.open, v.Method == http.MethodPost
	if s.Said == "" {
		s.Said = said[v.URL.Query().Get("done")]
	}
	if s.Said == "" {
		s.Undo = ""
	}
	if v.masked() {
		s.Error = app.MaskText(s.Error)
	}
	var page bytes.Buffer
	if err := d.templates.ExecuteTemplate(&page, name, s); err != nil {
		d.Log.ErrorContext(v.Context(), "a page could not be rendered", "page", name, "error", err)
		http.Error(v.w, "this page could not be made; the log says why", http.StatusInternalServerError)
		return nil
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(harmless(page.Bytes()))
	return nil
}

// said are the words of a page after a change, by ?done=.
var said = map[string]string{
	"pause": "Paused: no more calls begin.", "resume": "Resumed: it calls again. Pause undoes it.",
	"stop": "Stopped: people who were not reached yet are not called.", "update": "Changed: the next call uses the new values.",
	"call":   "Due now: the call is made as soon as the rules allow. What stands in the way is said below.",
	"cancel": "Cancelled: nobody calls this person for this campaign any more.", "suppress": "Suppressed: nobody calls this number any more.",
	"lift": "Lifted: the number may be called again.", "resolve": "Resolved. Raised again, it is open again.", "decide": "Decided: the attempt is settled by your word.", "hangup": "Hung up.", "act": "Done.",
	"start": "Started.", "begin": "Started: it calls from now on, or from its start. Pause undoes it.",
	"restore": "Restored: this person is called again as if nothing had been.", "unsuppress": "Undone: the number may be called again.", "unsuppress-people": "Undone: the number may be called again, and who ended because of the suppression is called.",
	"suppressed": "The number was suppressed already: nothing was to be changed.", "test": "The test call begins within some seconds, or not at all after two minutes: see Calls.",
	"again": "This is the draft of those who were not reached. Look at it, and start it.", "edit": "Edited: calls that have not begun are made by the new document.", "same": "Nothing was to be changed.",
}

// done goes back to a page after a change.
func (v *visit) done(to, what string) error {
	http.Redirect(v.w, v.Request, to+"?done="+what, http.StatusSeeOther)
	return nil
}

// idOf reads an id of the address.
func (v *visit) idOf(name string) (int64, error) {
	id, err := strconv.ParseInt(v.PathValue(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, campaign.ErrNotFound
	}
	return id, nil
}
