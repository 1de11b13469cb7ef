package app

import (
	"time"

	"dialer/campaign"

	"github.com/google/uuid"
)

// NumberHistory is all that is known of one number.
type NumberHistory struct {
	Suppression Suppression        // its Number is empty when there is none
	Contacts    []ContactHistory   // campaign by campaign, oldest first
	Manual      []campaign.Attempt // manual calls, oldest first
	// Refused are rows of imports that hold these digits. They are compared by
	// the last nine, because a refused row's number could not be read.
	Refused []RefusedRow
}

// ContactHistory is why a contact was, or was not, called in one campaign.
type ContactHistory struct {
	Campaign campaign.Campaign
	Contact  campaign.Contact
	Attempts []campaign.Attempt
	// CalledWith is the key of the person whose calls these are, where people share
	// calls and this one follows; Followers are the keys of those who follow this one.
	CalledWith string
	Followers  []string
	Inbound    []InboundCall // in which the person rang back, oldest first
	// Recordings are what was recorded in their calls, oldest first.
	Recordings []Recording
	Actions    []CallAction  // what people did to the attempts' calls, oldest first
	Blocks     []RaisedAlarm // of attempts about which a person decides
	Because    string        // why the contact is in its state; holds no number
	// Obstacles are why a contact that waits, or whose call waits in the queue, is
	// not called now, the weightiest first: what call_obstacles says. None: it is
	// called when it is due.
	Obstacles []campaign.Withdrawal
	// PauseReason is why the campaign is paused; "" if it is not.
	PauseReason string
	// NextCall is the earliest time at which a contact that waits may be called
	// if the campaign runs, as reporting.contacts has it; zero if it does not wait,
	// or if the hours leave no time before the campaign's end and its own.
	NextCall time.Time
	// OpenElsewhere is another open attempt to the number, whose end the contact
	// has to wait for; uuid.Nil if there is none.
	OpenElsewhere uuid.UUID
}

// MeaningOf says for people what an obstacle is, and of a pause why there is one: of a
// message that cannot be made nothing else says what is wrong with it.
func (h ContactHistory) MeaningOf(obstacle campaign.Withdrawal) string {
	if obstacle == campaign.WithdrawnPaused && h.PauseReason != "" {
		return obstacle.Meaning() + ": " + h.PauseReason
	}
	return obstacle.Meaning()
}

// RefusedRow is a row of an import that no contact was made of.
type RefusedRow struct {
	Campaign string
	Line     int
	Column   string
	Reason   string
}

// Recording is a sound that Vonage keeps of a call.
type Recording struct {
	CallUUID string
	// URL is for those who may change something: with the application's key it gives
	// the voice of a person.
	URL     string `json:"-"`
	At      time.Time
	Seconds int32 // 0: not known
}

// InboundCall is a call in which a person rang back and heard their latest message.
type InboundCall struct {
	CallUUID   string
	ReceivedAt time.Time
	HeardAt    time.Time
	Keys       []string
	Result     string
}
