package campaign

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Policy says who is called again, and when. A disposition that Again does
// not list is final.
type Policy struct {
	Attempts int                           `json:"attempts"` // calls that Vonage had, at most
	Again    map[Disposition]time.Duration `json:"again"`
	Until    Until                         `json:"until,omitempty"`
}

// Until says what a campaign wants of a person. Who was reached without it is
// called again, as after Unheard.
type Until string

const (
	UntilAnswered Until = ""       // somebody or something answered
	UntilHeard    Until = "heard"  // a person heard the message to its end, or pressed a key with a result
	UntilResult   Until = "result" // a person pressed a key with a result
)

// Unheard stands in Policy.Again for a call that was answered and did not bring
// what Until asks for. It is the end of no call.
const Unheard Disposition = "unheard"

// unheardWait is the wait after Unheard, unless Again has one.
const unheardWait = 30 * time.Minute

// ParseUntil reads answered, heard or result.
func ParseUntil(s string) (Until, error) {
	switch u := Until(s); u {
	case UntilAnswered, UntilHeard, UntilResult:
		return u, nil
	case "answered":
		return UntilAnswered, nil
	}
	return "", fmt.Errorf("%q: want answered, heard or result", s)
}

// String is the form that ParseUntil reads.
func (u Until) String() string { return cmp.Or(string(u), "answered") }

// reached reports whether a call brought what is wanted.
func (u Until) reached(a *Attempt) bool {
	switch u {
	case UntilHeard:
		return a.Heard() || a.Result != ""
	case UntilResult:
		return a.Result != ""
	}
	return true
}

// DefaultPolicy calls a person up to three times.
func DefaultPolicy() Policy {
	return Policy{Attempts: 3, Again: map[Disposition]time.Duration{
		Busy:       10 * time.Minute,
		Unanswered: time.Hour,
		Timeout:    time.Hour,
		Failed:     time.Hour,
	}}
}

const (
	minAgain = time.Second
	maxAgain = 30 * 24 * time.Hour
	// maxAttempts bounds how often one person is called in one campaign.
	maxAttempts = 20
)

// mayRetry reports whether a policy may name d. A person who was reached is
// never called again, whatever the policy says.
func mayRetry(d Disposition) bool {
	//guard:value(slices.Contains(Dispositions, d)) campaign.TestParseRetry: a person who was reached is not called again
	return d == Unheard || d != Answered && d != Human && slices.Contains(Dispositions, d)
}

// retriable are the words that Again may have, in the order in which they are
// written.
var retriable = append(slices.Clone(Dispositions), Unheard)

// ParseRetry reads "busy=10m,unanswered=1h". What it does not name is final;
// "none" names nothing.
func ParseRetry(s string) (map[Disposition]time.Duration, error) {
	again := map[Disposition]time.Duration{}
	if strings.TrimSpace(s) == "none" {
		return again, nil
	}
	for part := range strings.SplitSeq(s, ",") {
		d, wait, err := parseAgain(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		if _, twice := again[d]; twice {
			return nil, fmt.Errorf("retry %q: %s is named twice", part, d)
		}
		again[d] = wait
	}
	return again, nil
}

// parseAgain reads "busy=10m".
func parseAgain(part string) (Disposition, time.Duration, error) {
	name, after, found := strings.Cut(part, "=")
	d := Disposition(strings.TrimSpace(name))
	if !found || !mayRetry(d) {
		return "", 0, fmt.Errorf("retry %q: want none, or word=wait with a word of %s", part, retryWords())
	}
	wait, err := time.ParseDuration(strings.TrimSpace(after))
	if err != nil {
		return "", 0, fmt.Errorf("retry %q: want a wait such as 90s, 10m or 2h", part)
	}
	if wait < minAgain || wait > maxAgain {
		return "", 0, fmt.Errorf("retry %q: the wait must lie between 1s and 720h", part)
	}
	return d, wait, nil
}

func retryWords() string {
	var list []string
	for _, d := range retriable {
		if mayRetry(d) {
			list = append(list, string(d))
		}
	}
	return strings.Join(list, ", ")
}

// String is the policy for a person.
func (p Policy) String() string {
	calls := fmt.Sprintf("up to %d calls", p.Attempts)
	if p.Attempts == 1 {
		calls = "1 call"
	}
	if p.Until != UntilAnswered {
		calls += " until " + p.Until.String()
	}
	return calls + ", again after " + FormatRetry(p.Again)
}

// FormatRetry is the form that ParseRetry reads.
func FormatRetry(again map[Disposition]time.Duration) string {
	var parts []string
	for _, d := range retriable {
		if wait, ok := again[d]; ok {
			parts = append(parts, string(d)+"="+shortDuration(wait))
		}
	}
	if len(parts) == 0 {
		return "none"
	}
	return strings.Join(parts, ",")
}

// shortDuration writes 10m where time.Duration writes 10m0s.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// policyJSON is the stored form: waits as text, so that a person can read them
// in SQL.
type policyJSON struct {
	Attempts int                    `json:"attempts"`
	Again    map[Disposition]string `json:"again"`
	Until    Until                  `json:"until,omitempty"`
}

// MarshalJSON writes waits as text, "10m0s".
func (p Policy) MarshalJSON() ([]byte, error) {
	out := policyJSON{Attempts: p.Attempts, Again: map[Disposition]string{}, Until: p.Until}
	for d, wait := range p.Again {
		out.Again[d] = wait.String()
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (p *Policy) UnmarshalJSON(data []byte) error {
	var in policyJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return fmt.Errorf("read retry policy: %w", err)
	}
	read := Policy{Attempts: in.Attempts, Again: map[Disposition]time.Duration{}, Until: in.Until}
	for d, text := range in.Again {
		wait, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("read retry policy: %s: %w", d, err)
		}
		read.Again[d] = wait
	}
	*p = read
	return nil
}

func (p Policy) validate() error {
	var errs []error
	if p.Attempts < 1 || p.Attempts > maxAttempts {
		errs = append(errs, wrong("attempts", "%d is not between 1 and %d", p.Attempts, maxAttempts))
	}
	if _, err := ParseUntil(string(p.Until)); err != nil {
		errs = append(errs, mistake{"until", err})
	}
	if _, set := p.Again[Unheard]; set && p.Until == UntilAnswered {
		errs = append(errs, wrong("retry", "unheard means something only with until heard or result"))
	}
	for _, d := range retriable {
		wait, ok := p.Again[d]
		switch {
		case ok && !mayRetry(d):
			errs = append(errs, wrong("retry", "%s is an answer and cannot be called again", d))
		case ok && (wait < minAgain || wait > maxAgain):
			errs = append(errs, wrong("retry", "the wait after %s must lie between 1s and 720h", d))
		}
	}
	for d := range p.Again {
		if !slices.Contains(retriable, d) {
			errs = append(errs, wrong("retry", "%q is not one of %s", d, retryWords()))
		}
	}
	return errors.Join(errs...)
}
