package voicesim_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
)

// People press keys early, after the words, too late, wrong or not at all. The question
// is asked once more after a wrong key or no key.
func TestPeopleAndTheirHabits(t *testing.T) {
	t.Parallel()
	const (
		words = `{"action":"talk","text":"123456789012345123456789012345123456789012345123456789012345","bargeIn":true}` // 4 s
		soon  = `{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1,"timeOut":1}}`
		wait  = `{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1,"timeOut":5}}`
		heard = `{"action":"notify","payload":{"a":1},"eventUrl":["https://hooks.test/heard"],"eventMethod":"POST"}`
	)
	asked := actions(t, `[`+words+`,`+soon+`,`+heard+`,`+wait+`,`+words+`,`+soon+`,`+heard+`,`+wait+`]`)
	for name, tt := range map[string]struct {
		presses []voicesim.Press
		talk    time.Duration
		keys    []string
		heard   bool
		lasts   time.Duration // of the whole call
	}{
		"prompt":              {[]voicesim.Press{{Keys: "1"}}, time.Minute, []string{"1"}, true, 0},
		"early":               {[]voicesim.Press{{Keys: "1", Early: true}}, time.Minute, []string{"1"}, false, 0},
		"late":                {[]voicesim.Press{{Keys: "1", After: 15 * time.Second}}, time.Minute, []string{"1"}, true, 0},
		"wrong":               {[]voicesim.Press{{Keys: "7"}, {Keys: "1"}}, time.Minute, []string{"7", "1"}, true, 0},
		"nothing, then a key": {[]voicesim.Press{{}, {Keys: "1"}}, time.Minute, []string{"1"}, true, 0},
		"silent":              {[]voicesim.Press{}, time.Minute, nil, true, 20 * time.Second},
		"leaves":              {[]voicesim.Press{{Keys: "1"}}, 2 * time.Second, nil, false, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Outcomes: script(voicesim.Script{Outcome: "human", Talk: tt.talk, Presses: tt.presses})})
				defer w.close()
				w.place(target, map[string]any{"ncco": asked})
				w.waitIdle()
				c := w.onlyCall()
				if diff := cmp.Diff(tt.keys, c.Keys); diff != "" {
					t.Errorf("keys (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(c.Keys, c.KeysTaken); diff != "" {
					t.Errorf("delivered (-pressed +delivered):\n%s", diff)
				}
				if got := !c.HeardAt.IsZero(); got != tt.heard {
					t.Errorf("heard is %v", got)
				}
				if lasted := c.EndedAt.Sub(c.AnsweredAt).Round(time.Second); tt.lasts != 0 && lasted != tt.lasts {
					t.Errorf("it lasted %v, want %v", lasted, tt.lasts)
				}
			})
		})
	}
}

// A person who was not reached rings back: the application is asked what to say, and
// its events name the call as inbound.
func TestRingingBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{
			AnswerURL: "https://hooks.test/answer", EventURL: "https://hooks.test/events",
			Outcomes: script(voicesim.Script{Outcome: "unanswered", RingBack: time.Minute, Presses: []voicesim.Press{{Keys: "1"}}}),
		})
		defer w.close()
		w.callbacks.answer = func(_ int, r *http.Request, rw http.ResponseWriter) {
			if r.URL.Path == "/answer" {
				_, _ = rw.Write([]byte(`[{"action":"talk","text":"Hello again.","bargeIn":true},{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}}]`))
			}
		}
		w.place(target, nil)
		w.waitIdle()
		time.Sleep(2 * time.Minute) // of the bubble
		w.waitIdle()
		ledger := w.sim.Ledger()
		if len(ledger) != 2 {
			t.Fatalf("%d calls", len(ledger))
		}
		back := ledger[1]
		if back.Direction != "inbound" || back.From != target || !back.Answered || len(back.Keys) != 1 || w.sim.Summary().Inbound != 1 {
			t.Errorf("the call that came in: %+v", back)
		}
		for _, got := range w.callbacks.all() {
			if got.event["uuid"] == back.UUID && got.event["status"] != nil && got.event["direction"] != "inbound" {
				t.Errorf("an event of it says %v", got.event)
			}
		}
	})
}

// An input event that is lost or late leaves the call without a reply; one that is
// doubled comes twice.
func TestInputFaults(t *testing.T) {
	t.Parallel()
	ask := actions(t, `[{"action":"input","type":["dtmf"],"dtmf":{"maxDigits":1}},{"action":"talk","text":"Go on."}]`)
	for name, tt := range map[string]struct {
		faults voicesim.Faults
		events int
		taken  int // keys after whose reply the call continued
	}{
		"none":    {voicesim.Faults{}, 1, 1},
		"lost":    {voicesim.Faults{InputLost: 1}, 0, 0},
		"late":    {voicesim.Faults{InputLate: 1}, 1, 0},
		"doubled": {voicesim.Faults{InputDoubled: 1}, 2, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Faults: tt.faults, Outcomes: script(voicesim.Script{Outcome: "human", Talk: time.Minute, Presses: []voicesim.Press{{Keys: "1"}}})})
				defer w.close()
				w.place(target, map[string]any{"ncco": ask})
				w.waitIdle()
				time.Sleep(time.Minute) // of the bubble
				w.waitIdle()
				events := 0
				for _, got := range w.callbacks.all() {
					if got.event["dtmf"] != nil {
						events++
					}
				}
				if c := w.onlyCall(); events != tt.events || c.Status != "completed" || len(c.KeysTaken) != tt.taken {
					t.Errorf("%d events, %s, delivered %v", events, c.Status, c.KeysTaken)
				}
			})
		})
	}
}
