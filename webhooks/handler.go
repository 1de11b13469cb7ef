package webhooks

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"
	"dialer/internal/provider"
	"dialer/voice"

	"github.com/google/uuid"
)

const (
	// maxBody bounds one event. The largest seen, an input event with speech
	// results, has a few KiB.
	maxBody = 64 << 10

	// defaultBusy is how many events may be at the store at once. The pool of
	// connections lets them through a few at a time; this bounds the queue in
	// front of it.
	defaultBusy = 256

	// defaultDeadline leaves half of the ten seconds that Vonage waits.
	defaultDeadline = 5 * time.Second
)

var errBusy = errors.New("too many events at work")

// Config says whom to believe and how much to bear.
type Config struct {
	Verifier voice.Verifier
	// PublicURL is where Vonage reaches this handler.
	PublicURL string
	// Now is the clock that signatures are judged by; nil: time.Now.
	Now func() time.Time
	// Busy is how many verified events may be at the store at once; more are
	// answered 503, so that Vonage tries again. 0: 256.
	Busy int
	// Deadline is how long the store may take for one event; 0: 5 s.
	Deadline time.Duration
}

// NewHandler serves /webhooks/event, /webhooks/input and /webhooks/answer, each
// in its POST and its GET form.
//
// It answers an event 200, and an input 204, once it is committed, and not
// before. Whatever keeps it from committing is 503, on which Vonage may
// try again. The answer webhook gives the NCCO of the attempt in its URL. A
// request that is not signed by Vonage is answered 401 before anything of
// it is parsed.
func NewHandler(cfg Config, store Store, log *slog.Logger) http.Handler {
	h := &handler{
		verifier:  cfg.Verifier,
		publicURL: cfg.PublicURL,
		now:       cfg.Now,
		deadline:  cmp.Or(cfg.Deadline, defaultDeadline),
		busy:      make(chan struct{}, cmp.Or(cfg.Busy, defaultBusy)),
		store:     store,
		log:       log,
	}
	if h.now == nil {
		h.now = time.Now
	}
	mux := http.NewServeMux()
	for path, serve := range map[string]http.HandlerFunc{
		"/webhooks/event": h.event, "/webhooks/input": h.input, "/webhooks/answer": h.answer,
	} {
		mux.HandleFunc("POST "+path, serve)
		mux.HandleFunc("GET "+path, serve)
		mux.HandleFunc("HEAD "+path, notAllowed) // GET's pattern would take it too
	}
	return mux
}

type handler struct {
	verifier  voice.Verifier
	publicURL string
	now       func() time.Time
	deadline  time.Duration
	busy      chan struct{}
	store     Store
	log       *slog.Logger

	refused, unreadable, putOff, strangers, noScript tally
}

func notAllowed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, POST")
	w.WriteHeader(http.StatusMethodNotAllowed)
}

func (h *handler) event(w http.ResponseWriter, r *http.Request) {
	conclude(w, h.receive(w, r))
}

// input is an event that waits for a reply: with no content, the call goes on
// with its NCCO.
func (h *handler) input(w http.ResponseWriter, r *http.Request) {
	code := h.receive(w, r)
	if code == http.StatusOK {
		code = http.StatusNoContent
	}
	conclude(w, code)
}

// conclude ends a request without a body.
func conclude(w http.ResponseWriter, code int) {
	if code == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(code)
}

// receive is the whole of an event's way, in the order that keeps forged
// requests cheap: size, signature, parse, commit.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) int {
	now := h.now()
	raw, code := h.admit(w, r, now)
	if code != http.StatusOK {
		return code
	}
	event, err := provider.ParseEvent(r.Method, r.URL.Query(), raw, now)
	if err != nil {
		h.say(r.Context(), &h.unreadable, now, unreadable, err)
		return http.StatusBadRequest
	}
	event.AttemptID = attemptID(r)
	if !h.enter(r.Context(), now) {
		return http.StatusServiceUnavailable
	}
	defer h.leave()
	return h.commit(r.Context(), event)
}

// admit reads the body of a request that Vonage signed.
func (h *handler) admit(w http.ResponseWriter, r *http.Request, now time.Time) ([]byte, int) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, tooLarge(err)
	}
	//guard:false webhooks.TestForgeriesAreRefusedAndWriteNothing: a webhook is verified
	if err := h.verifier.Verify(r.Header.Get("Authorization"), raw, r.Method, now); err != nil {
		h.say(r.Context(), &h.refused, now, unsigned, err)
		return nil, http.StatusUnauthorized
	}
	return raw, http.StatusOK
}

// enter takes one of the places at the store, unless all are taken.
func (h *handler) enter(ctx context.Context, now time.Time) bool {
	select {
	case h.busy <- struct{}{}:
		return true
	default:
		h.say(ctx, &h.putOff, now, putOff, errBusy)
		return false
	}
}

func (h *handler) leave() { <-h.busy }

func tooLarge(err error) int {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// What a person is told of requests that anybody can cause as often as they
// like. The text is the alarm's detail, and must say nothing of the request.
var (
	unsigned   = campaign.Alarm{Kind: campaign.AlarmUnsigned, Detail: "events refused: not signed by Vonage"}
	unreadable = campaign.Alarm{Kind: campaign.AlarmUnreadable, Detail: "signed event that cannot be read"}
	putOff     = campaign.Alarm{Kind: campaign.AlarmPutOff, Detail: "events put off"}
	strangers  = campaign.Alarm{Kind: campaign.AlarmUnknownAttempt, Detail: "NCCO asked for no attempt that is known"}
	noScript   = campaign.Alarm{Kind: campaign.AlarmAnswer, Detail: "NCCO cannot be made"}
)

// say logs such a request and raises its alarm: a minute gets one of each, with
// the count.
func (h *handler) say(ctx context.Context, t *tally, now time.Time, what campaign.Alarm, err error) {
	n, due := t.add(now)
	if !due {
		return
	}
	h.log.LogAttrs(ctx, slog.LevelWarn, what.Detail, slog.Int("count", n), slog.Any("error", err))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.deadline)
	defer cancel()
	if err := h.store.RaiseSeldom(ctx, what); err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "alarm not stored", slog.String("kind", what.Kind), slog.Any("error", err))
	}
}

// attemptID is the id that our own event_url carries. An event whose id is
// missing or spoiled is found by its call uuid.
func attemptID(r *http.Request) uuid.UUID {
	id, err := uuid.Parse(r.URL.Query().Get("attempt"))
	if err != nil {
		return uuid.Nil
	}
	return id
}

// commit stores the event. A provider that hangs up has still said what it
// said, so its hanging up does not cancel the write.
func (h *handler) commit(ctx context.Context, event campaign.Received) int {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.deadline)
	defer cancel()
	failpoint.Hit("webhook.received")
	if err := h.store.Receive(ctx, event); err != nil {
		h.log.LogAttrs(ctx, slog.LevelError, "event not stored",
			slog.String("attempt_id", event.AttemptID.String()), slog.String("kind", event.Kind), slog.Any("error", err))
		return http.StatusServiceUnavailable
	}
	failpoint.Hit("webhook.committed")
	return http.StatusOK
}
