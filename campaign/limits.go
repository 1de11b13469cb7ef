package campaign

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// Limits limit how many calls a campaign makes, and how fast. Zero means no limit.
type Limits struct {
	PerSecond PerSecond           `json:"per_second,omitempty"` // calls that begin
	AtOnce    int                 `json:"at_once,omitempty"`    // calls that are up
	Connected int                 `json:"connected,omitempty"`  // telephones that keys connect to: at most this many calls are up
	Budget    decimal.NullDecimal `json:"budget,omitzero"`      // limit of the cost of all calls
	Priority  *int                `json:"priority,omitempty"`   // 0 to 9, the highest first; nil: DefaultPriority
	Share     int                 `json:"share,omitempty"`      // weight among campaigns of its priority; 0: 1
	PerNumber []NumberCap         `json:"per_number,omitempty"` // over all campaigns
}

// NumberCap is how often a number may be called within a time.
type NumberCap struct {
	Calls  int
	Within time.Duration
}

// PerSecond is a rate of calls: a whole number per second, or one call in several
// seconds.
type PerSecond float64

const (
	// DefaultPriority is the priority of a campaign that sets none.
	DefaultPriority = 5
	maxPriority     = 9
	maxShare        = 1000
	maxAtOnce       = 100_000
	maxPerSecond    = 10_000
	leastPerSecond  = 1.0 / 3600
	maxCaps         = 8
	maxCapDays      = 366
)

// Window is the rate as a number of calls within a span; 0: there is no rate.
func (r PerSecond) Window() (calls int, span time.Duration) {
	switch {
	case r <= 0:
		return 0, 0
	case r < 1:
		return 1, time.Duration(float64(time.Second) / float64(r))
	}
	return int(r), time.Second
}

func (r PerSecond) String() string { return strconv.FormatFloat(float64(r), 'f', -1, 64) }

// PriorityOrDefault is the priority, or the default if none is set.
func (l Limits) PriorityOrDefault() int {
	if l.Priority == nil {
		return DefaultPriority
	}
	return *l.Priority
}

// Shared reports whether the campaign's calls share a limit, so that the gate must
// handle them one after another.
func (l Limits) Shared() bool {
	return l.PerSecond > 0 || l.AtOnce > 0 || l.Connected > 0 || l.Budget.Valid
}

// capJSON is the stored form of a cap: {"calls": 3, "within": "720h0m0s"}.
type capJSON struct {
	Calls  int    `json:"calls"`
	Within string `json:"within"`
}

// MarshalJSON writes the time as text.
func (c NumberCap) MarshalJSON() ([]byte, error) {
	return json.Marshal(capJSON{c.Calls, c.Within.String()})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *NumberCap) UnmarshalJSON(text []byte) error {
	var in capJSON
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	within, err := time.ParseDuration(in.Within)
	*c = NumberCap{in.Calls, within}
	return err
}

// parseCaps reads {"3": 30d}: at most 3 calls in 30 days.
func parseCaps(caps map[string]string) (list []NumberCap, err error) {
	for _, calls := range slices.Sorted(maps.Keys(caps)) {
		n, err := strconv.Atoi(strings.TrimSpace(calls))
		if err != nil {
			return nil, fmt.Errorf("%q: want a number of calls and a time, as in {\"3\": 30d}", calls)
		}
		within, err := ParseWait(caps[calls])
		if err != nil {
			return nil, err
		}
		list = append(list, NumberCap{n, within})
	}
	slices.SortFunc(list, func(a, b NumberCap) int { return cmp.Compare(a.Calls, b.Calls) })
	return list, nil
}

// ParseMoney reads an amount such as 50.00.
func ParseMoney(text string) (decimal.Decimal, error) {
	d, err := decimal.NewFromString(strings.TrimSpace(text))
	if err != nil || d.IsNegative() || d.Exponent() < -10 || d.Exponent() > 0 || d.GreaterThan(decimal.New(1, 12)) {
		return d, fmt.Errorf("%q: want an amount such as 50.00, in the account's currency", text)
	}
	return d, nil
}

// String is the limits as text for a person; "" for none.
func (l Limits) String() string {
	var parts []string
	add := func(ok bool, format string, args ...any) {
		if ok {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(l.PerSecond > 0, "%s calls a second", l.PerSecond)
	add(l.AtOnce > 0, "%d at once", l.AtOnce)
	add(l.Connected > 0, "%d that can be connected", l.Connected)
	add(l.Budget.Valid, "a budget of %s", l.Budget.Decimal)
	add(l.Priority != nil, "priority %d", l.PriorityOrDefault())
	add(l.Share > 0, "share %d", l.Share)
	for _, c := range l.PerNumber {
		add(true, "%d calls to one number in %s", c.Calls, daysText(c.Within))
	}
	return strings.Join(parts, ", ")
}

// daysText writes 30d for whole days.
func daysText(d time.Duration) string {
	if d > 0 && d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
	return shortDuration(d)
}

func (l Limits) validate(m Message) error {
	var errs []error
	add := func(ok bool, member, format string, args ...any) {
		if !ok {
			errs = append(errs, wrong(member, format, args...))
		}
	}
	whole := l.PerSecond < 1 || l.PerSecond == PerSecond(int(l.PerSecond))
	add(l.PerSecond == 0 || l.PerSecond >= leastPerSecond && l.PerSecond <= maxPerSecond && whole, "per_second",
		"want a whole number up to %d, or a part of one such as 0.5", maxPerSecond)
	add(l.AtOnce >= 0 && l.AtOnce <= maxAtOnce, "at_once", "want 1 to %d", maxAtOnce)
	add(l.Connected >= 0 && l.Connected <= maxAtOnce, "connected", "want 1 to %d", maxAtOnce)
	add(l.Connected == 0 || m.connects(), "connected", "no key of the message connects to anybody")
	add(l.PriorityOrDefault() >= 0 && l.PriorityOrDefault() <= maxPriority, "priority", "want 0 to %d, the highest first", maxPriority)
	add(l.Share >= 0 && l.Share <= maxShare, "share", "want 1 to %d", maxShare)
	add(len(l.PerNumber) <= maxCaps, "per_number", "%d are the most", maxCaps)
	for _, c := range l.PerNumber {
		add(c.Calls >= 1 && c.Calls <= 1000, "per_number", "%d calls: want 1 to 1000", c.Calls)
		add(c.Within >= time.Minute && c.Within <= maxCapDays*24*time.Hour, "per_number", "%s: want a time from 1m to %dd", daysText(c.Within), maxCapDays)
	}
	return errors.Join(errs...)
}

// connects reports whether a key connects people to somebody, or may do so. An NCCO
// may: its content is not checked.
func (m Message) connects() bool { return m.Say == "" || m.KeyLegs() > 0 }

// KeyLegs is how many further calls the keys may open. Each counts in the account's
// calls a second. A person is connected only once.
func (m Message) KeyLegs() int {
	for _, k := range m.Keys {
		//guard:false jobs.TestKeyThatConnectsCountsInThePace: what a key connects counts in the pace of calls
		if k.Connect != "" {
			return 1
		}
	}
	return 0
}
