package app

import "dialer/campaign"

// Person is what became of one contact.
type Person struct {
	To      string
	Reason  campaign.Reason // "" until the contact has ended
	Calls   int
	Seconds int64 // of all its calls
}
