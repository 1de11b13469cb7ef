package campaign

import "time"

// Census is what the fleet has at one moment, as the database counts it.
type Census struct {
	AlarmsOpen   map[string]int // by kind
	AlarmsRaised map[string]int // by kind: how often, resolved ones included
	Attempts     map[State]int
	Contacts     map[ContactState]int
	HangUps      map[HangUpState]int
	Behind       map[string]time.Duration // by pass of reconciliation
	Factor       map[Budget]float64       // of the pace
}
