package app_test

import (
	"testing"

	"dialer/internal/app"
)

func TestMaskText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"447700900101":                         "44*******101",
		"+44 7700 900101":                      "+44 **** ***101",
		"07700 900101":                         "07*** ***101",
		"(020) 7946-0000":                      "(02*) ****-*000",
		"call 447700900101 or 447700900102":    "call 44*******101 or 44*******102",
		"447700900101 447700900102":            "44********** *********102", // one run
		"2026-12-03 10:00":                     "2026-12-03 10:00",
		"2026-12-03":                           "2026-12-03",
		"03/12/2026 10:00":                     "03/12/2026 10:00",
		"2026-11-30T06:24:03.123456+00:00":     "2026-11-30T06:24:03.123456+00:00",
		"019ad3b2-1c2d-7000-8000-447700900101": "019ad3b2-1c2d-7000-8000-447700900101",
		"Ann":                                  "Ann",
		"bed 12":                               "bed 12",
	} {
		if got := app.MaskText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMaskJSON(t *testing.T) {
	t.Parallel()
	const text = `{"to_number":"447700900101","price":"0.12345678","row":{"0044 7700 900101":"+447700900101"},"keys":["447700900101"],"n":447700900101}`
	const want = `{"keys":["44*******101"],"n":447700900101,"price":"0.12345678","row":{"00** **** ***101":"+44*******101"},"to_number":"44*******101"}` + "\n"
	if got := string(app.MaskJSON([]byte(text))); got != want {
		t.Errorf("%s", got)
	}
}
