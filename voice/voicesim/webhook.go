package voicesim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"dialer/voice"

	"github.com/google/uuid"
)

// token is the signed token of one or more callbacks. It is signed when it is first
// sent.
type token struct {
	once   sync.Once
	bearer string
	err    error
}

func (t *token) sign(s *Sim, body []byte) (string, error) {
	t.once.Do(func() {
		t.bearer, t.err = voice.SignCallback(s.cfg.SignatureSecret, s.cfg.APIKey, s.cfg.ApplicationID, body, s.now())
		if t.err != nil {
			t.err = fmt.Errorf("sign a callback: %w", t.err)
		}
	})
	return t.bearer, t.err
}

// withTokenFaults returns the callback and any further ones that use its token.
func (s *Sim) withTokenFaults(cb callback, k key) []callback {
	again, replayed, forged := s.hits(eventSameToken, k), s.hits(eventReplayed, k), s.hits(eventForged, k)
	if again || replayed || forged || s.hits(retrySameToken, k) {
		cb.token = &token{}
	}
	repeated := cb
	repeated.onReply = nil
	if forged {
		cb.onTaken = func() { s.forge(repeated, k) }
	}
	if replayed {
		delay := s.between(0, s.cfg.Faults.ReplayFor, "replay_for", k)
		s.schedule.after(delay, func() { s.callbacks.enqueue(&callbackQueue{}, repeated) })
	}
	if again {
		return []callback{cb, repeated}
	}
	return []callback{cb}
}

// forge sends the token of an event that was taken with another body or, every
// second time, to another attempt's address. Both must be refused.
func (s *Sim) forge(cb callback, k key) {
	cb.forged = true
	if s.draw("forge", k) < 0.5 {
		cb.url = withAttempt(cb.url, uuid.NewString())
	} else {
		o := append(slices.Clone(cb.event).without("status").without("price"), object{{"status", completed}, {"price", "99.00000000"}}...)
		body, err := json.Marshal(o)
		if err != nil {
			s.cfg.Logger.Error("event cannot be marshalled", "err", err)
			return
		}
		cb.event, cb.body = o, body
	}
	s.callbacks.enqueue(&callbackQueue{}, cb)
}

// withAttempt is an address with another ?attempt=.
func withAttempt(address, id string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	q.Set("attempt", id)
	u.RawQuery = q.Encode()
	return u.String()
}

// LedgerWebhook is one request to a webhook.
type LedgerWebhook struct {
	CallUUID   string    `json:"call_uuid"`
	AttemptID  string    `json:"attempt_id"` // ?attempt= of the address
	Kind       string    `json:"kind"`       // its status, or input, transfer, record, notify, error or answer
	Method     string    `json:"method"`
	JTI        string    `json:"jti"`         // of its token; "": it was not signed
	BodySHA256 string    `json:"body_sha256"` // in hex
	Answered   time.Time `json:"answered"`    // by Vonage's clock
	Status     int       `json:"status"`      // of the response; 0: there was none
	Forged     bool      `json:"forged,omitempty"`
}

// Webhooks are all requests to webhooks so far, if Config.KeepWebhooks is set.
func (s *Sim) Webhooks() []LedgerWebhook {
	s.webhooksMu.Lock()
	defer s.webhooksMu.Unlock()
	return slices.Clone(s.webhooks)
}

// noteWebhook counts a forged webhook, and keeps every webhook if Config says so.
func (s *Sim) noteWebhook(cb callback, reply callbackReply) {
	if cb.forged {
		s.stats.count(func(m *Summary) {
			m.ForgedSent++
			if reply.ok() {
				m.ForgedTaken++
			}
		})
	}
	if !s.cfg.KeepWebhooks {
		return
	}
	sum := sha256.Sum256(cb.body)
	w := LedgerWebhook{
		CallUUID: cb.call.uuid(), AttemptID: attemptOf(cb.url), Kind: cb.kind, Method: cb.method, JTI: jtiOf(reply.bearer),
		BodySHA256: hex.EncodeToString(sum[:]), Answered: s.now(), Status: reply.status, Forged: cb.forged,
	}
	if w.Method == "" {
		w.Method = http.MethodPost
	}
	s.webhooksMu.Lock()
	defer s.webhooksMu.Unlock()
	s.webhooks = append(s.webhooks, w)
}

// attemptOf is ?attempt= of an address.
func attemptOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return strings.Clone(u.Query().Get("attempt")) // do not keep the whole address
}

// jtiOf reads the id of a token.
func jtiOf(bearer string) string {
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		return ""
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		JTI string `json:"jti"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil {
		return ""
	}
	return claims.JTI
}

// kindOf is the kind of an event.
func kindOf(e object) string {
	for _, m := range e {
		switch m.name {
		case "status":
			return m.value.(string)
		case "type":
			return "transfer"
		case "dtmf":
			return "input"
		case "payload":
			return "notify"
		case "recording_url":
			return "record"
		case "reason":
			return "error"
		}
	}
	return "unknown"
}
