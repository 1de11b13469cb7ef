package provider

import (
	"net/http"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/voice"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func TestFromRecord(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 4, 10, 0, 0, 0, time.FixedZone("", 3600))
	now := start.Add(time.Hour)
	price, rate := decimal.NewNullDecimal(decimal.RequireFromString("0.00333333")), decimal.NewNullDecimal(decimal.RequireFromString("0.10000000"))
	got := FromRecord(voice.Call{
		UUID: "u", ConversationUUID: "CON-1", Status: "completed", Direction: "outbound",
		To: voice.CallParty{Type: "phone", Number: "+447700900001"}, From: voice.CallParty{Type: "phone", Number: "447700900000"},
		Price: price, Rate: rate, Duration: new(2), StartTime: start, EndTime: start.Add(2 * time.Second), Network: "23420",
	}, now)
	want := campaign.Evidence{
		Source: campaign.FromList, CallUUID: "u", ConversationUUID: "CON-1", Status: "completed", Direction: "outbound",
		To: "447700900001", From: "447700900000", ToKind: campaign.PartyPhone, FromKind: campaign.PartyPhone,
		At: start.UTC(), ObservedAt: now.UTC(),
		Bill: campaign.Bill{
			Source: campaign.FromList, ObservedAt: now.UTC(), Price: price, Rate: rate, Duration: new(2),
			StartTime: start.UTC(), EndTime: start.Add(2 * time.Second).UTC(), Network: "23420",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("evidence (-want +got):\n%s", diff)
	}
	if bill := FromRecord(voice.Call{UUID: "u", Status: "ringing", StartTime: start}, now).Bill; !bill.ObservedAt.IsZero() {
		t.Errorf("a call that rings has the bill %+v, want none", bill)
	}
}

// A call whose record has an end is over, whatever else the record lacks.
func TestFromRecordWithoutStatus(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if got := FromRecord(voice.Call{UUID: "u", EndTime: now}, now).Status; got != "completed" {
		t.Errorf("with an end: status %q, want completed", got)
	}
	if got := FromRecord(voice.Call{UUID: "u"}, now).Status; got != "" {
		t.Errorf("without an end: status %q, want none", got)
	}
}

// A text that is not a number is read as none, and only a known type shows that a party
// is not a telephone.
func TestFromRecordParties(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		party  voice.CallParty
		number string
		kind   campaign.PartyKind
	}{
		{voice.CallParty{Type: "phone", Number: "447700900001"}, "447700900001", campaign.PartyPhone},
		{voice.CallParty{Number: "447700900001"}, "447700900001", campaign.PartyPhone},
		{voice.CallParty{Type: "phone", Number: "anonymous"}, "", campaign.PartyPhone},
		{voice.CallParty{Type: "sip", URI: "sip:ann@example.com"}, "", campaign.PartyOther},
		{voice.CallParty{Type: "app", User: "ann"}, "", campaign.PartyOther},
		{voice.CallParty{Type: "user", User: "ann"}, "", campaign.PartyOther},
		{voice.CallParty{Type: "vbc", Extension: "1234"}, "", campaign.PartyOther},
		{voice.CallParty{Type: "websocket", URI: "wss://example.com/a"}, "", campaign.PartyOther},
		{voice.CallParty{Number: "00447700900001"}, "447700900001", campaign.PartyPhone},
		{voice.CallParty{Number: "07700900001"}, "07700900001", campaign.PartyPhone},
		{voice.CallParty{Type: "phone", Number: "0"}, "", campaign.PartyPhone},
		{voice.CallParty{URI: "sip:ann@example.com"}, "", campaign.PartyUnknown},
		{voice.CallParty{Type: "pstn"}, "", campaign.PartyUnknown},
		{voice.CallParty{}, "", campaign.PartyUnknown},
	} {
		e := FromRecord(voice.Call{UUID: "u", To: test.party, From: test.party}, time.Now())
		if e.To != test.number || e.ToKind != test.kind || e.From != test.number || e.FromKind != test.kind {
			t.Errorf("%+v: got %q %q, want %q %q", test.party, e.To, e.ToKind, test.number, test.kind)
		}
	}
}

// A text shows the kind of an event's party, and an unclear text is never read as a
// telephone.
func TestFromEventParties(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		to, number string
		kind       campaign.PartyKind
	}{
		{`"447700900001"`, "447700900001", campaign.PartyPhone},
		{`"+447700900001"`, "447700900001", campaign.PartyPhone},
		{`447700900001`, "447700900001", campaign.PartyPhone},
		{`{"type":"phone","number":"00447700900001"}`, "447700900001", campaign.PartyPhone},
		{`[{"type":"phone","number":"447700900001"}]`, "447700900001", campaign.PartyPhone},
		{`[{"type":"phone","number":"447700900001"},{"type":"phone","number":"447700900002"}]`, "", campaign.PartyUnknown},
		{`{"type":"phone","number":"Unknown"}`, "", campaign.PartyUnreadable},
		{`"sip:ann@example.com"`, "", campaign.PartyOther},
		{`"SIPS:447700900001@example.com"`, "", campaign.PartyOther},
		{`"wss://example.com/socket"`, "", campaign.PartyOther},
		{`{"type":"app","user":"ann"}`, "", campaign.PartyOther},
		{`{"type":"user","user":"ann"}`, "", campaign.PartyOther},
		{`"ann"`, "", campaign.PartyUnreadable},
		{`"tel:+447700900001"`, "", campaign.PartyUnreadable},
		{`{"type":"pstn","number":"447700900001"}`, "447700900001", campaign.PartyUnknown},
		{`null`, "", campaign.PartyUnknown},
		{`""`, "", campaign.PartyUnknown},
	} {
		r, err := ParseEvent(http.MethodPost, nil, []byte(`{"status":"ringing","uuid":"u","to":`+test.to+`}`), noon)
		if err != nil || r.Evidence.To != test.number || r.Evidence.ToKind != test.kind {
			t.Errorf("to %s: %q, %q, error %v; want %q, %q", test.to, r.Evidence.To, r.Evidence.ToKind, err, test.number, test.kind)
		}
	}
}
