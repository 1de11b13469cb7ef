package voicesim

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// Vonage's words for the state of a call.
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
	// disconnected means that the other side of a websocket hung up; completed follows.
	disconnected = "disconnected"
)

const outbound, inbound = "outbound", "inbound"

// outcomes are the possible outcomes of a call.
var outcomes = []string{answered, human, machine, busy, unanswered, timeout, failed, rejected, cancelled}

// words are all the values of an event's status.
var words = []string{
	started, ringing, answered, human, machine, busy, unanswered, timeout, failed, rejected, cancelled, completed, disconnected,
}

// wordSet is a set of words, a bit for each.
type wordSet uint16

func (s *wordSet) add(word string) {
	if i := slices.Index(words, word); i >= 0 {
		*s |= 1 << i
	}
}

func (s wordSet) words() (list []string) {
	for i, word := range words {
		if s&(1<<i) != 0 {
			list = append(list, word)
		}
	}
	return list
}

// call is the record of one call. Records are kept for ever, so they are small;
// live has what only a call in progress needs.
type call struct {
	id       uuid.UUID
	conv     uuid.UUID
	dashless bool
	// acknowledged are the events that the application has.
	acknowledged wordSet
	answered     bool
	correct      bool // the price changes some time after it was shown
	tariff       *tariff
	seconds      int32 // billed
	n            int32 // number of the POST to this telephone number
	toType       string
	to           string
	fromType     string
	from         string
	attemptID    string
	jti          string
	status       string
	outcome      string
	placedAt     stamp
	answeredAt   stamp
	endedAt      stamp
	endedBy      string   // user or platform; "": it was not answered
	heardAt      stamp    // when its message was first played to the end
	said         string   // the first words that were spoken
	keys         []string // that were pressed, at each input
	taken        []taken  // what the application was told about it
	inbound      bool     // a person rang the application
	takenAt      stamp    // when it was told the last of it
	listedAt     stamp    // when it appears in lists
	pricedAt     stamp    // when the price appears on records
	parent       *call    // the call whose connect action made this one
	control      *Control // nil: no control request
	live         *live    // nil once the call has ended
}

func (c *call) uuid() string {
	if c.dashless {
		return hex.EncodeToString(c.id[:])
	}
	return c.id.String()
}

func (c *call) conversation() string { return "CON-" + c.conv.String() }

func (c *call) direction() string {
	if c.inbound {
		return inbound
	}
	return outbound
}

func (c *call) key() key { return key{number: c.to, n: int(c.n)} }

// place makes the call. It returns nil if the simulator is closed.
func (s *Sim) place(o *createRequest, k key, jti string) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.stats.placements.add(s.cfg.Now())
	s.stats.count(func(m *Summary) { m.Placed++ })
	c := s.newCall(o, k, s.now())
	c.attemptID, c.jti = o.attemptID(), jti
	if c.jti == c.attemptID {
		c.jti = c.attemptID // keep one string instead of two
	}
	s.begin(c, o)
	return c
}

// newCall adds a call to the records.
func (s *Sim) newCall(o *createRequest, k key, now time.Time) *call {
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
	}
	lag := s.cfg.ListLag
	if s.hits(listLate, k) {
		lag = s.cfg.Faults.ListLateFor
	}
	c.listedAt = stampOf(now.Add(s.between(0, lag, "list_lag", k)))
	s.countWording(c)
	s.calls = append(s.calls, c)
	s.byUUID[c.id] = c
	return c
}

// shared returns one copy of a text that many records have.
func (s *Sim) shared(text string) string {
	if kept, ok := s.texts[text]; ok {
		return kept
	}
	s.texts[text] = text
	return text
}

// randomFrom is the application's only number, for random_from_number.
const randomFrom = "447700900000"

// find returns the call with exactly this uuid, or with the form that lists show, or
// nil.
func (s *Sim) find(text string) *call {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil
	}
	c := s.byUUID[id]
	if c == nil || c.uuid() != text && c.listedUUID(s.wordingOf(c).uuid) != text || s.expired(c, s.now()) {
		return nil
	}
	return c
}

// expired says whether the record is past its retention.
func (s *Sim) expired(c *call, now time.Time) bool {
	return c.endedAt != 0 && stampOf(now)-c.endedAt >= stamp(s.cfg.Retention)
}

// rate is the price of a minute as known at this time.
func (s *Sim) rate(c *call, now time.Time) decimal.Decimal {
	if c.correct && !now.Before(c.pricedAt.time().Add(s.cfg.Faults.CorrectAfter)) {
		return corrected(c.tariff.rate)
	}
	return c.tariff.rate
}

// priceShown says whether the record shows the price. In the contract's form only the
// record of a completed call does.
func (s *Sim) priceShown(c *call, now time.Time) bool {
	return c.endedAt != 0 && !now.Before(c.pricedAt.time()) && (!s.cfg.ContractShapes || c.status == completed)
}
