package provider

import (
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// FromResponse is the evidence in the answer to the POST.
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

// FromRecord is the evidence in a record of GET /calls or GET /calls/{uuid}.
func FromRecord(c voice.Call, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source:           campaign.FromList,
		CallUUID:         c.UUID,
		ConversationUUID: c.ConversationUUID,
		Status:           recordStatus(c),
		Direction:        c.Direction,
		To:               campaign.ReadNumber(c.To.Number),
		From:             campaign.ReadNumber(c.From.Number),
		ToKind:           kindOf(c.To.Type, c.To.Number),
		FromKind:         kindOf(c.From.Type, c.From.Number),
		At:               c.StartTime.UTC(),
		ObservedAt:       now.UTC(),
		Bill:             recordBill(c, now),
	}
}

// recordStatus is the record's status. A record with an end but without a status shows
// that the call is over, but not how it ended.
func recordStatus(c voice.Call) string {
	if c.Status == "" && !c.EndTime.IsZero() {
		return "completed"
	}
	return strings.ToLower(c.Status)
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
		//guard:value chaos.Calm: a price is kept to its last digit
		Price: c.Price,
		//guard:value(c.Price) chaos.Calm: the rate is the record's
		Rate: c.Rate,
		//guard:value chaos.Calm: the duration is the record's
		Duration:  c.Duration,
		StartTime: c.StartTime.UTC(),
		//guard:value(c.EndTime.UTC().Add(time.Second)) chaos.Calm: the end is the record's
		EndTime: c.EndTime.UTC(),
		//guard:value("") chaos.Calm: the network is the record's
		Network: c.Network,
	}
}

// kindOf is the kind of a party, from its type and its number. An unknown type may be a
// telephone.
func kindOf(word, number string) campaign.PartyKind {
	switch word {
	case "phone":
		return campaign.PartyPhone
	case "sip", "app", "user", "websocket", "vbc":
		return campaign.PartyOther
	}
	if word == "" && campaign.ReadNumber(number) != "" {
		return campaign.PartyPhone
	}
	return campaign.PartyUnknown
}

// kindInEvent is kindOf for the party of an event, which often has only a text. An
// address is not a telephone, and a text that is neither an address nor a number cannot
// be read. A record needs its type, because it may prove that there was no call.
func kindInEvent(word, text string) campaign.PartyKind {
	kind := kindOf(word, text)
	scheme, _, _ := strings.Cut(strings.ToLower(text), ":")
	switch {
	case kind != campaign.PartyOther && campaign.ReadNumber(text) != "":
		return kind
	case kind == campaign.PartyOther, slices.Contains([]string{"sip", "sips", "ws", "wss"}, scheme):
		return campaign.PartyOther
	case text != "":
		return campaign.PartyUnreadable
	}
	return kind
}

// FromEvent is the evidence in an event.
func FromEvent(e voice.Event, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source:           campaign.FromEvent,
		CallUUID:         e.UUID,
		ConversationUUID: e.ConversationUUID,
		Status:           e.Status,
		Direction:        e.Direction,
		To:               campaign.ReadNumber(e.To),
		From:             campaign.ReadNumber(e.From),
		ToKind:           kindInEvent(e.ToType, e.To),
		FromKind:         kindInEvent(e.FromType, e.From),
		At:               e.Timestamp,
		ObservedAt:       now.UTC(),
		Bill:             eventBill(e, now),
	}
}

// eventBill is the cost of the call in a completed event. In other events the members
// with these names mean other things: the times of a record event are those of the
// recording, and the rate of an answered event is null.
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
