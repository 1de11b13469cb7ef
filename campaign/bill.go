package campaign

import (
	"cmp"
	"time"

	"github.com/shopspring/decimal"
)

// authority ranks the sources on money.
var authority = map[Source]int{
	FromResponse: 1,
	FromEvent:    2,
	//guard:value(1) campaign.TestBillBefore: the list is the authority on money
	FromList: 3,
}

// Before reports whether o replaces b as the bill of a call. It is a total order, so
// the order in which bills were read does not decide which one counts.
//
// A bill with a price replaces one without. If neither has a price, a bill with a
// duration replaces one without. Then the list replaces an event, which replaces the
// response.
//
// Within the list the later reading counts, whatever it contains. So a correction
// counts, also one back to an earlier price. Reading the same bill again therefore
// changes ObservedAt, and nothing else. It must change: if it stayed at the first
// reading of 10, then 10, 12, 10 read in the order 10, 10, 12 would end at 12.
//
// An event or a response is never corrected, only repeated. So content decides first,
// and of equal ones the first reading counts: a repetition changes nothing.
func (b Bill) Before(o Bill) bool { return b.compare(o) < 0 }

func (b Bill) compare(o Bill) int {
	if c := cmp.Or(
		//guard:value(0) campaign.TestBillBefore: a bill with a price beats one without
		compareBool(b.Price.Valid, o.Price.Valid),
		compareUnpriced(b, o),
		cmp.Compare(authority[b.Source], authority[o.Source]),
	); c != 0 {
		return c
	}
	if b.Source == FromList {
		//guard:value test/histories.TestHistories: a later reading of the list corrects a price
		return cmp.Or(b.ObservedAt.Compare(o.ObservedAt), b.compareContent(o))
	}
	return cmp.Or(b.compareContent(o), o.ObservedAt.Compare(b.ObservedAt))
}

func compareUnpriced(b, o Bill) int {
	if b.Price.Valid {
		return 0
	}
	return compareBool(b.Duration != nil, o.Duration != nil)
}

func (b Bill) compareContent(o Bill) int {
	return cmp.Or(
		compareDecimal(b.Price, o.Price),
		compareDecimal(b.Rate, o.Rate),
		comparePointer(b.Duration, o.Duration),
		b.StartTime.Compare(o.StartTime),
		b.EndTime.Compare(o.EndTime),
		cmp.Compare(b.Network, o.Network),
	)
}

// empty reports whether the bill contains nothing.
func (b Bill) empty() bool { return b.compareContent(Bill{}) == 0 }

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// compareDecimal orders by value, and equal values by the number of digits, so
// that the choice between 0.5 and 0.50 does not depend on order.
func compareDecimal(a, b decimal.NullDecimal) int {
	if !a.Valid || !b.Valid {
		return compareBool(a.Valid, b.Valid)
	}
	return cmp.Or(a.Decimal.Cmp(b.Decimal), cmp.Compare(b.Decimal.Exponent(), a.Decimal.Exponent()))
}

func comparePointer(a, b *int) int {
	if a == nil || b == nil {
		return compareBool(a != nil, b != nil)
	}
	return cmp.Compare(*a, *b)
}

// billOf is the bill in the evidence, with its source and its time of reading filled
// in. said is false when the evidence has no bill.
func billOf(e *Evidence) (b Bill, said bool) {
	b = e.Bill
	if b.empty() {
		return Bill{}, false
	}
	b.Source = e.Source
	b.ObservedAt = stored(cmp.Or(b.ObservedAt, e.ObservedAt))
	b.StartTime, b.EndTime = stored(b.StartTime), stored(b.EndTime)
	return b, true
}

// stored gives a time the precision of Postgres, so that evidence is the same before
// and after a load.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
