package contract_test

import (
	"errors"
	"slices"
	"testing"

	"dialer/voice"
)

// stricter are actions that the client refuses and the simulator accepts, because it is
// not certain whether Vonage accepts them. In Vonage's documented form a number has no
// plus sign, and an input has a type.
var stricter = []string{
	`{"action":"input","timeOut":5,"maxDigits":1}`,
	`{"action":"connect","endpoint":[{"type":"phone","number":"+447700900102","onAnswer":{"url":"https://a.test/a"}}]}`,
}

// mended is an action that is invalid in the form that is read, but valid in the form
// that the client writes.
const mended = `{"action":"talk","text":"Hello","language":""}`

// TestClientAndSimulatorAgree: client and simulator accept the same actions. The
// simulator has its own copy of the rules, so that a mistake in one of them is seen here.
func TestClientAndSimulatorAgree(t *testing.T) {
	t.Parallel()
	for _, c := range actionCases {
		ncco, err := voice.ParseNCCO([]byte("[" + c.action + "]"))
		if err == nil {
			err = ncco.Validate()
		}
		if unknown := ncco.Unknown(); err == nil && len(unknown) > 0 {
			err = errors.New("only sent if it is allowed: " + unknown[0])
		}
		if c.action == mended {
			continue
		}
		if want := c.refused != "" || slices.Contains(stricter, c.action); want != (err != nil) {
			t.Errorf("%s\nrefused by the simulator: %q; the client says %v", c.action, c.refused, err)
		}
	}
}
