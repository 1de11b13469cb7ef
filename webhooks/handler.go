package webhooks

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
	"dialer/internal/provider"
	"dialer/voice"

	"github.com/google/uuid"
)

const (
	// maxBody bounds one event. The largest one seen, an input event with
	// speech results, has a few KiB.
	maxBody = 64 << 10

	// defaultBusy is how many events may wait for the store at once. The pool
	// of connections serves a few of them at a time; this bounds its queue.
	defaultBusy = 256

	// defaultDeadline is half of the ten seconds that Vonage waits.
	defaultDeadline = 5 * time.Second
)

// DefaultInboundText is what a caller hears if no campaign has a message for them.
const DefaultInboundText = "This number only makes calls. Nobody can take yours here. Goodbye."

var errBusy = errors.New("too many events at once")

// Config says which requests to accept, and how many.
type Config struct {
	Verifier voice.Verifier
	// PublicURL is where Vonage reaches this handler.
	PublicURL string
	// InboundText is what a caller to one of our numbers hears, if no campaign lets
	// them hear their message again. "": a short text in English.
	InboundText, InboundLanguage string
	// Now is the clock for signatures; nil: time.Now.
	Now func() time.Time
	// Busy is how many verified events may be at the store at once. Further
	// ones are answered 503, so that Vonage tries again. 0: 256.
	Busy int
	// Deadline is how long the store may take for one event, including what is read
	// before it; 0: 5 s.
	Deadline time.Duration
	// Count counts an answered request by its kind (event, input, answer or other) and
	// its Result; nil: requests are not counted.
	Count func(kind, result string)
}

// Result is how a request ended.
type Result string

const (
	Stored   Result = "stored"
	Served   Result = "served"   // an NCCO
	Repeated Result = "repeated" // it was stored when it came before
	Unsigned Result = "unsigned" // Vonage did not sign this request
	TooLarge Result = "too_large"
	Delayed  Result = "delayed" // Vonage may try again
	Bad      Result = "bad"
)

// reply is how a request is answered.
type reply struct {
	status int
	result Result
	body   []byte // nil: none
	form   string // of the body
}

const jsonForm, textForm = "application/json", "text/plain; charset=utf-8"

// NewHandler serves everything that a stranger may ask for: /webhooks/event and
// /webhooks/input by POST, /webhooks/answer by POST and GET, and /healthz.
//
// It answers an event 200, and an input 204, after the commit. If anything
// prevents the commit it answers 503, after which Vonage may try again. The
// answer webhook returns the NCCO of the attempt in its URL. It changes no attempt's
// state; it notes that Vonage asked, which shows that there is a call. A request that
// Vonage did not sign is answered 401 before its body is read. So is a request whose
// token was used before with another body or address. A repeated request gets its first
// answer, and is not stored again.
func NewHandler(cfg Config, store Store, log *slog.Logger) http.Handler {
	h := &handler{
		verifier:  cfg.Verifier,
		publicURL: cfg.PublicURL,
		now:       cfg.Now,
		deadline:  cmp.Or(cfg.Deadline, defaultDeadline),
		places:    make(chan struct{}, cmp.Or(cfg.Busy, defaultBusy)),
		large:     make(chan struct{}, largeBodies),
		count:     cfg.Count,
		store:     store,
		log:       log,

		inboundText: cmp.Or(cfg.InboundText, DefaultInboundText), inboundLanguage: cfg.InboundLanguage,

		unsigned:       requestAlarm{kind: campaign.AlarmUnsigned, detail: "webhooks refused: not signed by Vonage"},
		unreadable:     requestAlarm{kind: campaign.AlarmUnreadable, detail: "signed event that cannot be read"},
		tooLarge:       requestAlarm{kind: campaign.AlarmUnreadable, detail: "signed event larger than 64 KiB"},
		delayed:        requestAlarm{kind: campaign.AlarmWebhooksDelayed, detail: "webhooks delayed: too many at once"},
		unknownAttempt: requestAlarm{kind: campaign.AlarmUnknownAttempt, detail: "NCCO requested for an unknown attempt"},
		noNCCO:         requestAlarm{kind: campaign.AlarmAnswer, detail: "NCCO cannot be made"},
		unanswered:     requestAlarm{kind: campaign.AlarmAnswer, detail: "calls ended with an apology: their keys were not answered in time"},
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.count == nil {
		h.count = func(string, string) {}
	}
	h.routes = map[string]route{
		"/webhooks/event":  {"event", []string{http.MethodPost}, h.event},
		"/webhooks/input":  {"input", []string{http.MethodPost}, h.input},
		"/webhooks/answer": {"answer", []string{http.MethodGet, http.MethodPost}, h.answer},
		"/healthz":         {"", []string{http.MethodGet, http.MethodHead}, health},
	}
	return h
}

type handler struct {
	verifier  voice.Verifier
	publicURL string
	now       func() time.Time
	deadline  time.Duration
	routes    map[string]route // by path
	places    chan struct{}    // one for each request at the store
	large     chan struct{}    // one for each large body that is being read
	count     func(kind, result string)
	store     Store
	log       *slog.Logger

	inboundText, inboundLanguage string

	unsigned, unreadable, tooLarge, delayed, unknownAttempt, noNCCO, unanswered requestAlarm
}

// route is one path.
type route struct {
	kind    string // for Count; "": it is not counted
	methods []string
	serve   func(http.ResponseWriter, *http.Request) reply
}

// ServeHTTP treats doubled slashes, which a proxy may add, as one. ServeMux would
// redirect the request, and Vonage follows no redirect.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, found := h.routes[oneSlash(r.URL.Path)]
	a := reply{status: http.StatusNotFound, result: Bad}
	switch {
	case !found:
		route.kind = "other"
	//guard:false webhooks.TestMethodsAndPaths: events and inputs are taken by POST only
	case !slices.Contains(route.methods, r.Method):
		w.Header().Set("Allow", strings.Join(route.methods, ", "))
		a.status = http.StatusMethodNotAllowed
	default:
		a = route.serve(w, r)
	}
	if route.kind != "" {
		h.count(route.kind, string(a.result))
	}
	respond(w, a)
}

