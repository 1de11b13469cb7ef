package voicesim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// callbackSender sends callbacks: a bounded number at once, and one at a time
// from each queue. It has no goroutines while there is nothing to send.
type callbackSender struct {
	sim    *Sim
	client *http.Client
	ctx    context.Context // ends every delivery
	cancel context.CancelFunc

	mu      sync.Mutex
	ready   []*callbackQueue // those whose first callback can be sent now
	running int              // goroutines
	idle    *sync.Cond       // signalled when running falls to 0
}

// callbackQueue holds the callbacks of one call, in order.
type callbackQueue struct {
	waiting []callback
	busy    bool // it is in ready, or its first callback is being sent or waits for its second try
}

// callback is one request to a webhook.
type callback struct {
	kind        string // as in LedgerWebhook
	url, method string
	event       object
	call        *call // that the event is about
	body        []byte
	retried     bool                // the first try has failed
	unsigned    bool                // the first try has no signature
	timeout     time.Duration       // of one try
	onReply     func(callbackReply) // nil: the reply does not matter
	token       *token              // nil: each try has one of its own
	forged      bool                // the token was made for another event
	onTaken     func()              // runs when it was delivered; may be nil
}

// How long Vonage waits for the reply to an event, and for an NCCO.
const (
	eventTimeout  = 10 * time.Second
	answerTimeout = 5 * time.Second
)

// callbackReply is the reply to a callback.
type callbackReply struct {
	status int // 0: no reply
	body   []byte
	err    error
	bearer string // the token that was sent
}

func (r callbackReply) ok() bool { return r.err == nil && r.status >= 200 && r.status <= 205 }

// retryable says whether Vonage tries a second time. A callback that was unsigned
// by mistake is tried again after any failure of the server.
func (r callbackReply) retryable(unsigned bool) bool {
	return r.err != nil || r.status == 429 || r.status == 503 || r.status == 504 || unsigned && r.status >= 500
}

func (r callbackReply) problem() string {
	if r.err != nil {
		return "connection failed or timed out"
	}
	return "status " + strconv.Itoa(r.status)
}

func newCallbackSender(s *Sim) *callbackSender {
	p := &callbackSender{sim: s, client: s.cfg.Client}
	p.idle = sync.NewCond(&p.mu)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	if p.client == nil {
		p.client = ownClient(s.cfg.Callbacks)
	}
	return p
}

func ownClient(connections int) *http.Client {
	return &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// enqueue adds callbacks to a queue.
func (p *callbackSender) enqueue(q *callbackQueue, callbacks ...callback) {
	p.sim.stats.count(func(m *Summary) { m.EventsPending += len(callbacks) })
	p.mu.Lock()
	defer p.mu.Unlock()
	q.waiting = append(q.waiting, callbacks...)
	if !q.busy && len(q.waiting) > 0 {
		q.busy = true
		p.markReady(q)
	}
}

func (p *callbackSender) markReady(q *callbackQueue) {
	p.ready = append(p.ready, q)
	if p.running < p.sim.cfg.Callbacks && !p.stopped() {
		p.running++
		go p.deliverReady()
	}
}

func (p *callbackSender) stopped() bool {
	select {
	case <-p.sim.done:
		return true
	default:
		return false
	}
}

// deliverReady sends callbacks until none is ready.
func (p *callbackSender) deliverReady() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) > 0 && !p.stopped() {
		q := p.ready[0]
		p.ready = p.ready[1:]
		cb := q.waiting[0]
		p.mu.Unlock()
		again := p.deliver(cb)
		p.mu.Lock()
		p.afterTry(q, again)
	}
	p.running--
	if p.running == 0 {
		p.idle.Broadcast()
	}
}

// afterTry decides what happens to a queue whose first callback was sent: the
// same again after a pause, or the next one.
func (p *callbackSender) afterTry(q *callbackQueue, again bool) {
	if again {
		q.waiting[0].retried = true
		p.sim.schedule.after(time.Duration(float64(time.Second)/p.sim.cfg.Speed), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.markReady(q)
		})
		return
	}
	p.sim.stats.count(func(m *Summary) { m.EventsPending-- })
	q.waiting = q.waiting[1:]
	q.busy = len(q.waiting) > 0
	if q.busy {
		p.ready = append(p.ready, q)
	}
}

// wait returns when no callback is being sent. Call it after Sim.done is closed.
func (p *callbackSender) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running > 0 {
		p.idle.Wait()
	}
}

// interrupt cancels the requests in progress.
func (p *callbackSender) interrupt() {
	p.cancel()
	if p.sim.cfg.Client == nil {
		p.client.CloseIdleConnections()
	}
}

// deliver sends a callback and says whether to try it again, which happens once.
func (p *callbackSender) deliver(cb callback) (again bool) {
	reply := p.send(cb)
	p.sim.noteWebhook(cb, reply)
	if cb.forged {
		return false
	}
	if !reply.ok() && reply.retryable(cb.unsigned) && !cb.retried {
		return true
	}
	p.sim.stats.count(func(m *Summary) {
		if reply.ok() {
			m.EventsSent++
		} else {
			m.EventsFailed++
		}
	})
	if !reply.ok() {
		p.sim.cfg.Logger.Warn("callback not delivered", "status", reply.status, "err", reply.err)
	}
	if reply.ok() && cb.call != nil {
		p.sim.acknowledged(cb)
	}
	if cb.onReply != nil {
		cb.onReply(reply)
	}
	if cb.onTaken != nil && reply.ok() {
		cb.onTaken()
	}
	return false
}

// acknowledged notes that the application has received the event. A status that names no
// call tells the application nothing.
func (s *Sim) acknowledged(cb callback) {
	s.tookSaid(cb)
	if !cb.event.has("uuid") && !cb.event.has("call_uuid") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range cb.event {
		if word, ok := m.value.(string); ok && m.name == "status" {
			cb.call.acknowledged.add(word)
		}
	}
}

func (p *callbackSender) send(cb callback) callbackReply {
	ctx, cancel := context.WithTimeout(p.ctx, cb.timeout)
	defer cancel()
	req, err := p.request(ctx, cb)
	if err != nil {
		return callbackReply{err: err}
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return callbackReply{err: withoutURL(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	return callbackReply{resp.StatusCode, body, err, req.Header.Get("Authorization")}
}

// request builds the HTTP request, with a new token unless the callback has one.
func (p *callbackSender) request(ctx context.Context, cb callback) (*http.Request, error) {
	method, target, body := http.MethodPost, cb.url, cb.body
	if cb.method == http.MethodGet {
		query, err := cb.event.query()
		if err != nil {
			return nil, fmt.Errorf("callback: %w", err)
		}
		method, target, body = http.MethodGet, addQuery(cb.url, query), nil
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("User-Agent", "Apache-HttpAsyncClient/4.1 (Java/1.8.0_144)")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if cb.unsigned && !cb.retried {
		return req, nil
	}
	if len(p.sim.cfg.SignatureSecret) == 0 {
		return req, nil
	}
	t := cb.token
	if t == nil {
		t = &token{}
	}
	authorization, err := t.sign(p.sim, body)
	if err == nil {
		req.Header.Set("Authorization", authorization)
	}
	return req, err
}

// addQuery adds a query to a URL that may already have a query.
func addQuery(target string, query url.Values) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + query.Encode()
}

// withoutURL removes the address from an error, because the address contains ids and
// numbers.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
