package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// sameFigures compares the figures of one campaign in the API, the page, the export and
// the report. All read reporting.campaigns, or its people. Calls continue meanwhile, so
// it reads again while the API's answer changes.
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
		all := figuresOfAPI(t, before)
		for what, got := range map[string]map[string]string{"report": figuresOfReport(t, report), "page": figuresOfPage(t, page), "export": figuresOfExport(t, exported)} {
			want := maps.Clone(all)
			if what == "export" {
				delete(want, "rows_in") // it has no refused row
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("API and %s (-API +%s)\n%s", what, what, diff)
			}
		}
		if all["result confirmed"] == "" || all["calls_answered"] == "0" || all["people_answered"] == all["people"] {
			t.Errorf("there is too little to compare: %v", all)
		}
		return
	}
	t.Error("the figures never stood still")
}

// price is an exact amount without trailing zeros.
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

// A figure is in a data element. Its value has the API's form; its text has the form of
// the reader's language.
var (
	pageLine = regexp.MustCompile(`<tr><th>([^<]+)</th><td class="num"><data[^>]* value="([^"]+)"[^>]*>[^<]*</data></td><td>([^<]*)</td></tr>`)
	pageRows = regexp.MustCompile(`<data value="([0-9]+)">[^<]*</data> rows = `)
)

// figuresOfPage reads the tables of the page.
func figuresOfPage(t *testing.T, page string) map[string]string {
	t.Helper()
	got := map[string]string{}
	if m := pageRows.FindStringSubmatch(page); m != nil {
		got["rows_in"] = m[1]
	}
	named := map[string]string{"Can be called": "people", "Called": "people_called", "Answered": "people_answered", "Heard it": "heard", "Calls": "calls", "Calls answered": "calls_answered", "Price": "price"}
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
	return got
}

func figuresOfExport(t *testing.T, text string) map[string]string {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(text, "\ufeff"))).ReadAll()
	require.NoError(t, err)
	counts := map[string]int{"people": len(records) - 1, "heard": 0, "calls": 0, "people_called": 0, "calls_answered": 0, "people_answered": 0}
	paid := decimal.Zero
	for _, record := range records[1:] {
		heard, answered := false, false
		for i, column := range records[0] {
			cell := record[i]
			switch {
			case cell == "":
			case column == "dialer_reason":
				counts["done_"+cell]++
			case column == "dialer_result":
				counts["result "+cell]++
				heard = true // people who gave a result heard enough
			case column == "dialer_heard_at":
				heard = true
			case column == "dialer_answered":
				answered = cell == "true"
			case column == "dialer_calls_answered":
				n, err := strconv.Atoi(cell)
				require.NoError(t, err)
				counts["calls_answered"] += n
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
		if heard || answered {
			counts["people_answered"]++
		}
	}
	got := map[string]string{"price": paid.String()}
	for name, n := range counts {
		got[name] = fmt.Sprint(n)
	}
	return got
}

// sameSplits compares the figures of a campaign's calls in the API, the command, its
// file, the page and the page's file, by each split. It also compares the command for all
// campaigns with the API. A test of package storage compares the views.
func sameSplits(t *testing.T, p programs, environment []string, admin, name string) {
	t.Helper()
	const curl = `curl -sS --fail-with-body `
	api := func(path string) [][]string {
		return cells(t, p.shell(t, curl+`-H "Authorization: Bearer $TOKEN" "$API/`+path+`"`, environment...))
	}
	for _, by := range app.Splits {
		path := "campaigns/" + name + "/report?by=" + string(by)
		compared := false
		for range 20 {
			before := api(path)
			printed := p.shell(t, "dialer report "+name+" --by "+string(by)+" --format json")
			file := p.shell(t, "dialer report "+name+" --by "+string(by)+" --format csv")
			got := map[string][][]string{"report --format csv": rowsOfFile(t, file)}
			got["report --format json"] = cells(t, printed)
			if by != app.ByMonth && by != app.ByCampaign { // the account's, which no page shows
				page := "http://" + admin + "/campaigns/1/report?by=" + string(by)
				got["page's file"] = rowsOfFile(t, p.shell(t, curl+"'"+page+"&format=csv'"))
				got["page"] = rowsOfPage(t, p.shell(t, curl+"'"+page+"'"), before)
			}
			if !cmp.Equal(before, api(path)) {
				continue
			}
			compared = true
			for what, rows := range got {
				if diff := cmp.Diff(before, rows); diff != "" || len(rows) < 2 {
					t.Errorf("by %s: API and %s (-API +%s)\n%s", by, what, what, diff)
				}
			}
			break
		}
		if !compared {
			t.Errorf("by %s: the figures never stood still", by)
		}
	}
	months := cells(t, p.shell(t, "dialer report --by month --format json"))
	if diff := cmp.Diff(api("report?by=month"), months); diff != "" || len(months) < 2 {
		t.Errorf("the months of the API and of report (-API +report)\n%s", diff)
	}
}

// cells are the names of the columns and the rows of figures in JSON, as texts.
func cells(t *testing.T, text string) [][]string {
	t.Helper()
	var of struct {
		Columns []string
		Rows    []json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(text), &of))
	f := app.Figures{Columns: of.Columns}
	rows := [][]string{f.Columns}
	for _, row := range of.Rows {
		texts, err := f.Cells(row)
		require.NoError(t, err)
		rows = append(rows, texts)
	}
	return rows
}

func rowsOfFile(t *testing.T, text string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	return rows
}

var (
	figureRow  = regexp.MustCompile(`<tr><th scope="row">(?:<time datetime="([^"]+)">[^<]*</time>|([^<]*))</th>(.*?)</tr>`)
	figureCell = regexp.MustCompile(`<td class="num">(?:<data[^>]* value="([^"]*)"[^>]*>[^<]*</data>)?</td>`)
)

// rowsOfPage are the rows of the page's table. It leaves out columns in which nothing was
// counted: they are as in want, if nothing was. The same money may have fewer zeros.
func rowsOfPage(t *testing.T, page string, want [][]string) [][]string {
	t.Helper()
	rows := [][]string{want[0]}
	for i, m := range figureRow.FindAllStringSubmatch(page, -1) {
		if i+1 >= len(want) {
			t.Errorf("the page has more rows: %s", m[0])
			break
		}
		row := []string{html.UnescapeString(m[2])}
		if at, err := time.Parse(time.RFC3339, want[i+1][0]); err == nil && at.UTC().Format(time.RFC3339) == m[1] {
			row[0] = want[i+1][0]
		}
		if row[0] == "not known" {
			row[0] = ""
		}
		shown := figureCell.FindAllStringSubmatch(m[3], -1)
		for j, column := range want[0][1:] {
			if !slices.ContainsFunc(want[1:], func(other []string) bool { return strings.Trim(other[j+1], "0.") != "" }) {
				row = append(row, want[i+1][j+1])
				continue
			}
			if len(shown) == 0 {
				break
			}
			value := shown[0][1]
			shown = shown[1:]
			if strings.HasSuffix(column, "price") && price(t, value) == price(t, want[i+1][j+1]) {
				value = want[i+1][j+1]
			}
			row = append(row, value)
		}
		rows = append(rows, row)
	}
	return rows
}