var slashes = regexp.MustCompile(`//+`)

func oneSlash(path string) string { return slashes.ReplaceAllLiteralString(path, "/") }

func health(http.ResponseWriter, *http.Request) reply {
	return reply{status: http.StatusOK, body: []byte("ok\n"), form: textForm}
}

// respond writes the answer.
func respond(w http.ResponseWriter, a reply) {
	if a.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if a.body != nil {
		w.Header().Set("Content-Type", a.form)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // on an error Vonage asks again
}

// event stores an event. If it says that a machine answered, the reply may be an NCCO.
func (h *handler) event(w http.ResponseWriter, r *http.Request) reply {
	return h.receive(w, r, func(ctx context.Context, e *campaign.Received) (next, error) {
		if e.Unanswered {
			return h.onUnanswered, nil
		}
		if e.Kind != "machine" || e.AttemptID == uuid.Nil {
			return nil, nil
		}
		return h.onMachine(ctx, e)
	})
}

// input is an event to which Vonage expects an NCCO. If the reply is empty, the call
// continues with its present NCCO.
func (h *handler) input(w http.ResponseWriter, r *http.Request) reply {
	a := h.receive(w, r, func(ctx context.Context, e *campaign.Received) (next, error) {
		at, ok := provider.ParseTurn(r.URL.Query())
		if !ok || e.AttemptID == uuid.Nil && e.InboundID == uuid.Nil {
			return nil, nil
		}
		return h.onInput(ctx, e, at)
	})
	if a.status == http.StatusOK && a.body == nil {
		a.status = http.StatusNoContent
	}
	return a
}

// next makes the NCCO in the reply to an event, after the event is stored; nil: there is
// none.
type next func(ctx context.Context, e campaign.Received, now time.Time) reply

// receive stores one event. Its order keeps forged requests cheap: token, body,
// parse, store. prepare completes the event before it is stored, and returns what
// to do after that.
func (h *handler) receive(w http.ResponseWriter, r *http.Request, prepare func(context.Context, *campaign.Received) (next, error)) reply {
	now := h.now()
	request, refused := h.verified(w, r, now)
	if refused.status != 0 {
		return refused
	}
	defer Serving(r.Context())()
	event, err := provider.ParseEvent(r.Method, r.URL.Query(), request.body, now)
	if err != nil {
		h.raise(r.Context(), &h.unreadable, now, err)
		return reply{status: http.StatusBadRequest, result: Bad}
	}
	event.AttemptID, event.InboundID, event.Token = attemptID(r), inboundID(r), request.token
	event.Evidence.Leg = provider.IsLeg(r.URL.Query())
	if !h.acquirePlace(r.Context(), now) {
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	}
	defer h.releasePlace()
	// It continues if Vonage closes the connection: the event happened all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), h.deadline)
	defer cancel()
	follow, err := prepare(ctx, &event)
	if err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "event not answered", slog.String("attempt_id", event.AttemptID.String()), slog.String("kind", event.Kind), slog.Any("error", err))
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	}
	saved := h.save(ctx, event, now)
	// A repeated request gets its first answer.
	if saved.status != http.StatusOK || follow == nil {
		return saved
	}
	return follow(ctx, event, now)
}

