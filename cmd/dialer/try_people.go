package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/progress"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// printPeople shows how each person ended, one per line.
func printPeople(con console, people []app.Person, rows map[string]csvRow) {
	t := table.NewWriter()
	t.SetOutputMirror(con.Screen())
	t.SetStyle(table.StyleLight)
	t.Style().Options = table.OptionsNoBordersAndSeparators
	t.Style().Format.Header = text.FormatDefault
	t.SetColumnConfigs([]table.ColumnConfig{{Name: "line", Align: text.AlignRight}, {Name: "calls", Align: text.AlignRight}, {Name: "seconds", Align: text.AlignRight}})
	t.AppendHeader(table.Row{"line", "person", "number", "calls", "seconds", "what became of the person"})
	for _, p := range people {
		row := rows[p.To]
		t.AppendRow(table.Row{lineText(row.line), personText(row.vars), "+" + p.To, p.Calls, p.Seconds, coloured(con, p.Reason)})
	}
	t.Render()
}

func lineText(line int) string {
	if line == 0 {
		return ""
	}
	return strconv.Itoa(line)
}

const personWidth = 28

// personText is the person's name, or else the first of the row's values.
func personText(vars map[string]string) string {
	columns := slices.SortedFunc(maps.Keys(vars), func(a, b string) int {
		return cmp.Or(cmp.Compare(nameRank(a), nameRank(b)), cmp.Compare(a, b))
	})
	for _, column := range columns {
		if vars[column] != "" {
			return text.Snip(strings.Map(printable, vars[column]), personWidth, "…")
		}
	}
	return ""
}

func nameRank(column string) int {
	if slices.Contains(nameWords, strings.ToLower(column)) {
		return 0
	}
	return 1
}

// printable keeps a value of a CSV from controlling the terminal.
func printable(r rune) rune {
	if !strconv.IsPrint(r) {
		return '�'
	}
	return r
}

// coloured is how the person ended, green if they heard, on a terminal.
func coloured(con console, reason campaign.Reason) string {
	words := cmp.Or(meanings[reason], string(reason))
	if !progress.Colours(con.Out) {
		return words
	}
	colour := text.FgYellow
	if reason == campaign.Reason(campaign.Human) || reason == campaign.Reason(campaign.Machine) || reason == campaign.Reason(campaign.Answered) {
		colour = text.FgGreen
	}
	return "\x1b[" + strconv.Itoa(int(colour)) + "m" + words + "\x1b[0m"
}
