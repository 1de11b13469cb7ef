package app

import "dialer/campaign"

// Person is how one contact ended or stands.
type Person struct {
	To      string
	Reason  campaign.Reason // "" until the contact has ended
	Calls   int
	Seconds int64 // of all its calls
}
