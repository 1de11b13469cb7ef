package app

import (
	"time"

	"dialer/campaign"
)

// FleetStats are counts over all processes at one moment, from the database.
type FleetStats struct {
	AlarmsOpen   map[string]int // by kind
	AlarmsRaised map[string]int // by kind: how often, including resolved ones
	Attempts     map[campaign.State]int
	Contacts     map[campaign.ContactState]int
	HangUps      map[campaign.HangUpState]int
	Behind       map[string]time.Duration    // by pass of reconciliation
	Factor       map[campaign.Budget]float64 // of the pace
}
