package csvimport_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/csvimport"
)

func ExamplePreview() {
	const file = "Phone;Name\n020 7946 0018;Ann\n7,9E+9;Bob\n\"0207\n+1 415 555 0100;Cid\n"
	settings := campaign.Settings{
		From:         []string{"442079460000"},
		Message:      campaign.Message{Say: "Hello {{Name}}"},
		Hours:        campaign.Daily(9*60, 20*60),
		Zone:         campaign.ZoneRecipient,
		Retry:        campaign.DefaultPolicy(),
		RingingTimer: 60, LengthTimer: 7200,
	}
	options := csvimport.Options{DefaultCountry: "GB", Now: time.Now()}
	forecast, err := csvimport.Preview(context.Background(), strings.NewReader(file), settings, options)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(forecast.Form.Encoding, forecast.Form.Delimiter, forecast.Columns.To, forecast.Columns.Vars)
	fmt.Println(forecast.Rows, "rows,", forecast.Accepted, "accepted")
	for _, row := range forecast.First {
		fmt.Printf("line %d: %s\n", row.Line, row.Reason)
	}
	fmt.Println(forecast.Sample.Script.Say)
	// Output:
	// utf-8 ; Phone [Phone Name]
	// 4 rows, 2 accepted
	// line 3: a spreadsheet rounded this number to scientific notation; format the column as text, restore the digits and export again
	// line 4: a quote is opened and not closed; write a quote inside a value twice ("")
	// Hello Ann
}
