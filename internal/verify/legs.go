package verify

import (
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
)

// legs judges the calls that keys connected. None belongs to an attempt. None has an
// alarm, unless its record hides the number called or names no conversation, or its own
// event is the only one that names the attempt: such an event blocks the proof of absence,
// whatever number it names. Each is stored with Vonage's price.
func (c *comparison) legs(records app.Records) {
	listed := map[string]app.LegRecord{}
	for _, l := range records.Legs {
		listed[plainUUID(l.CallUUID)] = l
	}
	for _, leg := range c.opened {
		c.result.Compared++
		for _, a := range records.Alarms {
			hidden := a.Kind == campaign.AlarmAbsenceBlocked && (leg.Unread || leg.ParentUntold) || a.Kind == campaign.AlarmUnmatchedCall && leg.Unsaid == "conversation_uuid"
			if !hidden && strings.Contains(plainUUID(a.Detail), plainUUID(leg.UUID)) {
				c.broken("I14", "the alarm %s was raised for the leg %s: %s", a.Kind, leg.UUID, a.Detail)
			}
		}
		l, known := listed[plainUUID(leg.UUID)]
		switch {
		case !known && leg.Unsaid == "uuid", c.orders.Kept == 0:
		case !known && c.at.Sub(leg.EndedAt) < c.orders.Kept/2:
			c.pending("I5", "leg %s is not listed yet", leg.UUID)
		case !known: // the records may have ended before the list was read
		case l.Price.Valid && leg.Priced && !l.Price.Decimal.Equal(leg.Price):
			c.broken("I6", "leg %s has price %s here and %s at Vonage", leg.UUID, digits(l.Price.Decimal), digits(leg.Price))
		}
	}
}
