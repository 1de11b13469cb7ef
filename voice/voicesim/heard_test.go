package voicesim_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// TestHeardAndKeys: a message is heard if it was played to its end, once, and not if
// a key or a hang-up cut it. Words after a key are not the message.
func TestHeardAndKeys(t *testing.T) {
	t.Parallel()
	const (
		text    = `{"action":"talk","text":"123456789012345123456789012345","bargeIn":true}` // 2 s
		more    = `{"action":"stream","streamUrl":["https://sound.test/a.mp3"]}`             // 10 s
		ask     = `{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1,"timeOut":1}}`
		message = `[` + text + `,` + more + `,` + ask + `]`
	)
	tests := map[string]struct {
		ncco   string
		talk   time.Duration
		digits []string
		reply  string // to the first input
		heard  time.Duration
		keys   []string
	}{
		"to its end":             {message, time.Minute, nil, "", 12 * time.Second, nil},
		"without an input":       {`[` + text + `]`, time.Minute, nil, "", 2 * time.Second, nil},
		"hung up before":         {message, 11 * time.Second, nil, "", 0, nil},
		"a key after it":         {message, time.Minute, []string{"1"}, "", 12 * time.Second, []string{"1"}},
		"a key cuts it":          {`[` + text + `,` + ask + `]`, time.Minute, []string{"2"}, `[{"action":"talk","text":"Thank you."}]`, 0, []string{"2"}},
		"a key, then once more":  {`[` + text + `,` + ask + `]`, time.Minute, []string{"3"}, `[` + text + `,` + ask + `]`, 3500 * time.Millisecond, []string{"3"}},
		"two inputs":             {`[` + text + `,` + ask + `,` + ask + `]`, time.Minute, []string{"3", "19"}, "", 0, []string{"3", "1"}},
		"twice":                  {`[{"action":"talk","text":"123456789012345","loop":2}]`, 1500 * time.Millisecond, nil, "", time.Second, nil},
		"only a record":          {`[{"action":"record","timeOut":3}]`, time.Minute, nil, "", 0, nil},
		"keys that do not count": {`[{"action":"input","type":["speech"]}]`, time.Minute, []string{"1"}, "", 0, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: "answered", Talk: tt.talk, Digits: tt.digits})})
				defer w.close()
				w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
					if got := w.callbacks.all(); got[len(got)-1].event["dtmf"] != nil && len(w.onlyCall().Keys) == 1 {
						_, _ = rw.Write([]byte(tt.reply))
					}
				}
				w.place(target, map[string]any{"ncco": actions(t, tt.ncco)})
				w.waitIdle()
				c := w.onlyCall()
				var heard time.Duration
				if !c.HeardAt.IsZero() {
					heard = c.HeardAt.Sub(c.AnsweredAt).Round(time.Millisecond)
				}
				if diff := cmp.Diff(tt.keys, c.Keys); heard != tt.heard || diff != "" {
					t.Errorf("heard after %v, want %v; keys:\n%s", heard, tt.heard, diff)
				}
			})
		})
	}
}

// TestLedgerFacts: the ledger has the same facts as the record and the event, also for a
// call that was not answered.
func TestLedgerFacts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: script(
			voicesim.Script{Outcome: "machine", Talk: 7 * time.Second}, voicesim.Script{Outcome: "busy"},
		)})
		defer w.close()
		for range 2 {
			w.place(target, map[string]any{"machine_detection": "continue"})
			w.waitIdle()
		}
		for _, c := range w.sim.Ledger() {
			r := w.do("GET", "/v1/calls/"+c.UUID, "").body
			got := []any{c.Status, c.Network, c.StartTime.Format("2006-01-02T15:04:05.000Z"), c.EndTime.Format("2006-01-02T15:04:05.000Z"), c.ToType, c.Answered, c.Machine, c.EndedBy}
			answered := c.Outcome == "machine"
			by := ""
			if answered {
				by = "user"
			}
			want := []any{r["status"], r["network"], r["start_time"], r["end_time"], "phone", answered, answered, by}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-record +ledger):\n%s", c.Outcome, diff)
			}
		}
	})
}

// People press keys by their weights; the seed decides which.
func TestPeoplePressKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Outcomes: voicesim.Outcomes{
			Weights: map[string]float64{"human": 3, "machine": 1}, Keys: map[string]float64{"1": 2, "2": 1, "": 1},
		}})
		defer w.close()
		ask := actions(t, `[{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}}]`)
		for _, number := range testNumbers(200) {
			w.place(number, map[string]any{"ncco": ask})
		}
		w.waitIdle()
		counts := map[string]int{}
		for _, c := range w.sim.Ledger() {
			switch {
			case c.Machine && len(c.Keys) > 0:
				t.Errorf("a machine pressed %v", c.Keys)
			case !c.Machine && len(c.Keys) == 0:
				counts[""]++
			case !c.Machine:
				counts[c.Keys[0]]++
			}
		}
		if counts["1"] < counts["2"] || counts["2"] < 15 || counts[""] < 15 {
			t.Errorf("pressed %v", counts)
		}
	})
}
