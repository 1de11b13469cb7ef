package jobs

import (
	"strings"
	"time"

	"dialer/campaign"
	"dialer/voice"
)

// evidenceOf turns a record of Vonage's list into what it says of a call.
func evidenceOf(c voice.Call, now time.Time) campaign.Evidence {
	return campaign.Evidence{
		Source: campaign.FromList, CallUUID: c.UUID, ConversationUUID: c.ConversationUUID,
		Status: strings.ToLower(c.Status), Direction: c.Direction,
		To: digits(c.To.Number), From: digits(c.From.Number),
		At: c.StartTime.UTC(), ObservedAt: now.UTC(), Bill: billOf(c, now),
	}
}

// billOf is the record's bill, which is none before Vonage has put a
// figure in.
func billOf(c voice.Call, now time.Time) campaign.Bill {
	if !c.Price.Valid && !c.Rate.Valid && c.Duration == nil && c.EndTime.IsZero() {
		return campaign.Bill{}
	}
	return campaign.Bill{
		Source: campaign.FromList, ObservedAt: now.UTC(), Price: c.Price, Rate: c.Rate, Duration: c.Duration,
		StartTime: c.StartTime.UTC(), EndTime: c.EndTime.UTC(), Network: c.Network,
	}
}

func digits(number string) string { return strings.TrimPrefix(number, "+") }
