package voicesim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialer/voice/voicesim"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

func TestFetchLedger(t *testing.T) {
	t.Parallel()
	w := overHTTP(t, voicesim.Config{Speed: 500, Faults: voicesim.Faults{CutAfter: 0.2}})
	for _, number := range testNumbers(40) {
		w.do("POST", "/v1/calls", w.callBody(number, nil))
	}
	w.waitIdle()
	for _, base := range []string{w.url, w.url + "/", w.url + "/v1"} {
		ledger, summary, err := voicesim.FetchLedger(t.Context(), w.client, base)
		if err != nil {
			t.Fatal(err)
		}
		equal := cmp.Comparer(func(a, b decimal.Decimal) bool { return a.Equal(b) })
		if diff := cmp.Diff(w.sim.Ledger(), ledger, equal); diff != "" || len(ledger) != 40 {
			t.Errorf("%d calls:\n%s", len(ledger), diff)
		}
		if diff := cmp.Diff(w.sim.Summary(), summary); diff != "" {
			t.Errorf("summary:\n%s", diff)
		}
	}
	c := w.sim.Ledger()[0]
	if c.AttemptID != "a-"+c.To || c.From != caller || c.JTI != "token-1" || c.PlacedAt.IsZero() || c.EndedAt.Before(c.PlacedAt) {
		t.Errorf("%+v", c)
	}
	if _, _, err := voicesim.FetchLedger(t.Context(), w.client, w.url+"/v1/other"); err == nil {
		t.Error("no error where there is no ledger")
	}
}

func TestPriceRounding(t *testing.T) {
	t.Parallel()
	tests := []struct {
		number      string
		seconds     int
		rate, price string
	}{
		{"447700900123", 7, "0.02700000", "0.00315000"},
		{"14155550100", 7, "0.01390000", "0.00162167"},
		{"33123456789", 1, "0.04530000", "0.00075500"},
		{"919812345678", 30, "0.00911111", "0.00455556"}, // 0.004555555: half up
		{"61412345678", 2, "0.10000000", "0.00333333"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			w := inBubble(t, voicesim.Config{Outcomes: voicesim.Outcomes{ByNumber: map[string][]voicesim.Script{
				tt.number: {{Outcome: "answered", Talk: time.Duration(tt.seconds) * time.Second}},
			}}})
			defer w.close()
			r := w.do("GET", "/v1/calls/"+w.place(tt.number, nil), "")
			if r.body["price"] != nil || r.body["start_time"] != nil || r.body["duration"] != nil {
				t.Errorf("a call in progress has a bill: %v", r.body)
			}
			w.waitIdle()
			c := w.onlyCall()
			body := w.do("GET", "/v1/calls/"+c.UUID, "").body
			if body["rate"] != tt.rate || body["price"] != tt.price || c.Price.StringFixed(8) != tt.price {
				t.Errorf("%s, %d s: rate %v, price %v, in the ledger %v; want %s, %s", tt.number, tt.seconds, body["rate"], body["price"], c.Price, tt.rate, tt.price)
			}
		})
	}
}

func TestPriceLagAndCorrection(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		lag    time.Duration
		faults voicesim.Faults
		event  any      // price in the completed event
		seen   []string // by GET, a second before and at each change
	}{
		"at once":    {0, voicesim.Faults{}, "0.00450000", []string{"0.00450000"}},
		"with a lag": {30 * time.Second, voicesim.Faults{}, "0.00450000", []string{"", "0.00450000"}},
		"null":       {0, voicesim.Faults{NullPrice: 1, NullFor: 30 * time.Second}, nil, []string{"", "0.00450000"}},
		"corrected":  {0, voicesim.Faults{Correction: 1, CorrectAfter: 30 * time.Second}, "0.00450000", []string{"0.00450000", "0.00418500"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				outcome := script(voicesim.Script{Outcome: "answered", Talk: 10 * time.Second})
				w := inBubble(t, voicesim.Config{PriceLag: tt.lag, Faults: tt.faults, Outcomes: outcome})
				defer w.close()
				uuid := w.place(target, nil)
				w.waitIdle()
				if got := w.event("completed")["price"]; got != tt.event {
					t.Errorf("event's price %v, want %v", got, tt.event)
				}
				end := w.onlyCall().EndedAt
				for i, want := range tt.seen {
					if i > 0 {
						time.Sleep(time.Until(end.Add(30 * time.Second)))
					}
					got, _ := w.do("GET", "/v1/calls/"+uuid, "").body["price"].(string)
					c := w.onlyCall()
					if got != want || c.PriceShown != (want != "") || c.PriceShown && c.Price.StringFixed(8) != want {
						t.Errorf("look %d: price %q, ledger %v (%v), want %q", i, got, c.Price, c.PriceShown, want)
					}
				}
			})
		})
	}
}

func TestEventFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		faults  voicesim.Faults
		outcome string
		want    string
	}{
		"event_lost":     {voicesim.Faults{EventLost: 1}, "answered", ""},
		"no_completed":   {voicesim.Faults{NoCompleted: 1}, "busy", "started ringing busy"},
		"event_doubled":  {voicesim.Faults{EventDoubled: 1}, "answered", "started started ringing ringing answered answered completed completed"},
		"event_shuffled": {voicesim.Faults{EventShuffled: 1}, "answered", "ringing started completed answered"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Faults: tt.faults, Outcomes: script(voicesim.Script{Outcome: tt.outcome})})
				defer w.close()
				w.place(target, nil)
				w.waitIdle()
				if got := strings.Join(w.callbacks.statuses(), " "); got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				if n := w.sim.Summary().Faults[name]; n == 0 {
					t.Error("not counted")
				}
			})
		})
	}
}

func TestLateEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := inBubble(t, voicesim.Config{Faults: voicesim.Faults{EventLate: 1, LateFor: time.Hour}, Outcomes: script(voicesim.Script{Outcome: "busy"})})
		defer w.close()
		w.place(target, nil)
		time.Sleep(time.Hour + time.Minute)
		got := w.callbacks.statuses()
		if len(got) != 4 || strings.Join(got, " ") == "started ringing busy completed" {
			t.Errorf("got %v, want all four in another order", got)
		}
	})
}

func TestFaultsDependOnSeedOnly(t *testing.T) {
	t.Parallel()
	faults := voicesim.Faults{CutBefore: 0.1, CutAfter: 0.1, Error500: 0.1, Error503Placed: 0.1, TooMany: 0.1, Truncated: 0.1}
	run := func(seed uint64, numbers []string) map[string]string {
		got := map[string]string{}
		synctest.Test(t, func(t *testing.T) {
			w := inBubble(t, voicesim.Config{Seed: seed, Faults: faults})
			defer w.close()
			for _, number := range numbers {
				r := w.do("POST", "/v1/calls", w.callBody(number, nil))
				got[number] = strings.TrimSpace(strings.Join([]string{errText(r.err), number}, " ")) + ":" + string(rune('0'+r.status/100))
			}
		})
		return got
	}
	numbers := testNumbers(300)
	first := run(7, numbers)
	backwards := append([]string(nil), numbers...)
	for i, j := 0, len(backwards)-1; i < j; i, j = i+1, j-1 {
		backwards[i], backwards[j] = backwards[j], backwards[i]
	}
	if diff := cmp.Diff(first, run(7, backwards)); diff != "" {
		t.Errorf("the order of the requests changed faults:\n%s", diff)
	}
	if cmp.Equal(first, run(8, numbers)) {
		t.Error("another seed, and the same faults")
	}
}

func errText(err error) string {
	if err == nil {
		return "no error"
	}
	return "error"
}

// The ledger agrees with the record that GET shows, and names the events that the
// application answered.
func TestLedgerSaysWhatWasTold(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		faults voicesim.Faults
		want   string
	}{
		"all arrive": {voicesim.Faults{EventDoubled: 1}, "started ringing answered completed"},
		"none":       {voicesim.Faults{EventLost: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := inBubble(t, voicesim.Config{Faults: tt.faults, Outcomes: script(voicesim.Script{Outcome: "answered", Talk: 7 * time.Second})})
				defer w.close()
				uuid := w.place(target, nil)
				w.waitIdle()
				c := w.onlyCall()
				if got := strings.Join(c.Acknowledged, " "); got != tt.want {
					t.Errorf("acknowledged %q, want %q", got, tt.want)
				}
				body := w.do("GET", "/v1/calls/"+uuid, "").body
				const form = "2006-01-02T15:04:05.000Z"
				if body["network"] != c.Network || body["start_time"] != c.StartTime.Format(form) || body["end_time"] != c.EndTime.Format(form) {
					t.Errorf("record %v, ledger %+v", body, c)
				}
				if c.AnsweredAt.IsZero() || c.Control.HungUp {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}
