package provider

import (
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
		To: "447700900001", From: "447700900000", At: start.UTC(), ObservedAt: now.UTC(),
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
