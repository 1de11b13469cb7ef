package campaign

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Policy says which people are called again, and when. A disposition without an entry
// in Again is final.
type Policy struct {
	Attempts int // calls that reached Vonage, at most
	// Again are the waits after the first call that ended in this way. Later are those
	// after the second, the third and so on; the last is for all that follow.
	Again map[Disposition]time.Duration
	Later map[Disposition][]time.Duration
	Until Until
	// Jitter is the most that is added to a wait. Each call gets a random part of it.
	Jitter time.Duration
	// OtherTime is the least difference between the times of day of two calls in a row.
	OtherTime time.Duration
}

// Until says what a campaign wants from a person. A person who was reached without it
// is called again, as after Unheard.
type Until string

const (
	UntilAnswered Until = ""       // somebody or something answered
	UntilHeard    Until = "heard"  // a person heard the message to its end, or pressed a key with a result
	UntilResult   Until = "result" // a person pressed a key with a result
)

// Unheard, in Policy.Again, means a call that was answered and did not bring what Until
// wants. No call has it as its disposition.
const Unheard Disposition = "unheard"

// unheardWait is the wait after Unheard, unless Again sets one.
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

// reached reports whether a call brought what Until wants.
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
	// maxAttempts limits how often one person is called in one campaign.
	maxAttempts = 20

	maxJitter    = 24 * time.Hour
	maxOtherTime = 6 * time.Hour
)

// mayRetry reports whether a policy may name d. A person who was reached is
// never called again, whatever the policy says.
func mayRetry(d Disposition) bool {
	//guard:value(slices.Contains(Dispositions, d)) campaign.TestParseRetry: a person who was reached is not called again
	return d == Unheard || d != Answered && d != Human && slices.Contains(Dispositions, d)
}

// retriable are the words that Again may have, in the order in which they are written.
var retriable = append(slices.Clone(Dispositions), Unheard)

// never, as a wait, makes a disposition final that is repeated by default.
const never = "never"

// ParseRetry reads "busy=10m/1h/4h,unanswered=never", and returns the policy with these
// waits. Dispositions that the text does not name stay; "none" removes all.
func (p Policy) ParseRetry(s string) (Policy, error) {
	p.Again, p.Later = maps.Clone(p.Again), maps.Clone(p.Later)
	if strings.TrimSpace(s) == "none" {
		p.Again, p.Later = map[Disposition]time.Duration{}, nil
		return p, nil
	}
	named := map[string]bool{}
	for part := range strings.SplitSeq(s, ",") {
		name, steps, found := strings.Cut(strings.TrimSpace(part), "=")
		name = strings.TrimSpace(name)
		if !found {
			return p, fmt.Errorf("retry %q: want none, or word=wait with a word of %s", strings.TrimSpace(part), retryWords())
		}
		if named[name] {
			return p, fmt.Errorf("retry %q: %s is named twice", part, name)
		}
		named[name] = true
		if err := p.setWaits(name, strings.Split(steps, "/")); err != nil {
			return p, fmt.Errorf("retry %q: %w", strings.TrimSpace(part), err)
		}
	}
	return p, nil
}

// setWaits sets the waits after a disposition, one after another. It changes the
// policy's own maps.
func (p *Policy) setWaits(word string, steps []string) error {
	d := Disposition(word)
	if !mayRetry(d) {
		return fmt.Errorf("want none, or word=wait with a word of %s", retryWords())
	}
	delete(p.Again, d)
	delete(p.Later, d)
	if len(steps) == 1 && strings.TrimSpace(steps[0]) == never {
		return nil
	}
	if len(steps) > maxAttempts {
		return fmt.Errorf("%d waits, one after another; %d are the most", len(steps), maxAttempts)
	}
	for i, text := range steps {
		wait, err := ParseWait(text)
		if err != nil {
			return errors.New("want a wait such as 90s, 10m or 2h, or never")
		}
		if !mayWait(wait) {
			return errors.New("the wait must lie between 1s and 720h")
		}
		if i == 0 {
			p.Again[d] = wait
			continue
		}
		if p.Later == nil {
			p.Later = map[Disposition][]time.Duration{}
		}
		p.Later[d] = append(p.Later[d], wait)
	}
	return nil
}

func mayWait(wait time.Duration) bool { return wait >= minAgain && wait <= maxAgain }

func retryWords() string {
	var list []string
	for _, d := range retriable {
		if mayRetry(d) {
			list = append(list, string(d))
		}
	}
	return strings.Join(list, ", ")
}

