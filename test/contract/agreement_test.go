package contract_test

import (
	"errors"
	"slices"
	"testing"

	"dialer/voice"
)

// stricter are actions that the client refuses and the simulator takes: it is not
// known for certain that Vonage does. Its own form of a number has no plus sign, and
// of an input a type.
var stricter = []string{
	`{"action":"input","timeOut":5,"maxDigits":1}`,
	`{"action":"connect","endpoint":[{"type":"phone","number":"+447700900102","onAnswer":{"url":"https://a.test/a"}}]}`,
}

// mended is an action that is not valid as it is read, and is as the client writes it.
const mended = `{"action":"talk","text":"Hello","language":""}`

// TestClientAndSimulatorAgree: what one takes the other takes. The simulator has its
// own copy of the rules, so that a mistake in one of them is seen here.
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
