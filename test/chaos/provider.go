package main

import (
	"maps"
	"time"

	"dialer/voice/voicesim"
)

const (
	speed             = 20 // times faster than life
	listLag           = 500 * time.Millisecond
	priceLag          = 500 * time.Millisecond
	callbacks         = 32 // under way at once
	requestsPerSecond = 100
	// retention is how long Vonage keeps a record here.
	retention = 8 * time.Minute
)

func providerConfig(o options, w *webhookProxy) voicesim.Config {
	cfg := voicesim.Config{
		APIKey: "chaos", Seed: o.Seed, Faults: otherWording(providerFaults(o.Faults), o), Speed: speed,
		PriceLag: priceLag, ListLag: listLag, Retention: retention, Client: w.client(), Callbacks: callbacks, KeepWebhooks: true,
	}
	cfg.Outcomes.Keys = maps.Clone(pressed)
	if o.Outcomes == "busy" {
		cfg.Outcomes.Keys[optOutKey] = 3 // few are asked, and nobody who opts out is missed by a later campaign
		cfg.Outcomes.Weights = map[string]float64{
			"busy": 25, "unanswered": 15, "timeout": 10, "failed": 10, "cancelled": 8, "rejected": 2, "human": 15, "machine": 15,
		}
	}
	return cfg
}

// providerFaults are Vonage's faults. Webhooks are lost on the way, by webhookProxy. A
// 429 slows the fleet down, so there are few. No price is corrected later: the dialers
// look for that only after an hour.
func providerFaults(name string) voicesim.Faults {
	f := voicesim.Faults{SlowFor: 11 * time.Second, StuckFor: 3 * time.Second, LateFor: 3 * time.Second, NullFor: 3 * time.Second}
	f.ExtraLegs = .05 // to telephones, SIP, websockets, vbc and apps; no fault of Vonage's
	switch name {
	case "some":
		f.CutBefore, f.CutAfter, f.Error500, f.Error500Placed, f.Error503Placed, f.Truncated = .01, .02, .01, .01, .01, .01
		f.TooMany = .03
		f.ReadFails, f.EventDoubled, f.EventShuffled, f.EventLate, f.NullPrice, f.DashlessUUIDs = .02, .1, .1, .05, .1, .2
	case "heavy":
		f.CutBefore, f.CutAfter, f.Error500, f.Error500Placed, f.Error503Placed = .045, .055, .0395, .025, .035
		f.TooMany, f.Slow, f.Stuck, f.Truncated = .0005, .01, .02, .02
		f.ReadFails, f.EventDoubled, f.EventShuffled, f.EventLate, f.NullPrice, f.DashlessUUIDs = .05, .2, .2, .1, .2, .2
	}
	return f
}

// clockOff is how far Vonage's clock may be from ours: it is ahead at first, and then
// loses 0.6 milliseconds each second. In an hour that is less than the judge's slack.
const (
	clockOff   = time.Second
	clockAhead = 400 * time.Millisecond
	clockDrift = -0.0006
)

// otherWording adds the faults of wording: they change how the truth is written,
// and never the truth.
func otherWording(f voicesim.Faults, o options) voicesim.Faults {
	if o.Wording != "other" {
		return f
	}
	f.ClockAhead, f.ClockDrift = clockAhead, clockDrift
	f.NumberPlus, f.NumberZeros, f.NumberNational = .05, .05, .05
	f.OtherDirection, f.OtherUUID, f.OtherConversation, f.OtherParty = .1, .1, .1, .1
	f.EventDirection, f.EventSameToken, f.EventReplayed, f.EventForged, f.RetrySameToken = .1, .05, .02, .02, .1
	f.ReplayFor = 20 * time.Second
	f.NumberUnknown, f.NumberMissing, f.MemberMissing = .01, .01, .02
	// One record without a uuid makes every attempt that is unknown at its time wait for
	// a person, so there are few, however large the run.
	f.UUIDMissing = .6 / float64(max(leastUUIDs, o.Contacts))
	f.EventNumber, f.EventUUID = .05, .05
	return f
}

const leastUUIDs = 2000

// wordingFaults are the faults in which something is written differently, or sent again.
var wordingFaults = []string{
	"number_plus", "number_00", "number_national", "number_unknown", "number_missing", "other_direction", "other_uuid", "other_conversation",
	"other_party", "member_missing", "uuid_missing", "dashless_uuid", "event_number", "event_direction", "event_uuid",
	"event_same_token", "event_replayed", "event_forged", "retry_same_token",
}

// postFaults are the faults of requests for a call, as the simulator counts them.
var postFaults = []string{
	"cut_before", "cut_after", "error_500", "error_500_placed", "error_503_placed", "too_many", "slow", "stuck", "truncated",
}
