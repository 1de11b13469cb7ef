package fleet

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/csvimport"
)

const (
	perBlock            = 10_000
	firstArea, lastArea = 200, 989
	// FictionalNumbers is the number of fictional numbers: two blocks in Australia and
	// 555-0100 to 555-0199 of each area of America. They belong to no telephone.
	FictionalNumbers = 2*perBlock + (lastArea-firstArea+1)*100
)

// Number is the i-th of the fictional numbers, from 0, as digits. The last eight
// digits of the first 20,000 differ, and so do those of the last thousand: numbers with
// the same last digits may be one number in different forms.
func Number(i int) string {
	switch {
	case i < perBlock:
		return fmt.Sprintf("6125550%04d", i)
	case i < 2*perBlock:
		return fmt.Sprintf("6127010%04d", i-perBlock)
	}
	i -= 2 * perBlock
	return fmt.Sprintf("1%d55501%02d", firstArea+i/100, i%100)
}

// CSV is n contacts, with bad rows after each of them.
func CSV(n, bad int) string {
	var csv strings.Builder
	csv.WriteString("to,name\n")
	for i := range n {
		csv.WriteString(Row(i, "Person"))
		csv.WriteString(strings.Repeat("none,Nobody\n", bad))
	}
	return csv.String()
}

// Row is the i-th contact's row.
func Row(i int, name string) string { return fmt.Sprintf("+%s,%s %d\n", Number(i), name, i+1) }

// Import starts a campaign of n contacts. After an error the same call resumes
// the import.
func Import(ctx context.Context, db app.ImportStore, name string, s campaign.Settings, n int) (id int64, err error) {
	summary, err := csvimport.Import(ctx, strings.NewReader(CSV(n, 0)), name, s, csvimport.Options{Now: time.Now()},
		app.Import{By: app.Actor{Name: "fleet", Through: app.ThroughCommand}, Store: db})
	if err != nil {
		return 0, err
	}
	if got := summary.Added + summary.Already; got != n {
		return 0, fmt.Errorf("campaign %s has %d contacts of %d", name, got, n)
	}
	return summary.Campaign.ID, nil
}
