package campaign

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

const aCall = "63f61863-4a51-4f6b-86e1-46edebcf9356"

// sec is a moment s seconds into the test's hour.
func sec(s float64) time.Time {
	return time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).Add(time.Duration(s * float64(time.Second)))
}

func dialing() Attempt {
	return Attempt{ID: uuid.MustParse("019ab000-0000-7000-8000-000000000001"), No: 1, To: "447700900001", From: "447700900000", State: Dialing, DialedAt: sec(0)}
}

// event is a webhook that left Vonage at s and was read a little later.
func event(status string, s float64) Evidence {
	return Evidence{Source: FromEvent, CallUUID: aCall, ConversationUUID: "CON-1", Status: status, Direction: "outbound",
		To: "447700900001", From: "447700900000", At: sec(s), ObservedAt: sec(s + 0.2)}
}

func response(s float64) Evidence {
	return Evidence{Source: FromResponse, CallUUID: aCall, ConversationUUID: "CON-1", Status: "started", ObservedAt: sec(s)}
}

// listed is a record of the list, read at s.
func listed(status string, s float64) Evidence {
	return Evidence{Source: FromList, CallUUID: aCall, ConversationUUID: "CON-1", Status: status, Direction: "outbound",
		To: "447700900001", From: "447700900000", At: sec(1), ObservedAt: sec(s)}
}

func money(s string) decimal.NullDecimal {
	return decimal.NewNullDecimal(decimal.RequireFromString(s))
}

// billed adds the cost of a call of so many seconds.
func (e Evidence) billed(price string, seconds int) Evidence {
	e.Bill = Bill{Rate: money("0.10000000"), Duration: &seconds, StartTime: sec(5), EndTime: sec(5 + float64(seconds)), Network: "23420"}
	if price != "" {
		e.Bill.Price = money(price)
	}
	return e
}

func (e Evidence) readAt(s float64) Evidence {
	e.ObservedAt = sec(s)
	return e
}

// callHistory is a set of evidence about one call, with the expected result.
type callHistory struct {
	name     string
	evidence []Evidence
	state    State
	want     Disposition
	price    string
}

func histories() []callHistory {
	return []callHistory{
		{"answered", []Evidence{response(0.5), event("started", 1), event("ringing", 1), event("answered", 5), event("completed", 17).billed("0.02", 12)}, Ended, Answered, "0.02"},
		{"completed after busy", []Evidence{response(0.5), event("started", 1), event("busy", 3), event("completed", 3.5)}, Ended, Busy, ""},
		{"completed after busy, all of one moment", []Evidence{event("ringing", 3), event("busy", 3), event("completed", 3)}, Ended, Busy, ""},
		{"machine after answered", []Evidence{event("ringing", 2), event("answered", 5), event("machine", 7), event("completed", 9).billed("0.00666667", 4)}, Ended, Machine, "0.00666667"},
		{"human, then machine at the beep", []Evidence{event("answered", 5), event("human", 7), event("machine", 9), event("completed", 12).billed("0.01", 7)}, Ended, Machine, "0.01"},
		{"human", []Evidence{event("answered", 5), event("human", 7), event("completed", 9).billed("0.01", 4)}, Ended, Human, "0.01"},
		{"rejected alone", []Evidence{response(0.5), event("rejected", 1)}, Ended, Rejected, ""},
		{"words that nobody knows", []Evidence{event("ringing", 2), event("transmogrified", 3), event("unanswered", 4), event("ausgelöst", 4.5), event("completed", 5)}, Ended, Unanswered, ""},
		{"failure, no completed", []Evidence{response(0.5), event("ringing", 2), event("timeout", 62)}, Accepted, "", ""},
		{"two failures of one moment", []Evidence{event("failed", 3), event("unanswered", 3), event("cancelled", 3), event("completed", 4)}, Ended, Cancelled, ""},
		{"two failures, one after the other", []Evidence{event("unanswered", 30), event("busy", 3), event("failed", 31), event("completed", 32)}, Ended, Busy, ""},
		{"failure, then an answer after all", []Evidence{event("timeout", 60), event("answered", 61), event("completed", 70).billed("0.015", 9)}, Ended, Answered, "0.015"},
		{"no webhooks, list only", []Evidence{listed("ringing", 3), listed("answered", 8), listed("completed", 20).billed("0.02", 12)}, Ended, Answered, "0.02"},
		{"list shows a failure", []Evidence{response(0.5), listed("busy", 30)}, Ended, Busy, ""},
		{"a list record in between", []Evidence{event("ringing", 2), listed("started", 4), event("answered", 5), listed("answered", 6), event("completed", 17).billed("0.02", 12)}, Ended, Answered, "0.02"},
		{"response long after the end", []Evidence{event("started", 1), event("unanswered", 30), event("completed", 31), response(45)}, Ended, Unanswered, ""},
		{"price late, then corrected", []Evidence{event("answered", 5), event("completed", 17).billed("", 12), listed("completed", 60).billed("0.02", 12), listed("completed", 3600).billed("0.0204", 12)}, Ended, Answered, "0.0204"},
		{"price corrected and corrected back", []Evidence{event("completed", 17).billed("0.02", 12), listed("completed", 60).billed("0.02", 12), listed("completed", 3600).billed("0.03", 12), listed("completed", 7200).billed("0.02", 12)}, Ended, Answered, "0.02"},
		{"event's price differs from the list's", []Evidence{listed("completed", 60).billed("0.02", 12), event("completed", 17).billed("0.03", 12).readAt(90)}, Ended, Answered, "0.02"},
		{"over, and nobody said how", []Evidence{response(0.5), event("started", 1), event("completed", 40)}, Ended, Unexplained, ""},
		{"a websocket leg's word", []Evidence{event("answered", 5), event("disconnected", 6), event("completed", 9).billed("0.01", 4)}, Ended, Answered, "0.01"},
	}
}

