package campaign

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func goodSettings() Settings {
	return Settings{
		From:         []string{"447700900000", "447700900009"},
		Message:      Message{NCCO: json.RawMessage(`[{"action":"talk","text":"Hi {{name}}","level":1,"loop":100}]`)},
		Start:        noon,
		Hours:        Daily(540, 1200),
		Zone:         ZoneRecipient,
		Retry:        DefaultPolicy(),
		Machine:      "hangup",
		MachineMode:  "detect_beep",
		BeepTimeout:  45,
		RingingTimer: 60,
		LengthTimer:  7200,
	}
}

func TestParseMoment(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text, zone string
		want       string // RFC 3339, or "" for a mistake
	}{
		{"2026-12-01T09:00:00Z", "recipient", "2026-12-01T09:00:00Z"},
		{"2026-12-01T09:00:00+01:00", "America/New_York", "2026-12-01T08:00:00Z"},
		{"2026-07-01 09:00", "Europe/London", "2026-07-01T08:00:00Z"},
		{"2026-12-01 09:00", "UTC", "2026-12-01T09:00:00Z"},
		{"2026-12-01 09:00", "recipient", ""},
		{"2026-03-29 01:30", "Europe/London", ""}, // skipped by the clocks
		{"2026-12-01", "Europe/London", ""},
		{"2026-13-01 09:00", "Europe/London", ""},
		{"2026-12-01 09:00", "Mars/Base", ""},
		{"2027-10-31 01:30", "Europe/London", "2027-10-31T00:30:00Z"}, // occurs twice: the first one
	} {
		got, err := ParseMoment(c.text, c.zone)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s in %s: %v, want a mistake", c.text, c.zone, got)
			}
			continue
		}
		if err != nil || got.Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s: %v (%v), want %s", c.text, c.zone, got.Format(time.RFC3339), err, c.want)
		}
	}
	if _, err := ParseMoment("2026-12-01 09:00", "recipient"); err == nil || !strings.Contains(err.Error(), "whose clock?") {
		t.Errorf("without a clock: %v, want it to ask whose", err)
	}
	if got, err := ParseMoment("", "recipient"); err != nil || !got.IsZero() {
		t.Errorf("no start: %v (%v), want none", got, err)
	}
}

func TestSettingsValidate(t *testing.T) {
	t.Parallel()
	if err := goodSettings().Validate(); err != nil {
		t.Fatal(err)
	}
	tests := map[string]func(*Settings){
		"from: want at least one":                func(s *Settings) { s.From = nil },
		"from: number 2 is not":                  func(s *Settings) { s.From[1] = "+447700900009" },
		"from: number 2 is given":                func(s *Settings) { s.From[1] = s.From[0] },
		"message: want exactly one":              func(s *Settings) { s.Message = Message{} },
		"hours: a window of less than 2 minutes": func(s *Settings) { s.Hours = Daily(540, 541) },
		"hours: the end must lie":                func(s *Settings) { s.Hours = Daily(1200, 540) },
		`zone: "Europe/Londn"`:                   func(s *Settings) { s.Zone = "Europe/Londn" },
		`zone: ""`:                               func(s *Settings) { s.Zone = "" },
		`machine: "hang up"`:                     func(s *Settings) { s.Machine = "hang up" },
		`machine mode: "beep"`:                   func(s *Settings) { s.MachineMode = "beep" },
		"machine mode: it means something":       func(s *Settings) { s.Machine = "" },
		"beep timeout: it means something":       func(s *Settings) { s.MachineMode = "detect" },
		"beep timeout: 44 s":                     func(s *Settings) { s.BeepTimeout = 44 },
		"beep timeout: 121 s":                    func(s *Settings) { s.BeepTimeout = 121 },
		"answer method: it means something":      func(s *Settings) { s.Message.AnswerMethod = "GET" },
		`answer method: "PUT" is neither`:        func(s *Settings) { s.Message = Message{AnswerURL: "https://example.com", AnswerMethod: "PUT"} },
		"tones on answer: they can hold only":    func(s *Settings) { s.Message.DTMFAnswer = "12x" },
		"tones on answer: there are 101":         func(s *Settings) { s.Message.DTMFAnswer = strings.Repeat("1", 101) },
		"tones on answer: a {{ is not closed":    func(s *Settings) { s.Message.DTMFAnswer = "1{{pin" },
		"ringing timer: 0 s":                     func(s *Settings) { s.RingingTimer = 0 },
		"ringing timer: 121 s":                   func(s *Settings) { s.RingingTimer = 121 },
		"length timer: 0 s":                      func(s *Settings) { s.LengthTimer = 0 },
		"length timer: 7201 s":                   func(s *Settings) { s.LengthTimer = 7201 },
		"attempts: 0 is not":                     func(s *Settings) { s.Retry.Attempts = 0 },
		"attempts: 21 is not":                    func(s *Settings) { s.Retry.Attempts = 21 },
		"retry: human is an answer":              func(s *Settings) { s.Retry.Again[Human] = time.Hour },
		"retry: the wait after busy":             func(s *Settings) { s.Retry.Again[Busy] = time.Millisecond },
		`retry: "engaged" is not one`:            func(s *Settings) { s.Retry.Again["engaged"] = time.Hour },
	}
	for want, change := range tests {
		s := goodSettings()
		change(&s)
		err := s.Validate()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "7700900") {
			t.Errorf("a number in %v", err)
		}
	}
	err := Settings{}.Validate()
	for _, want := range []string{"from:", "message:", "hours:", "zone:", "ringing timer:", "length timer:", "attempts:"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nothing set: %q is not in %v", want, err)
		}
	}
}

