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

	"dialer/voice"
)

// postman delivers callbacks: a bounded number at once, one at a time for each
// mailbox. It has no goroutines while there is nothing to deliver.
type postman struct {
	sim    *Sim
	client *http.Client
	ctx    context.Context // ends every delivery
	cancel context.CancelFunc

	mu      sync.Mutex
	ready   []*mailbox // those with a letter to deliver now
	running int        // goroutines
	idle    *sync.Cond // signalled when running falls to 0
}

// mailbox holds the letters of one call, in order.
type mailbox struct {
	letters []letter
	taken   bool // it is in ready, or its first letter is being delivered or waits for its second try
}

// letter is one callback.
type letter struct {
	url, method string
	event       object
	body        []byte
	tried       bool           // once already
	unsigned    bool           // at the first try
	waits       time.Duration  // for a reply
	got         func(received) // takes the reply; nil: nobody waits for it
}

// How long Vonage waits for the reply to an event, and to a question.
const (
	eventPatience  = 10 * time.Second
	answerPatience = 5 * time.Second
)

// received is the reply to a callback.
type received struct {
	status int // 0: none came
	body   []byte
	err    error
}

func (r received) ok() bool { return r.err == nil && r.status >= 200 && r.status <= 205 }

// mayPass says whether a second try is worth while. One that was unsigned by
// mistake gets it after any failure of the server.
func (r received) mayPass(unsigned bool) bool {
	return r.err != nil || r.status == 429 || r.status == 503 || r.status == 504 || unsigned && r.status >= 500
}

func (r received) problem() string {
	if r.err != nil {
		return "connection failed or timed out"
	}
	return "status " + strconv.Itoa(r.status)
}

func newPostman(s *Sim) *postman {
	p := &postman{sim: s, client: s.cfg.Client}
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

// put adds letters to a mailbox, to be delivered after those already in it.
func (p *postman) put(b *mailbox, letters ...letter) {
	p.sim.stats.count(func(m *Summary) { m.EventsPending += len(letters) })
	p.mu.Lock()
	defer p.mu.Unlock()
	b.letters = append(b.letters, letters...)
	if !b.taken && len(b.letters) > 0 {
		b.taken = true
		p.push(b)
	}
}

func (p *postman) push(b *mailbox) {
	p.ready = append(p.ready, b)
	if p.running < p.sim.cfg.Callbacks && !p.stopped() {
		p.running++
		go p.walk()
	}
}

func (p *postman) stopped() bool {
	select {
	case <-p.sim.done:
		return true
	default:
		return false
	}
}

// walk delivers until there is nothing left to deliver.
func (p *postman) walk() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) > 0 && !p.stopped() {
		b := p.ready[0]
		p.ready = p.ready[1:]
		mail := b.letters[0]
		p.mu.Unlock()
		again := p.deliver(mail)
		p.mu.Lock()
		p.after(b, again)
	}
	p.running--
	if p.running == 0 {
		p.idle.Broadcast()
	}
}

// after puts a mailbox back whose first letter was tried.
func (p *postman) after(b *mailbox, again bool) {
	if again {
		b.letters[0].tried = true
		p.sim.schedule.after(time.Duration(float64(time.Second)/p.sim.cfg.Speed), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.push(b)
		})
		return
	}
	p.sim.stats.count(func(m *Summary) { m.EventsPending-- })
	b.letters = b.letters[1:]
	b.taken = len(b.letters) > 0
	if b.taken {
		p.ready = append(p.ready, b)
	}
}

// wait returns when no delivery is under way and none will begin.
func (p *postman) wait() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.running > 0 {
		p.idle.Wait()
	}
}

// interrupt ends what is under way.
func (p *postman) interrupt() {
	p.cancel()
	if p.sim.cfg.Client == nil {
		p.client.CloseIdleConnections()
	}
}

// deliver tries a letter and says whether it is to be tried again: once, when
// that may help.
func (p *postman) deliver(mail letter) (again bool) {
	reply := p.send(mail)
	if !reply.ok() && reply.mayPass(mail.unsigned) && !mail.tried {
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
	if mail.got != nil {
		mail.got(reply)
	}
	return false
}

func (p *postman) send(mail letter) received {
	ctx, cancel := context.WithTimeout(p.ctx, mail.waits)
	defer cancel()
	req, err := p.request(ctx, mail)
	if err != nil {
		return received{err: err}
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return received{err: withoutURL(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	return received{resp.StatusCode, body, err}
}

// request writes the callback and signs it anew at each try.
func (p *postman) request(ctx context.Context, mail letter) (*http.Request, error) {
	method, target, body := http.MethodPost, mail.url, mail.body
	if mail.method == http.MethodGet {
		q, err := mail.event.query()
		if err != nil {
			return nil, fmt.Errorf("callback: %w", err)
		}
		method, target, body = http.MethodGet, withQuery(mail.url, q), nil
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("User-Agent", "Apache-HttpAsyncClient/4.1 (Java/1.8.0_144)")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	if mail.unsigned && !mail.tried {
		return req, nil
	}
	return req, p.sim.sign(req, body)
}

func (s *Sim) sign(req *http.Request, body []byte) error {
	if len(s.cfg.SignatureSecret) == 0 {
		return nil
	}
	authorization, err := voice.SignCallback(s.cfg.SignatureSecret, s.cfg.APIKey, s.cfg.ApplicationID, body, s.now())
	if err != nil {
		return fmt.Errorf("sign a callback: %w", err)
	}
	req.Header.Set("Authorization", authorization)
	return nil
}

// withQuery adds q to a URL and leaves the query that it has as it is.
func withQuery(target string, q url.Values) string {
	separator := "?"
	if strings.Contains(target, "?") {
		separator = "&"
	}
	return target + separator + q.Encode()
}

// withoutURL takes the address out of an error: it carries ids and numbers.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
