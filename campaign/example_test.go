package campaign_test

import (
	"fmt"
	"strings"
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
	attempt := campaign.Attempt{No: 1, State: campaign.Ended, Facts: campaign.Facts{Failure: "busy", FailedAt: noon, ClosedAt: noon}}
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
		fmt.Println(string(r.NCCO), err)
	}
	// Output:
	// [{"action":"talk","text":"Hello Ann, the water is off from 9."}] <nil>
	// [{"action":"talk","text":"Hello neighbour, the water is off from 10."}] <nil>
	//  the message needs a value in column "from" and it is blank; fill it in, or write {{from|fallback}}
}

func ExampleReader() {
	file := "Phone;Name\n020 7946 0018;Ann\n7,9E+9;Bob\n\"0207\n+1 415 555 0100;Cid\n"
	reader, err := campaign.NewReader(strings.NewReader(file), campaign.RowOptions{
		DefaultCountry: "GB",
		Zone:           campaign.ZoneRecipient,
		Hours:          campaign.Hours{From: 9 * 60, To: 20 * 60},
		Message:        campaign.Message{Say: "Hello {{Name}}"},
		Now:            noon,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for record, err := range reader.Records() {
		if err != nil {
			fmt.Println(err)
			return
		}
		row, refused := reader.Parse(record)
		if refused != nil {
			fmt.Printf("line %d: %s\n", refused.Line, refused.Reason)
			continue
		}
		fmt.Println(row.Line, row.To, row.Zones, row.Vars["Name"])
	}
	// Output:
	// 2 442079460018 [Europe/London] Ann
	// line 3: a spreadsheet rounded this number to scientific notation; format the column as text, restore the digits and export again
	// line 4: a quote is opened and not closed; write a quote inside a value twice ("")
	// 5 14155550100 [America/Los_Angeles] Cid
}
