package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// sameFigures holds what the API, the page, the export and the report say of one
// campaign against each other. All read reporting.campaigns, or its people. Calls go
// on meanwhile, so it reads again while the API's answer changes.
func sameFigures(t *testing.T, p programs, environment []string, admin, name string) {
	t.Helper()
	api := func() string {
		return p.shell(t, `curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$API/campaigns/`+name+`"`, environment...)
	}
	for range 20 {
		before := api()
		page := p.shell(t, "curl -sS --fail-with-body http://"+admin+"/campaigns/1")
		exported := p.shell(t, "dialer campaign export "+name)
		report := p.shell(t, "dialer report "+name+" --format json")
		if api() != before {
			continue
		}
		want := figuresOfAPI(t, before)
		for what, got := range map[string]map[string]string{"report": figuresOfReport(t, report), "page": figuresOfPage(t, page, want), "export": figuresOfExport(t, exported)} {
			if what == "export" { // it has people, not rows or single calls
				for _, figure := range []string{"rows_in", "calls_answered", "people_answered"} {
					got[figure] = want[figure]
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("API and %s (-API +%s)\n%s", what, what, diff)
			}
		}
		if want["result confirmed"] == "" || want["calls_answered"] == "0" {
			t.Errorf("there is too little to compare: %v", want)
		}
		return
	}
	t.Error("the figures never stood still")
}

// price is an amount to its last digit, without zeros behind it.
func price(t *testing.T, text string) string {
	t.Helper()
	amount, err := decimal.NewFromString(text)
	require.NoError(t, err)
	return amount.String()
}

func figuresOfAPI(t *testing.T, text string) map[string]string {
	t.Helper()
	var c map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &c))
	got := map[string]string{"price": price(t, c["price"].(string))}
	for _, column := range []string{"rows_in", "calls", "calls_answered", "heard", "people_called", "people_answered"} {
		got[column] = fmt.Sprint(c[column])
	}
	people := c["rows_in"].(float64) - c["rejected"].(float64)
	got["people"] = fmt.Sprint(people)
	for _, reason := range campaign.Reasons {
		if n := c["done_"+string(reason)].(float64); n > 0 {
			got["done_"+string(reason)] = fmt.Sprint(n)
		}
	}
	for result, n := range c["results"].(map[string]any) {
		got["result "+result] = fmt.Sprint(n)
	}
	return got
}

func figuresOfReport(t *testing.T, text string) map[string]string {
	t.Helper()
	var lines []reportLine
	require.NoError(t, json.Unmarshal([]byte(text), &lines))
	r := lines[0]
	got := map[string]string{
		"rows_in": fmt.Sprint(r.Rows), "people": fmt.Sprint(r.Rows - r.Rejected), "calls": fmt.Sprint(r.Calls), "calls_answered": fmt.Sprint(r.Answered),
		"heard": fmt.Sprint(r.Heard), "people_called": fmt.Sprint(r.Called), "people_answered": fmt.Sprint(r.Reached), "price": price(t, r.Price),
	}
	for reason, n := range r.Reasons {
		got["done_"+string(reason)] = fmt.Sprint(n)
	}
	for result, n := range r.Results {
		got["result "+result] = fmt.Sprint(n)
	}
	return got
}

// A figure stands in a data element, whose value is as the API says it; the text is
// in the form of the reader's language.
var (
	pageLine = regexp.MustCompile(`<tr><th>([^<]+)</th><td class="num"><data[^>]* value="([^"]+)"[^>]*>[^<]*</data></td><td>([^<]*)</td></tr>`)
	pageRows = regexp.MustCompile(`<data value="([0-9]+)">[^<]*</data> rows = `)
)

// figuresOfPage reads the tables of the page; want tells reasons and results apart.
func figuresOfPage(t *testing.T, page string, want map[string]string) map[string]string {
	t.Helper()
	got := map[string]string{}
	if m := pageRows.FindStringSubmatch(page); m != nil {
		got["rows_in"] = m[1]
	}
	named := map[string]string{"Can be called": "people", "Called": "people_called", "Answered": "people_answered", "Heard it": "heard", "Calls": "calls", "Price": "price"}
	before, ended, _ := strings.Cut(page, "Why they ended")
	reasons, calls, _ := strings.Cut(ended, "Calls and cost")
	for prefix, part := range map[string]string{"result ": before, "done_": reasons, "": calls} {
		for _, m := range pageLine.FindAllStringSubmatch(part, -1) {
			name := named[m[1]]
			if name == "" || prefix == "done_" {
				name = prefix + strings.ReplaceAll(strings.ToLower(html.UnescapeString(m[1])), " ", "_")
			}
			got[name] = m[2]
			if name == "price" {
				got[name] = price(t, m[2])
			}
		}
	}
	got["calls_answered"] = want["calls_answered"] // the page shows its share only
	return got
}

func figuresOfExport(t *testing.T, text string) map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	require.NoError(t, err)
	counts := map[string]int{"people": len(records) - 1, "heard": 0, "calls": 0, "people_called": 0}
	paid := decimal.Zero
	for _, record := range records[1:] {
		heard := false
		for i, column := range records[0] {
			cell := record[i]
			switch {
			case cell == "":
			case column == "dialer_reason":
				counts["done_"+cell]++
			case column == "dialer_result":
				counts["result "+cell]++
				heard = true // who gave a result heard enough
			case column == "dialer_heard_at":
				heard = true
			case column == "dialer_calls":
				n, err := strconv.Atoi(cell)
				require.NoError(t, err)
				counts["calls"] += n
				counts["people_called"] += min(n, 1)
			case column == "dialer_price":
				amount, err := decimal.NewFromString(cell)
				require.NoError(t, err)
				paid = paid.Add(amount)
			}
		}
		if heard {
			counts["heard"]++
		}
	}
	got := map[string]string{"price": paid.String()}
	for name, n := range counts {
		got[name] = fmt.Sprint(n)
	}
	return got
}
