package voicesim_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"
)

// A person who takes a call at a handset hears the text word by word, cuts it with a key,
// is asked, speaks, and hangs up. The ledger records it as for every person.
func TestHandset(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var heard []string
		h := &voicesim.Handset{Number: target, Hears: func(x voicesim.Heard) {
			mu.Lock()
			defer mu.Unlock()
			heard = append(heard, strings.TrimSpace(string(x.Kind)+" "+x.Text))
		}}
		since := func() []string {
			mu.Lock()
			defer mu.Unlock()
			list := slices.Clone(heard)
			heard = nil
			return list
		}
		want := func(what string, want ...string) {
			t.Helper()
			if got := since(); !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", what, got, want)
			}
		}
		w := inBubble(t, voicesim.Config{Handset: h})
		defer w.close()
		if err := h.Answer(); err != voicesim.ErrNoCall {
			t.Errorf("answered nothing: %v", err)
		}
		const text = "123456789 123456789 123456789 123456789" // a third of a second for a part
		w.place(target, map[string]any{"ncco": actions(t, `[
			{"action":"talk","text":"`+text+`","bargeIn":true},{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1,"timeOut":0}},
			{"action":"talk","text":"And?"},{"action":"input","type":["dtmf","speech"],"dtmf":{"maxDigits":1,"timeOut":5}},
			{"action":"record","timeOut":60,"endOnKey":"#"}, {"action":"talk","text":"Bye."}]`)})
		time.Sleep(2 * time.Second)
		want("it rings", "rings 447700900001")
		h.Answer()
		time.Sleep(time.Second)
		want("a second of the text", "word 123456789", "word 123456789")
		h.Press("7")
		time.Sleep(time.Second)
		want("a key cuts it", "cut 7", "word And?", "end", "asks")
		h.Say("yes please")
		time.Sleep(time.Second)
		want("a word is answered", "records #")
		h.Press("5") // ends nothing
		h.Press("#")
		time.Sleep(100 * time.Millisecond)
		want("the recording ends", "word Bye.")
		h.HangUp()
		w.waitIdle()
		c := w.onlyCall()
		if !slices.Equal(c.Keys, []string{"7", "say:yes please"}) || c.EndedBy != "user" || !c.HeardAt.IsZero() || c.Machine {
			t.Errorf("%+v", c)
		}
	})
}
