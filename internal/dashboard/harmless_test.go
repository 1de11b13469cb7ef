package dashboard

import "testing"

// A mark of direction in a name is made visible, but is unchanged in an input field.
func TestMarksOfDirectionAreShown(t *testing.T) {
	t.Parallel()
	for page, want := range map[string]string{
		"<p>\u202egnp.exe</p>":                          `<p>\u202egnp.exe</p>`,
		"<b title=\"a\u2067b\">a\u2067b</b>":            "<b title=\"a\u2067b\">a" + `\u2067` + "b</b>",
		"<textarea name=\"x\">\u200fa</textarea>\u200f": "<textarea name=\"x\">\u200fa</textarea>" + `\u200f`,
		"<textarea>\x1b[31m</textarea><td>\x9b\u2028":   "<textarea>\ufffd[31m</textarea><td>\ufffd" + `\u2028`,
		"\u05e9\u05dc\u05d5\u05dd Ann é 😀\r\n\t":        "\u05e9\u05dc\u05d5\u05dd Ann é 😀\r\n\t",
	} {
		if got := string(harmless([]byte(page))); got != want {
			t.Errorf("%q is sent as %q, want %q", page, got, want)
		}
	}
}