// String is the policy as text for a person.
func (p Policy) String() string {
	calls := fmt.Sprintf("up to %d calls", p.Attempts)
	if p.Attempts == 1 {
		calls = "1 call"
	}
	if p.Until != UntilAnswered {
		calls += " until " + p.Until.String()
	}
	calls += ", again after " + p.FormatRetry()
	if p.Jitter > 0 {
		calls += ", up to " + shortDuration(p.Jitter) + " later"
	}
	if p.OtherTime > 0 {
		calls += ", " + shortDuration(p.OtherTime) + " away from the last call's time of day"
	}
	return calls
}

// FormatRetry writes the form that ParseRetry reads. It names every repeated
// disposition, and those that are repeated by default.
func (p Policy) FormatRetry() string {
	if len(p.Again) == 0 {
		return "none"
	}
	var parts []string
	for _, d := range retriable {
		steps := p.steps(d)
		if len(steps) == 0 && DefaultPolicy().Again[d] > 0 {
			steps = []string{never}
		}
		if len(steps) > 0 {
			parts = append(parts, string(d)+"="+strings.Join(steps, "/"))
		}
	}
	return strings.Join(parts, ",")
}

// steps are the waits after a disposition, as texts.
func (p Policy) steps(d Disposition) (steps []string) {
	wait, ok := p.Again[d]
	if !ok {
		return nil
	}
	steps = append(steps, shortDuration(wait))
	for _, wait := range p.Later[d] {
		steps = append(steps, shortDuration(wait))
	}
	return steps
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

// policyJSON is the stored form: waits as text, so that a person can read them in SQL.
type policyJSON struct {
	Attempts  int                      `json:"attempts"`
	Again     map[Disposition]string   `json:"again"`
	Later     map[Disposition][]string `json:"later,omitempty"`
	Until     Until                    `json:"until,omitempty"`
	Jitter    string                   `json:"jitter,omitempty"`
	OtherTime string                   `json:"other_time,omitempty"`
}

// MarshalJSON writes waits as text, "10m0s".
func (p Policy) MarshalJSON() ([]byte, error) {
	out := policyJSON{Attempts: p.Attempts, Again: map[Disposition]string{}, Until: p.Until}
	for d, wait := range p.Again {
		out.Again[d] = wait.String()
	}
	for d, waits := range p.Later {
		if out.Later == nil {
			out.Later = map[Disposition][]string{}
		}
		for _, wait := range waits {
			out.Later[d] = append(out.Later[d], wait.String())
		}
	}
	if p.Jitter > 0 {
		out.Jitter = p.Jitter.String()
	}
	if p.OtherTime > 0 {
		out.OtherTime = p.OtherTime.String()
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
	var errs []error
	wait := func(text string) time.Duration {
		if text == "" {
			return 0
		}
		d, err := time.ParseDuration(text)
		errs = append(errs, err)
		return d
	}
	read.Jitter, read.OtherTime = wait(in.Jitter), wait(in.OtherTime)
	for d, text := range in.Again {
		if read.Again[d] = wait(text); text == "" {
			errs = append(errs, fmt.Errorf("%s has no wait", d))
		}
	}
	for d, texts := range in.Later {
		if read.Later == nil {
			read.Later = map[Disposition][]time.Duration{}
		}
		for _, text := range texts {
			read.Later[d] = append(read.Later[d], wait(text))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("read retry policy: %w", err)
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
		case ok && !mayWait(wait) || slices.ContainsFunc(p.Later[d], func(w time.Duration) bool { return !mayWait(w) }):
			errs = append(errs, wrong("retry", "the wait after %s must lie between 1s and 720h", d))
		}
	}
	if p.Jitter < 0 || p.Jitter > maxJitter {
		errs = append(errs, wrong("jitter", "%s is more than %s", shortDuration(p.Jitter), shortDuration(maxJitter)))
	}
	if p.OtherTime < 0 || p.OtherTime > maxOtherTime {
		errs = append(errs, wrong("other_time", "%s is more than %s: a day has no time so far from another, within usual hours", shortDuration(p.OtherTime), shortDuration(maxOtherTime)))
	}
	for d := range p.Again {
		if !slices.Contains(retriable, d) {
			errs = append(errs, wrong("retry", "%q is not one of %s", d, retryWords()))
		}
	}
	return errors.Join(errs...)
}
