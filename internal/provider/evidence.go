package provider

import (
	"strings"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// FromResponse is what the answer to the POST says about the call.
func FromResponse(c voice.Created, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source:           campaign.FromResponse,
		CallUUID:         c.UUID,
		ConversationUUID: c.ConversationUUID,
		Status:           c.Status,
		Direction:        c.Direction,
		ObservedAt:       now,
	}
}

// FromRecord is what a record of GET /calls or GET /calls/{uuid} says about a
// call.
func FromRecord(c voice.Call, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source:           campaign.FromList,
		CallUUID:         c.UUID,
		ConversationUUID: c.ConversationUUID,
		Status:           strings.ToLower(c.Status),
		Direction:        c.Direction,
		To:               readable(c.To.Number),
		From:             readable(c.From.Number),
		ToKind:           kindOf(c.To),
		FromKind:         kindOf(c.From),
		At:               c.StartTime.UTC(),
		ObservedAt:       now.UTC(),
		Bill:             recordBill(c, now),
	}
}

// recordBill is the record's bill. It is empty while Vonage has not filled in
// any of its figures.
func recordBill(c voice.Call, now time.Time) campaign.Bill {
	if !c.Price.Valid && !c.Rate.Valid && c.Duration == nil && c.EndTime.IsZero() {
		return campaign.Bill{}
	}
	return campaign.Bill{
		Source:     campaign.FromList,
		ObservedAt: now.UTC(),
		Price:      c.Price,
		Rate:       c.Rate,
		Duration:   c.Duration,
		StartTime:  c.StartTime.UTC(),
		EndTime:    c.EndTime.UTC(),
		Network:    c.Network,
	}
}

// readable is the digits of a number, or "" of what is no number: absence is
// proved by numbers that differ, so a word must not pass for one.
func readable(number string) string {
	digits := strings.TrimPrefix(number, "+")
	if strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return digits
}

// kindOf says what kind of party it is. A word that is not known may be a
// telephone's.
func kindOf(p voice.CallParty) campaign.PartyKind {
	switch p.Type {
	case "phone":
		return campaign.PartyPhone
	case "sip", "app", "websocket", "vbc":
		return campaign.PartyOther
	}
	if p.Type == "" && readable(p.Number) != "" {
		return campaign.PartyPhone
	}
	return campaign.PartyUnknown
}

// FromEvent is what an event says about a call. A party that is no number,
// such as a SIP address, is kept as it came. It must differ from every number,
// because the event is then about another leg than the one that we asked for.
func FromEvent(e voice.Event, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source:           campaign.FromEvent,
		CallUUID:         e.UUID,
		ConversationUUID: e.ConversationUUID,
		Status:           e.Status,
		Direction:        e.Direction,
		To:               e.To,
		From:             e.From,
		At:               e.Timestamp,
		ObservedAt:       now.UTC(),
		Bill:             eventBill(e, now),
	}
}

// eventBill is what a completed event says that the call cost. In other events
// the members with these names mean other things: the times of a record event
// are those of the recording, and the rate of an answered event is null.
func eventBill(e voice.Event, now time.Time) campaign.Bill {
	if e.Status != "completed" {
		return campaign.Bill{}
	}
	return campaign.Bill{
		Source:     campaign.FromEvent,
		ObservedAt: now.UTC(),
		Price:      e.Price,
		Rate:       e.Rate,
		Duration:   e.Duration,
		StartTime:  e.StartTime,
		EndTime:    e.EndTime,
		Network:    e.Network,
	}
}