func TestSettingsDifferences(t *testing.T) {
	t.Parallel()
	changes := map[string]func(*Settings){
		"from":          func(s *Settings) { s.From[0], s.From[1] = s.From[1], s.From[0] },
		"ncco":          func(s *Settings) { s.Message.NCCO = json.RawMessage(`[{"action":"talk","text":"Ho"}]`) },
		"say":           func(s *Settings) { s.Message = Message{Say: "Hi"} },
		"answer URL":    func(s *Settings) { s.Message = Message{AnswerURL: "https://example.com"} },
		"start":         func(s *Settings) { s.Start = s.Start.Add(time.Second) },
		"hours":         func(s *Settings) { s.Hours = Daily(600, 1200) },
		"date format":   func(s *Settings) { s.Message.DateFormat = "DD/MM/YYYY" },
		"zone":          func(s *Settings) { s.Zone = "Europe/London" },
		"key":           func(s *Settings) { s.Key = "patient" },
		"attempts":      func(s *Settings) { s.Retry.Attempts++ },
		"retry":         func(s *Settings) { s.Retry.Again[Busy]++ },
		"machine":       func(s *Settings) { s.Machine = "" },
		"machine mode":  func(s *Settings) { s.MachineMode = "detect" },
		"beep timeout":  func(s *Settings) { s.BeepTimeout++ },
		"answer method": func(s *Settings) { s.Message.AnswerMethod = "GET" },
		"tones":         func(s *Settings) { s.Message.DTMFAnswer = "1" },
		"ringing timer": func(s *Settings) { s.RingingTimer++ },
		"length timer":  func(s *Settings) { s.LengthTimer++ },
	}
	for name, change := range changes {
		s := goodSettings()
		change(&s)
		if len(s.Differences(goodSettings())) == 0 || len(goodSettings().Differences(s)) == 0 {
			t.Errorf("another %s is no difference", name)
		}
	}
	same := map[string]func(*Settings){
		"nothing changed":    func(*Settings) {},
		"no start named":     func(s *Settings) { s.Start = time.Time{} },
		"the moment in zone": func(s *Settings) { s.Start = s.Start.In(time.FixedZone("", 3600)) },
		"as jsonb writes it": func(s *Settings) {
			s.Message.NCCO = json.RawMessage(`[{"loop": 1e2, "text": "Hi {{name}}", "level": 1.0, "action": "talk"}]`)
		},
	}
	for name, change := range same {
		s := goodSettings()
		change(&s)
		if d := goodSettings().Differences(s); len(d) > 0 {
			t.Errorf("%s is a difference: %v", name, d)
		}
	}
}

// A difference shows the flag's name and both values. Long ones begin where they
// differ.
func TestSettingsDifferencesAreShown(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("Your water will be off. ", 30)
	stored := goodSettings()
	stored.Message = Message{Say: long + "Ends at nine."}
	given := stored
	given.Message.Say, given.RingingTimer, given.Machine = long+"Ends at ten.", stored.RingingTimer+5, ""
	got := (&OtherSettingsError{Differences: stored.Differences(given)}).Error()
	for _, want := range []string{
		fmt.Sprintf("--ringing-timer is %d there, and %d here", stored.RingingTimer, given.RingingTimer),
		"--machine is " + stored.Machine + " there, and none here",
		`Ends at nine." there, and "...`, `Ends at ten." here`,
	} {
		if !strings.Contains(got, want) || len(got) > 1000 {
			t.Errorf("%q is not in %s", want, got)
		}
	}
	stored.Start = time.Time{}
	if d := stored.Differences(goodSettings()); !slices.ContainsFunc(d, func(d Difference) bool { return d.Setting == "start" && d.Stored == "none" }) {
		t.Errorf("a start that the stored campaign does not have is no difference: %v", d)
	}
}

func TestSettingsJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, s := range []Settings{goodSettings(), {Message: Message{Say: "Hi <b> & co"}, Retry: Policy{Again: map[Disposition]time.Duration{}}}} {
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back Settings
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, back); diff != "" || len(back.Differences(s)) > 0 {
			t.Errorf("%s:\n%s", data, diff)
		}
	}
	data, err := json.Marshal(goodSettings().Hours)
	if want := `{"days":{"mon-sun":"09:00-20:00"}}`; err != nil || string(data) != want {
		t.Errorf("got %s, want %s", data, want)
	}
}

func TestReasonsIncludeDispositions(t *testing.T) {
	t.Parallel()
	seen := map[Reason]int{}
	for _, r := range Reasons {
		seen[r]++
	}
	for _, d := range Dispositions {
		if seen[Reason(d)] != 1 {
			t.Errorf("%s is listed %d times", d, seen[Reason(d)])
		}
	}
	if len(seen) != len(Reasons) || len(Reasons) != len(Dispositions)+7 {
		t.Errorf("%d reasons, %d of them different", len(Reasons), len(seen))
	}
}

// A status word that means a failure is the disposition of the same name.
func TestFailureWordsAreDispositions(t *testing.T) {
	t.Parallel()
	known := map[Disposition]bool{}
	for _, d := range Dispositions {
		known[d] = true
	}
	ranks := map[int]string{}
	for w, row := range words {
		if row.kind == kindFailure && !known[Disposition(w)] {
			t.Errorf("%s is no disposition", w)
		}
		if other, taken := ranks[row.rank]; taken && row.rank > 0 {
			t.Errorf("%s and %s have one rank", w, other)
		}
		ranks[row.rank] = w
	}
}
