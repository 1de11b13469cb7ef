package campaign

import (
	"strings"
	"testing"
)

// The spoken form of a row's value in each language, or the reason for its refusal.
func TestSpeech(t *testing.T) {
	t.Parallel()
	tests := []struct{ language, placeholder, value, format, want string }{
		{"en-GB", "{{x|date}}", "2026-12-03", "", "Thursday, 3 December 2026"},
		{"en-US", "{{x|date}}", "2026-12-03 14:30", "", "Thursday, December 3, 2026"},
		{"", "{{x|time}}", "2026-12-03T14:30", "", "2:30 pm"},
		{"en-GB", "{{x|time}}", "2026-12-03 14:30:00", "", "14:30"},
		{"en-GB", "{{x|time}}", "2:30 pm", "", "14:30"},
		{"en-US", "{{x|time}}", "14.30", "", "2:30 pm"},
		{"de-DE", "{{x|date}}", "03.04.2026", "", "Freitag, 3. April 2026"},
		{"de-AT", "{{x|date}}", "3.1.2026", "", "Samstag, 3. Jänner 2026"},
		{"de-DE", "{{x|date}}", "3. März 2026", "", "Dienstag, 3. März 2026"},
		{"de-DE", "{{x|time}}", "3.4.26 14.30 Uhr", "", "14:30"},
		{"fr-FR", "{{x|date}}", "2026-08-01", "", "samedi 1 août 2026"},
		{"es-ES", "{{x|date}}", "1 de agosto de 2026", "", "sábado, 1 de agosto de 2026"},
		{"it-IT", "{{x|date}}", "25/12/2026", "", "venerdì 25 dicembre 2026"},
		{"nl-NL", "{{x|date}}", "12/25/2026", "", "vrijdag 25 december 2026"},
		{"pt-BR", "{{x|date}}", "2026-12-03", "", "quinta-feira, 3 de dezembro de 2026"},
		{"pl-PL", "{{x|date}}", "2026-12-03", "", "czwartek, 3 grudnia 2026"},
		{"en-GB", "{{x|date}}", "4 March 2026", "", "Wednesday, 4 March 2026"},
		{"en-GB", "{{x|date}}", "March 4th, 2026", "", "Wednesday, 4 March 2026"},
		{"en-GB", "{{x|date}}", "03/03/2026", "", "Tuesday, 3 March 2026"},
		{"en-GB", "{{x|date}}", "03/04/2026", "DD/MM/YYYY HH:mm", "Friday, 3 April 2026"},
		{"en-GB", "{{x|date}}", "03/04/2026", "MM/DD/YYYY hh:mm A", "Wednesday, 4 March 2026"},
		{"en-GB", "{{x|date}}", "03-04-26", "DD-MM-YY", "Friday, 3 April 2026"},
		{"en-GB", "{{x|date}}", "03/04/2026", "", "!the day or with the month first"},
		{"en-GB", "{{x|date}}", "03/04/26", "", "!a year of two digits"},
		{"en-GB", "{{x|date}}", "31.02.2026", "", "!no such day"},
		{"en-GB", "{{x|date}}", "14:30", "", "!there is no date"},
		{"en-GB", "{{x|time}}", "2026-12-03", "", "!there is no time"},
		{"en-GB", "{{x|time}}", "2026-12-03T14:30:00Z", "", "!one of UTC"},
		{"en-GB", "{{x|date}}", "soon", "", "!neither a date nor a time"},
		{"en-GB", "{{x|date}}", "46359", "", "!neither a date nor a time"},
		{"en-GB", "{{x|date|soon}}", "", "", "soon"},
		{"en-GB", "{{x|digits}}", "AB-12٣4", "", "A B 1 2 3 4"},
		{"ja-JP", "{{x|digits}}", "0042", "", "0 0 4 2"},
		{"en-GB", "{{x|digits}}", "--", "", "!neither digits nor letters"},
		{"en-GB", "{{x|money}}", "1234.5", "", "£1,234.50"},
		{"en-GB", "{{x|money}}", "£1,234", "", "!no amount of money that can be read in one way"},
		{"en-GB", "{{x|money}}", "£1,234.00", "", "£1,234"},
		{"en-GB", "{{x|money}}", "12 EUR", "", "€12"},
		{"en-GB", "{{x|money EUR}}", "12.50", "", "€12.50"},
		{"en-GB", "{{x|money EUR}}", "12.50 GBP", "", "!the value is in GBP"},
		{"de-DE", "{{x|money}}", "1.234,50 €", "", "1.234,50 €"},
		{"fr-FR", "{{x|money}}", "1 234,50", "", "1 234,50 €"},
		{"es-ES", "{{x|money}}", "12,5", "", "12,50 €"},
		{"nl-NL", "{{x|money}}", "1234567.89", "", "€ 1.234.567,89"},
		{"pt-BR", "{{x|money}}", "R$ 12,50", "", "R$ 12,50"},
		{"", "{{x|money}}", "12.50", "", "!there is no currency"},
		{"", "{{x|money}}", "$12.50", "", "$12.50"},
		{"en-GB", "{{x|money}}", "12.345", "", "!in one way"},
		{"en-GB", "{{x|money}}", "12 kr", "", "!a currency that is not known"},
		{"en-GB", "{{x|friend}}", "", "", "friend"},
		{"{{lang}}", "{{x|date}}", "2026-12-03", "", "Donnerstag, 3. Dezember 2026"},
	}
	for _, test := range tests {
		language := ""
		if test.language != "" {
			language = `"language":"` + test.language + `",`
		}
		m := Message{NCCO: []byte(`[{"action":"talk",` + language + `"text":"` + test.placeholder + `"}]`), DateFormat: test.format}
		got, err := m.Render(map[string]string{"x": test.value, "lang": "de"})
		if want, refused := strings.CutPrefix(test.want, "!"); refused {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s %s %q: %s %v, want %q", test.language, test.placeholder, test.value, got.NCCO, err, want)
			}
			continue
		}
		if err != nil || !strings.Contains(string(got.NCCO), `"text":"`+test.want+`"`) {
			t.Errorf("%s %s %q: %s %v, want %q", test.language, test.placeholder, test.value, got.NCCO, err, test.want)
		}
	}
	for _, wrong := range []string{`"language":"xx-XX","text":"{{x|time}}"`, `"language":"ja-JP","text":"{{x|money}}"`, `"text":"{{x|money XYZ}}"`} {
		m := Message{NCCO: []byte(`[{"action":"talk",` + wrong + `}]`)}
		if err := m.Validate(); err == nil || !strings.Contains(err.Error(), "cannot be said") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if err := (Message{Say: "x", DateFormat: "HH:mm"}).Validate(); err == nil {
		t.Error("a date format without a date was taken")
	}
}
