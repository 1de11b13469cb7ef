package voicesim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// LedgerCall is one call that was really made.
type LedgerCall struct {
	UUID             string          `json:"uuid"`
	ConversationUUID string          `json:"conversation_uuid"`
	AttemptID        string          `json:"attempt_id"` // ?attempt= of its event URL
	To               string          `json:"to"`
	From             string          `json:"from"`
	PlacedAt         time.Time       `json:"placed_at"`
	AnsweredAt       time.Time       `json:"answered_at,omitzero"`
	EndedAt          time.Time       `json:"ended_at,omitzero"`
	Outcome          string          `json:"outcome"` // "" until it is known
	Answered         bool            `json:"answered"`
	DurationS        int             `json:"duration_s"`
	Rate             decimal.Decimal `json:"rate"`
	Price            decimal.Decimal `json:"price"`       // the correct one at present
	PriceShown       bool            `json:"price_shown"` // by GET
	JTI              string          `json:"jti"`         // of the token of its POST
	// What the call's record says, once the call has ended.
	StartTime time.Time `json:"start_time,omitzero"`
	EndTime   time.Time `json:"end_time,omitzero"`
	Network   string    `json:"network,omitempty"`
	// Acknowledged are the status words of the events that were answered 200 to
	// 205, each once.
	Acknowledged []string `json:"acknowledged,omitempty"`
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
		UUID: c.uuid(), ConversationUUID: c.conversation(), AttemptID: c.attemptID, To: c.to, From: c.from,
		PlacedAt: c.placedAt.time(), AnsweredAt: c.answeredAt.time(), EndedAt: c.endedAt.time(), Outcome: c.outcome, Answered: c.answered,
		DurationS: int(c.seconds), Rate: rate, Price: price(rate, c.seconds), PriceShown: c.priceShown(now),
		JTI: c.jti, Acknowledged: c.acknowledged.words(),
	}
	if c.endedAt != 0 {
		e.StartTime, e.EndTime = s.span(c)
		e.Network = c.tariff.network
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

// FetchLedger reads the ledger and the summary of a simulator in another
// process. baseURL may end in /v1, as the API's does.
func FetchLedger(ctx context.Context, client *http.Client, baseURL string) ([]LedgerCall, Summary, error) {
	base := strings.TrimSuffix(strings.TrimRight(baseURL, "/"), "/v1")
	var ledger []LedgerCall
	err := fetch(ctx, client, base+"/ledger", func(lines *json.Decoder) error {
		var c LedgerCall
		err := lines.Decode(&c)
		if err == nil {
			ledger = append(ledger, c)
		}
		return err
	})
	var summary Summary
	if err == nil {
		err = fetch(ctx, client, base+"/ledger/summary", func(body *json.Decoder) error { return body.Decode(&summary) })
	}
	return ledger, summary, err
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
