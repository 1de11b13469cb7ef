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
	// maxBody bounds one event. The largest one seen, an input event with
	// speech results, has a few KiB.
	maxBody = 64 << 10

	// defaultBusy is how many events may wait for the store at once. The pool
	// of connections serves a few of them at a time; this bounds its queue.
	defaultBusy = 256

	// defaultDeadline is half of the ten seconds that Vonage waits.
	defaultDeadline = 5 * time.Second
)

var errBusy = errors.New("too many events at once")

// Config says which requests to accept, and how many.
type Config struct {
	Verifier voice.Verifier
	// PublicURL is where Vonage reaches this handler.
	PublicURL string
	// Now is the clock for signatures; nil: time.Now.
	Now func() time.Time
	// Busy is how many verified events may be at the store at once. Further
	// ones are answered 503, so that Vonage tries again. 0: 256.
	Busy int
	// Deadline is how long the store may take for one event; 0: 5 s.
	Deadline time.Duration
}

// NewHandler serves /webhooks/event, /webhooks/input and /webhooks/answer, each
// in its POST and its GET form.
//
// It answers an event 200, and an input 204, after the commit. If anything
// prevents the commit it answers 503, after which Vonage may try again. The
// answer webhook returns the NCCO of the attempt in its URL. A request that
// Vonage did not sign is answered 401 before it is parsed.
func NewHandler(cfg Config, store Store, log *slog.Logger) http.Handler {
	h := &handler{
		verifier:  cfg.Verifier,
		publicURL: cfg.PublicURL,
		now:       cfg.Now,
		deadline:  cmp.Or(cfg.Deadline, defaultDeadline),
		slots:     make(chan struct{}, cmp.Or(cfg.Busy, defaultBusy)),
		store:     store,
		log:       log,

		unsigned:       requestAlarm{kind: campaign.AlarmUnsigned, detail: "webhooks refused: not signed by Vonage"},
		unreadable:     requestAlarm{kind: campaign.AlarmUnreadable, detail: "signed event that cannot be read"},
		delayed:        requestAlarm{kind: campaign.AlarmWebhooksDelayed, detail: "webhooks delayed: too many at once"},
		unknownAttempt: requestAlarm{kind: campaign.AlarmUnknownAttempt, detail: "NCCO requested for an unknown attempt"},
		noNCCO:         requestAlarm{kind: campaign.AlarmAnswer, detail: "NCCO cannot be made"},
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
		mux.HandleFunc("HEAD "+path, methodNotAllowed) // the pattern for GET would match it too
	}
	return mux
}

type handler struct {
	verifier  voice.Verifier
	publicURL string
	now       func() time.Time
	deadline  time.Duration
	slots     chan struct{} // one for each request at the store
	store     Store
	log       *slog.Logger

	unsigned, unreadable, delayed, unknownAttempt, noNCCO requestAlarm
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, POST")
	w.WriteHeader(http.StatusMethodNotAllowed)
}

func (h *handler) event(w http.ResponseWriter, r *http.Request) {
	respond(w, h.receive(w, r))
}

// input is an event to which Vonage expects an NCCO. Without content the call
// continues with the one that it has.
func (h *handler) input(w http.ResponseWriter, r *http.Request) {
	status := h.receive(w, r)
	if status == http.StatusOK {
		status = http.StatusNoContent
	}
	respond(w, status)
}

// respond answers without a body.
func respond(w http.ResponseWriter, status int) {
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	w.WriteHeader(status)
}

// receive stores one event and returns the status of the answer. Its order keeps
// forged requests cheap: size, signature, parse, store.
func (h *handler) receive(w http.ResponseWriter, r *http.Request) int {
	now := h.now()
	body, status := h.verifiedBody(w, r, now)
	if status != http.StatusOK {
		return status
	}
	event, err := provider.ParseEvent(r.Method, r.URL.Query(), body, now)
	if err != nil {
		h.raise(r.Context(), &h.unreadable, now, err)
		return http.StatusBadRequest
	}
	event.AttemptID = attemptID(r)
	if !h.acquireSlot(r.Context(), now) {
		return http.StatusServiceUnavailable
	}
	defer h.releaseSlot()
	return h.save(r.Context(), event)
}

// verifiedBody reads the body, and checks its size and that Vonage signed it.
func (h *handler) verifiedBody(w http.ResponseWriter, r *http.Request, now time.Time) (body []byte, status int) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, http.StatusRequestEntityTooLarge
	}
	if err != nil {
		return nil, http.StatusBadRequest
	}
	//guard:false webhooks.TestForgeriesAreRefused: a webhook is verified
	if err := h.verifier.Verify(r.Header.Get("Authorization"), body, r.Method, now); err != nil {
		h.raise(r.Context(), &h.unsigned, now, err)
		return nil, http.StatusUnauthorized
	}
	return body, http.StatusOK
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

// acquireSlot takes a slot at the store, and returns false if none is free.
func (h *handler) acquireSlot(ctx context.Context, now time.Time) bool {
	select {
	case h.slots <- struct{}{}:
		return true
	default:
		h.raise(ctx, &h.delayed, now, errBusy)
		return false
	}
}

func (h *handler) releaseSlot() { <-h.slots }

// save stores the event. It continues if Vonage closes the connection, because
// the event happened all the same.
func (h *handler) save(ctx context.Context, event campaign.Received) (status int) {
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
