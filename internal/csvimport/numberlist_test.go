package csvimport

import (
	"fmt"
	"strings"
	"testing"

	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// Lists of numbers as people keep them: what is in each, "!N" a mistake on line N.
func TestNumbers(t *testing.T) {
	t.Parallel()
	const ann, bob = "447700900413", "447700900414"
	tests := []struct {
		name, file, country string
		want                []string
	}{
		{"one a line", "+447700900413\n\n+447700900414\n", "", []string{ann, bob}},
		{"two in a line", "+447700900413,+447700900414\n", "", []string{ann, bob}},
		{"two with a semicolon", "07700 900413; 07700 900414\n", "GB", []string{ann, bob}},
		{"two in a quoted cell", "\"07700 900413 / 07700 900414\",asked by mail\n", "GB", []string{ann, bob}},
		{"two with a word", "07700 900413 or 07700 900414\n", "GB", []string{ann, bob}},
		{"two with a blank", "07700900413 07700900414\n", "GB", []string{ann, bob}},
		{"a note, a date and a comment", "# asked\n+447700900413;asked 2026-11-30\n+447700900414,2026-11-30,12\n", "", []string{ann, bob}},
		{"the rest of a second number", "07700900413,900414\n", "GB", []string{"!1"}},
		{"a second number that cannot be read", "+447700900413,07700900414\n", "", []string{"!1"}},
		{"area code and number", "07700;900413\n07700 900414\n", "GB", []string{ann, bob}},
		{"area code and number with names", "Area Code,Number,Name\n07700,900413,Ann\n,+447700900414,Bob\n", "GB", []string{ann, bob}},
		{"columns with names", "customer number,phone,mobile 2\n4711471147,07700900413,07700900414\n4711471148,,\n", "GB", []string{ann, bob, "!3"}},
		{"a header of unknown names", "Wen\n07700900413\n", "GB", []string{ann}},
		{"an extension", "+442079460141 ext 4\n", "", []string{"!1"}},
		{"UTF-16", "\xff\xfe" + strings.Join(strings.Split("447700900413\r\n", ""), "\x00") + "\x00", "", []string{ann}},
		{"gzip", gzipped(t, "to\n+447700900413\n"), "", []string{ann}},
		{"a spreadsheet", zipped(t, workbook(`<row><c t="inlineStr"><is><t>phone</t></is></c></row><row><c><v>447700900413</v></c></row><row><c t="inlineStr"><is><t>+447700900414</t></is></c></row>`, "", "")), "", []string{ann, bob}},
		{"texts as spreadsheets force them", "=\"07700900413\"\n'07700900414\n", "GB", []string{ann, bob}},
		{"a stray byte", "+447700900413,Zo\xeb\n+447700900414,é\n", "", []string{"!1", bob}},
	}
	for _, test := range tests {
		o := options()
		o.DefaultCountry = test.country
		var got []string
		err := Numbers(strings.NewReader(test.file), o, func(line int, number string, mistake error) bool {
			if mistake != nil {
				number = fmt.Sprintf("!%d", line)
			}
			got = append(got, number)
			return true
		})
		require.NoError(t, err)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s:\n%s", test.name, diff)
		}
	}
	err := Numbers(strings.NewReader("%PDF-1.4"), options(), nil)
	if err == nil || !strings.Contains(err.Error(), "a PDF") {
		t.Errorf("a PDF: %v", err)
	}
}
