package voicesim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// LedgerCall is one call that was really made. It has the truth in one form, whatever
// the faults: numbers as digits, and times by Vonage's clock.
type LedgerCall struct {
	UUID             string    `json:"uuid"` // as in the response to the POST
	ConversationUUID string    `json:"conversation_uuid"`
	AttemptID        string    `json:"attempt_id"` // ?attempt= of its event URL
	To               string    `json:"to"`
	ToType           string    `json:"to_type"` // phone, sip, websocket, vbc or app
	From             string    `json:"from"`
	Direction        string    `json:"direction"`
	PlacedAt         time.Time `json:"placed_at"`
	AnsweredAt       time.Time `json:"answered_at,omitzero"`
	EndedAt          time.Time `json:"ended_at,omitzero"`
	Status           string    `json:"status"`  // on its record
	Outcome          string    `json:"outcome"` // "" until it is known; one of those of Outcomes.Weights
	Answered         bool      `json:"answered"`
	Machine          bool      `json:"machine"` // a machine answered, whether that was detected or not
	EndedBy          string    `json:"ended_by,omitempty"`
	HeardAt          time.Time `json:"heard_at,omitzero"` // when the message was first played to its end
	Said             string    `json:"said,omitempty"`    // the first words that were spoken
	Keys             []string  `json:"keys,omitempty"`    // that were pressed, at each input; or after SaidMark what was said
	// KeysTaken are the keys of input events that were answered with 200 to 205.
	// NotifiedTaken are the payloads of notify events that were answered in the same way.
	// TakenAt is when the last of them was answered.
	KeysTaken     []string          `json:"keys_taken,omitempty"`
	NotifiedTaken []json.RawMessage `json:"notified_taken,omitempty"`
	TakenAt       time.Time         `json:"taken_at,omitzero"`
	DurationS     int               `json:"duration_s"`
	Rate          decimal.Decimal   `json:"rate"`
	Price         decimal.Decimal   `json:"price"`       // the correct one at present
	PriceShown    bool              `json:"price_shown"` // by GET
	JTI           string            `json:"jti"`         // of the token of its POST
	// The call's record after the call has ended.
	StartTime time.Time `json:"start_time,omitzero"`
	EndTime   time.Time `json:"end_time,omitzero"`
	Network   string    `json:"network,omitempty"`
	// Acknowledged are the status words of the events that named the call and were
	// answered 200 to 205, each once.
	Acknowledged []string `json:"acknowledged,omitempty"`
	// Wording has the unusual forms in its record, by fault: other_uuid, number_to, ...
	// See Faults.
	Wording map[string]string `json:"wording,omitempty"`
	// Parent is the uuid of the call whose connect action made this one. Such
	// a leg has no attempt and no token.
	Parent  string  `json:"parent,omitempty"`
	Control Control `json:"control,omitzero"`
}

// Ledger is every call that was really made, in order.
func (s *Sim) Ledger() []LedgerCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	ledger := make([]LedgerCall, len(s.calls))
	for i, c := range s.calls {
		ledger[i] = s.entry(c, now)
	}
	return ledger
}

func (s *Sim) entry(c *call, now time.Time) LedgerCall {
	rate := s.rate(c, now)
	e := LedgerCall{
		UUID: c.uuid(), ConversationUUID: c.conversation(), AttemptID: c.attemptID,
		To: c.to, ToType: c.toType, From: c.from, Direction: c.direction(),
		PlacedAt: c.placedAt.time(), AnsweredAt: c.answeredAt.time(), EndedAt: c.endedAt.time(),
		Status: c.status, Outcome: c.outcome, Answered: c.answered, EndedBy: c.endedBy,
		HeardAt: c.heardAt.time(), Said: c.said, Keys: slices.Clone(c.keys),
		DurationS: int(c.seconds), Rate: rate, Price: price(rate, c.seconds), PriceShown: s.priceShown(c, now),
		JTI: c.jti, Acknowledged: c.acknowledged.words(),
	}
	e.TakenAt = c.takenAt.time()
	for _, t := range c.taken {
		if t.payload != "" {
			e.NotifiedTaken = append(e.NotifiedTaken, json.RawMessage(t.payload))
		} else {
			e.KeysTaken = append(e.KeysTaken, t.keys)
		}
	}
	e.Machine = c.answered && s.planFor(c).outcome == machine
	if c.endedAt != 0 {
		e.StartTime, e.EndTime = s.span(c)
		e.Network = c.tariff.network
	}
	if forms := s.wordingOf(c).forms(); len(forms) > 0 {
		e.Wording = forms
	}
	if c.parent != nil {
		e.Parent = c.parent.uuid()
	}
	if c.control != nil {
		e.Control = *c.control
	}
	return e
}

// serveLedger writes one JSON object per line.
func (s *Sim) serveLedger(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	for _, c := range s.Ledger() {
		if lines.Encode(c) != nil {
			return // the client has gone
		}
	}
}

func (s *Sim) serveSummary(w http.ResponseWriter, _ *http.Request) {
	reply(w, http.StatusOK, "application/json", s.Summary())
}

func (s *Sim) serveWebhooks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	lines := json.NewEncoder(w)
	for _, c := range s.Webhooks() {
		if lines.Encode(c) != nil {
			return // the client has gone
		}
	}
}

// FetchLedger reads the ledger and the summary of a simulator in another
// process. baseURL may end in /v1, as the API's does.
func FetchLedger(ctx context.Context, client *http.Client, baseURL string) ([]LedgerCall, Summary, error) {
	base := ledgerURL(baseURL)
	var ledger []LedgerCall
	err := fetch(ctx, client, base, func(lines *json.Decoder) error {
		var c LedgerCall
		err := lines.Decode(&c)
		if err == nil {
			ledger = append(ledger, c)
		}
		return err
	})
	var summary Summary
	if err == nil {
		err = fetch(ctx, client, base+"/summary", func(body *json.Decoder) error { return body.Decode(&summary) })
	}
	return ledger, summary, err
}

// FetchWebhooks reads the requests to webhooks of a simulator in another process.
func FetchWebhooks(ctx context.Context, client *http.Client, baseURL string) ([]LedgerWebhook, error) {
	var webhooks []LedgerWebhook
	err := fetch(ctx, client, ledgerURL(baseURL)+"/webhooks", func(lines *json.Decoder) error {
		var w LedgerWebhook
		err := lines.Decode(&w)
		if err == nil {
			webhooks = append(webhooks, w)
		}
		return err
	})
	return webhooks, err
}

func ledgerURL(baseURL string) string {
	return strings.TrimSuffix(strings.TrimRight(baseURL, "/"), "/v1") + "/ledger"
}

// fetch decodes values from a response until its end.
func fetch(ctx context.Context, client *http.Client, url string, decode func(*json.Decoder) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("read the ledger: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("read the ledger: %s", resp.Status)
	}
	for body := json.NewDecoder(resp.Body); ; {
		if err := decode(body); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
	}
}