// verifiedRequest is a request that Vonage signed.
type verifiedRequest struct {
	body  []byte
	token campaign.SeenToken
}

// verified checks the token, then reads the body and checks that it was signed.
// The reply has a status if the request is refused.
func (h *handler) verified(w http.ResponseWriter, r *http.Request, now time.Time) (verifiedRequest, reply) {
	token, err := h.verifier.VerifyToken(r.Header.Get("Authorization"), now)
	//guard:false webhooks.TestForgeriesAreRefused: a webhook is verified
	if err != nil {
		h.raise(r.Context(), &h.unsigned, now, err)
		cutOff(w)
		return verifiedRequest{}, reply{status: http.StatusUnauthorized, result: Unsigned}
	}
	body, refused := h.readBody(w, r, now)
	if refused.status != 0 {
		cutOff(w)
		return verifiedRequest{}, refused
	}
	// What Vonage hashes for a GET is not documented.
	if err := token.Covers(body); err != nil && r.Method != http.MethodGet {
		h.raise(r.Context(), &h.unsigned, now, err)
		return verifiedRequest{}, reply{status: http.StatusUnauthorized, result: Unsigned}
	}
	seen := campaign.SeenToken{Token: token.Key, Request: requestHash(r, body), ExpiresAt: token.ExpiresAt}
	return verifiedRequest{body, seen}, reply{}
}

// requestHash distinguishes a request from another one with the same token.
func requestHash(r *http.Request, body []byte) (sum [sha256.Size]byte) {
	hash := sha256.New()
	_, _ = io.WriteString(hash, r.Method+" "+oneSlash(r.URL.Path)+"?"+r.URL.RawQuery+"\n") // a hash never fails
	_, _ = hash.Write(body)
	return [sha256.Size]byte(hash.Sum(nil))
}

// attemptID is the id in our own event_url. It is Nil if it is missing or
// invalid; the event is then found by its call's uuid.
func attemptID(r *http.Request) uuid.UUID {
	id, err := uuid.Parse(r.URL.Query().Get("attempt"))
	if err != nil {
		return uuid.Nil
	}
	return id
}

// acquirePlace takes a place at the store, and returns false if none is free.
func (h *handler) acquirePlace(ctx context.Context, now time.Time) bool {
	select {
	case h.places <- struct{}{}:
		return true
	default:
		h.raise(ctx, &h.delayed, now, errBusy)
		return false
	}
}

func (h *handler) releasePlace() { <-h.places }

// save stores the event.
func (h *handler) save(ctx context.Context, event campaign.Received, now time.Time) reply {
	failpoint.Hit("webhook.received")
	if err := h.store.Receive(ctx, event); err != nil {
		if seen := h.seenBefore(ctx, err, now); seen.status != 0 {
			return seen
		}
		h.log.LogAttrs(ctx, slog.LevelError, "event not stored",
			slog.String("attempt_id", event.AttemptID.String()), slog.String("kind", event.Kind), slog.Any("error", err))
		return reply{status: http.StatusServiceUnavailable, result: Delayed}
	}
	failpoint.Hit("webhook.committed")
	return reply{status: http.StatusOK, result: Stored}
}

// seenBefore is the answer to a request whose token was used before. It has no status for
// any other error.
func (h *handler) seenBefore(ctx context.Context, err error, now time.Time) reply {
	switch {
	case errors.Is(err, campaign.ErrRepeated):
		return reply{status: http.StatusOK, result: Repeated}
	case errors.Is(err, campaign.ErrTokenReused):
		h.raise(ctx, &h.unsigned, now, err)
		return reply{status: http.StatusUnauthorized, result: Unsigned}
	}
	return reply{}
}