// anyEvidence draws evidence about one call from few values, so that equal
// times, contradicting words and repeated bills are common.
func anyEvidence(t *rapid.T, label string) Evidence {
	words := []string{"started", "ringing", "answered", "human", "machine", "busy", "timeout", "failed", "unanswered", "cancelled", "rejected", "completed", "disconnected", "", "hold", "Parked "}
	e := Evidence{
		Source:           rapid.SampledFrom([]Source{FromResponse, FromEvent, FromList}).Draw(t, label+" source"),
		CallUUID:         aCall,
		ConversationUUID: rapid.SampledFrom([]string{"", "CON-1", "CON-2"}).Draw(t, label+" conversation"),
		Status:           rapid.SampledFrom(words).Draw(t, label+" status"),
		ObservedAt:       sec(rapid.SampledFrom([]float64{10, 20, 30}).Draw(t, label+" observed")),
	}
	if rapid.Bool().Draw(t, label+" dated") {
		e.At = sec(rapid.SampledFrom([]float64{1, 2, 3}).Draw(t, label+" at"))
	}
	if rapid.Bool().Draw(t, label+" billed") {
		e.Bill = anyBill(t, label)
	}
	return e
}

func anyBill(t *rapid.T, label string) Bill {
	b := Bill{
		Source:     rapid.SampledFrom([]Source{FromResponse, FromEvent, FromList}).Draw(t, label+" bill's source"),
		ObservedAt: sec(rapid.SampledFrom([]float64{10, 20, 30}).Draw(t, label+" bill's time")),
		Network:    rapid.SampledFrom([]string{"", "23420"}).Draw(t, label+" network"),
	}
	if price := rapid.SampledFrom([]string{"", "0", "0.02", "0.020", "0.03"}).Draw(t, label+" price"); price != "" {
		b.Price = money(price)
	}
	if seconds := rapid.SampledFrom([]int{-1, 0, 12}).Draw(t, label+" duration"); seconds >= 0 {
		b.Duration = &seconds
	}
	if rapid.Bool().Draw(t, label+" ended") {
		b.EndTime = sec(rapid.SampledFrom([]float64{1, 2}).Draw(t, label+" end"))
	}
	return b
}

func anyAttempt(t *rapid.T) Attempt {
	a := dialing()
	a.State = rapid.SampledFrom([]State{Reserved, Dialing, Unknown, Refused, Absent, Lost}).Draw(t, "state")
	for i := range rapid.IntRange(0, 3).Draw(t, "folded before") {
		a, _ = Fold(a, anyEvidence(t, fmt.Sprint("before ", i)))
	}
	return a
}
