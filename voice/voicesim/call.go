package voicesim

import (
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Vonage's words for where a call is.
const (
	started    = "started"
	ringing    = "ringing"
	answered   = "answered"
	human      = "human"
	machine    = "machine"
	busy       = "busy"
	unanswered = "unanswered"
	timeout    = "timeout"
	failed     = "failed"
	rejected   = "rejected"
	cancelled  = "cancelled"
	completed  = "completed"
	// disconnected: a websocket's peer hung up; completed follows.
	disconnected = "disconnected"
)

// outcomes are how a call can turn out.
var outcomes = []string{answered, human, machine, busy, unanswered, timeout, failed, rejected, cancelled}

// call is Vonage's record of one leg. Records are kept for ever, so that
// they are small; what only a call in progress needs is in live.
type call struct {
	id         uuid.UUID
	conv       uuid.UUID
	dashless   bool
	answered   bool
	correct    bool // the price is corrected some time after it was shown
	tariff     *tariff
	seconds    int32 // billed
	n          int32 // which POST to the number it came from
	toType     string
	to         string
	fromType   string
	from       string
	attempt    string
	jti        string
	status     string
	outcome    string
	placedAt   stamp
	answeredAt stamp
	endedAt    stamp
	listedAt   stamp    // from when lists show it
	pricedAt   stamp    // from when records show the price
	parent     *call    // whose connect action made this leg
	control    *Control // nil: nobody interfered
	live       *live    // nil once the call is over
}

func (c *call) uuid() string {
	if c.dashless {
		return hex.EncodeToString(c.id[:])
	}
	return c.id.String()
}

func (c *call) conversation() string { return "CON-" + c.conv.String() }

func (c *call) key() key { return key{number: c.to, n: int(c.n)} }

// place makes the call: from here on a telephone rings. It returns nil when
// the simulator is closed.
func (s *Sim) place(o *order, k key, jti string) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	now := s.now()
	s.stats.placements.add(now)
	s.stats.count(func(m *Summary) { m.Placed++ })
	c := s.newCall(o, k, now)
	c.attempt, c.jti = o.attempt(), jti
	if c.jti == c.attempt {
		c.jti = c.attempt // one string kept instead of two
	}
	s.begin(c, o)
	return c
}

// newCall enters a call into the records.
func (s *Sim) newCall(o *order, k key, now time.Time) *call {
	to := o.To[0]
	from := endpoint{Type: "phone", Number: randomFrom}
	if o.From != nil {
		from = *o.From
	}
	c := &call{
		id: uuid.New(), conv: uuid.New(), dashless: s.hits(dashlessUUID, k),
		n: int32(k.n), tariff: tariffOf(to),
		toType: s.shared(to.Type), to: to.address(), fromType: s.shared(from.Type), from: s.shared(from.address()),
		status: started, placedAt: stampOf(now),
		listedAt: stampOf(now.Add(s.between(0, s.cfg.ListLag, "list_lag", k))),
	}
	s.calls = append(s.calls, c)
	s.byUUID[c.id] = c
	return c
}

// shared keeps one copy of a text that many records have.
func (s *Sim) shared(text string) string {
	if kept, ok := s.texts[text]; ok {
		return kept
	}
	s.texts[text] = text
	return text
}

// randomFrom is the application's one number, for random_from_number.
const randomFrom = "447700900000"

// find returns the call of exactly that uuid.
func (s *Sim) find(text string) *call {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	c := s.byUUID[id]
	if c == nil || c.uuid() != text || s.forgotten(c, s.now()) {
		return nil
	}
	return c
}

// forgotten says whether Vonage no longer keeps the call.
func (s *Sim) forgotten(c *call, now time.Time) bool {
	return c.endedAt != 0 && stampOf(now)-c.endedAt >= stamp(s.cfg.Retention)
}

// rate is the price of a minute, as it stands at now.
func (s *Sim) rate(c *call, now time.Time) decimal.Decimal {
	if c.correct && !now.Before(c.pricedAt.time().Add(s.cfg.Faults.CorrectAfter)) {
		return corrected(c.tariff.rate)
	}
	return c.tariff.rate
}

// priceShown says whether records show the price.
func (c *call) priceShown(now time.Time) bool {
	return c.endedAt != 0 && !now.Before(c.pricedAt.time())
}
