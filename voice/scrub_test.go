package voice

import "testing"

func TestScrubNumbers(t *testing.T) {
	t.Parallel()
	for _, number := range []string{
		"447700900123", "+44 7700 900123", "+44 (7700) 900-123", "44/7700/900123",
		"44.7700.900.123", "44\u00a07700\u00a0900123", "44\u202f7700\u202f900\u202f123",
	} {
		if got, want := scrub("no route to "+number+" now"), "no route to [number] now"; got != want {
			t.Errorf("%q: got %q, want %q", number, got, want)
		}
	}
	for _, plain := range []string{"404 Not Found", "version 1.2.3", "took 1.25 s"} {
		if got := scrub(plain); got != plain {
			t.Errorf("%q: got %q, want it as it is", plain, got)
		}
	}
}
