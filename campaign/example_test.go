package campaign_test

import (
	"fmt"
	"time"

	"dialer/campaign"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// Events that come in the wrong order, and twice, say the same as in the
// right one.
func ExampleFold() {
	attempt := campaign.Attempt{State: campaign.Dialing, To: "447700900001"}
	for i, status := range []string{"completed", "busy", "ringing", "busy"} {
		attempt, _ = campaign.Fold(attempt, campaign.Evidence{
			Source: campaign.FromEvent, CallUUID: "63f61863", Status: status,
			At: noon, ObservedAt: noon.Add(time.Duration(i) * time.Second),
		})
	}
	fmt.Println(attempt.State, attempt.Disposition())
	// Output: ended busy
}

func ExampleDecide() {
	settings := campaign.Settings{Retry: campaign.DefaultPolicy()}
	attempt := campaign.Attempt{No: 1, State: campaign.Ended, Facts: campaign.Facts{Failure: "busy", FailedAt: noon, EndedAt: noon}}
	d := campaign.Decide(settings, campaign.Running, campaign.Contact{State: campaign.Active}, []campaign.Attempt{attempt}, noon)
	fmt.Println(d.State, d.DueAt.Format(time.TimeOnly))
	fmt.Println(d.Because)
	// Output:
	// waiting 12:10:00
	// call 1 of 3 ended as busy, called again 10m later
}

func ExampleMessage_Render() {
	m := campaign.Message{Say: "Hello {{name|neighbour}}, the water is off from {{from}}."}
	for _, vars := range []map[string]string{{"name": "Ann", "from": "9"}, {"from": "10"}, {"name": "Cid"}} {
		r, err := m.Render(vars)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(r.Script.Say)
	}
	// Output:
	// Hello Ann, the water is off from 9.
	// Hello neighbour, the water is off from 10.
	// the message needs a value in column "from" and it is blank; fill it in, or write {{from|fallback}}
}
