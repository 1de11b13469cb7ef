package verify

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/voice/voicesim"
)

// wordsOf is what a message's keys mean, and the key by which a person is not called
// again by any campaign.
func wordsOf(m campaign.Message) (words map[string]string, optOut string, spoken func(string) []string) {
	words = map[string]string{}
	for pressed, key := range m.Keys {
		switch {
		case key.OptOut:
			words[pressed] = "opted_out"
			if m.OptOut != campaign.OptOutCampaign {
				optOut = pressed
			}
		case key.Result != "":
			words[pressed] = key.Result
		}
	}
	return words, optOut, m.KeysFor
}

// keys are those that were pressed in a call. What was said stands for the key whose
// word it is; if it may be a word of several languages, for the one that is kept.
func (r Rule) keys(list, kept []string) []string {
	var keys []string
	for at, key := range list {
		said, isSaid := strings.CutPrefix(key, voicesim.SaidMark)
		if !isSaid {
			keys = append(keys, key)
			continue
		}
		key = campaign.NotUnderstood
		if r.Spoken != nil {
			for _, meant := range r.Spoken(said) {
				if key == campaign.NotUnderstood || at < len(kept) && kept[at] == meant {
					key = meant
				}
			}
		}
		keys = append(keys, key)
	}
	return keys
}

// word is what was decided by the keys: the last that means something counts.
func (r Rule) word(keys []string) string {
	for _, pressed := range slices.Backward(keys) {
		if word := r.Words[pressed]; word != "" {
			return word
		}
	}
	return ""
}

// said compares what was played and pressed in an ended call. What was told must be
// kept; what is kept must have been so. Of two keys that were pressed while an answer
// was lost one may be kept: all are asked for only where each was told.
func (c *comparison) said(a app.AttemptRecord, call Call) {
	for what, so := range map[string]bool{"heard": !a.HeardAt.IsZero(), "voicemail": !a.VoicemailAt.IsZero(), a.Result: a.Result != ""} {
		if so {
			c.result.Said[what]++
		}
	}
	unsettled := a.State.Open() || c.recent(call)
	c.heard(a, call, unsettled)
	rule, ours := c.orders.Rules[a.Campaign]
	if !ours || rule.Words == nil {
		return
	}
	c.result.Compared += 2
	call.Keys = rule.keys(call.Keys, a.Keys)
	if within := subsequence(a.Keys, call.Keys); !within {
		c.broken("I15", "attempt %s has %d keys, which were not pressed in its call %s", a.ID, len(a.Keys), call.UUID)
	} else if len(call.KeysTold) == len(call.Keys) && len(a.Keys) != len(call.Keys) {
		c.unless(unsettled, "I15", "attempt %s has %d keys; in its call %s %d were pressed and told", a.ID, len(a.Keys), call.UUID, len(call.Keys))
	}
	if want := rule.word(a.Keys); a.Result != want {
		c.broken("I15", "attempt %s has the result %q; its keys mean %q", a.ID, a.Result, want)
	}
}

// heard compares what was played to its end. A text that a machine got was heard by
// nobody.
func (c *comparison) heard(a app.AttemptRecord, call Call, unsettled bool) {
	c.result.Compared += 2
	machine := slices.Contains(a.Statuses, "machine")
	// A key cuts the message. Where it was not told, Vonage goes on as if the message
	// had been played to its end, and says so.
	told := len(call.KeysTold) == len(call.Keys)
	switch {
	case !a.HeardAt.IsZero() && call.HeardAt.IsZero() && told:
		c.broken("I15", "attempt %s was heard; the message of its call %s was not played to its end", a.ID, call.UUID)
	case !a.HeardAt.IsZero() && machine:
		c.broken("I15", "attempt %s was heard, and a machine was detected in its call %s", a.ID, call.UUID)
	case !a.HeardAt.IsZero() && !call.Machine && told && a.HeardAt.Before(call.HeardAt.Add(-answeredTolerance)):
		c.broken("I15", "attempt %s was heard %v before the message of its call %s ended", a.ID, call.HeardAt.Sub(a.HeardAt), call.UUID)
	case a.HeardAt.IsZero() && call.HeardTold && !machine:
		c.unless(unsettled, "I15", "attempt %s was not heard; it was told of its call %s", a.ID, call.UUID)
	}
	switch {
	case !a.VoicemailAt.IsZero() && !call.Machine:
		c.broken("I15", "attempt %s left its text with a machine; in its call %s there was none", a.ID, call.UUID)
	case !a.VoicemailAt.IsZero() && call.HeardAt.IsZero():
		c.broken("I15", "attempt %s left its text with a machine; in its call %s nothing was played to its end", a.ID, call.UUID)
	case a.VoicemailAt.IsZero() && call.LeftTold:
		c.unless(unsettled, "I15", "attempt %s left no text with a machine; it was told of its call %s", a.ID, call.UUID)
	}
}

// subsequence reports whether the one list is the other with some left out.
func subsequence(some, all []string) bool {
	for _, s := range some {
		i := slices.Index(all, s)
		if i < 0 {
			return false
		}
		all = all[i+1:]
	}
	return true
}

// optOut is a key by which a person is not called again.
type optOut struct {
	told bool      // our side acknowledged it
	over time.Time // when the call had ended and this was told; zero: it is up
}

func newOptOut(call Call, told bool) optOut {
	over := call.EndedAt
	if !over.IsZero() && call.ToldAt.After(over) {
		over = call.ToldAt // it was told once the call had ended
	}
	return optOut{told, over}
}

// findOptOuts reads from the ledger who opted out.
func (c *comparison) findOptOuts(attempts []app.AttemptRecord) {
	for _, a := range attempts {
		rule := c.orders.Rules[a.Campaign]
		if rule.OptOut == "" {
			continue
		}
		for _, call := range c.byAttempt[a.ID] {
			if slices.Contains(rule.keys(call.Keys, a.Keys), rule.OptOut) {
				c.optedOut[call.To] = append(c.optedOut[call.To], newOptOut(call, slices.Contains(rule.keys(call.KeysTold, a.Keys), rule.OptOut)))
			}
		}
	}
}

// hasOptedOut reports whether the person had said, for certain, not to be called
// again, when a call to the number began.
func (c *comparison) hasOptedOut(number string, at time.Time) bool {
	return slices.ContainsFunc(c.optedOut[number], func(o optOut) bool {
		lifted := func(t time.Time) bool { return t.After(o.over.Add(-c.orders.Slack)) && t.Before(at) }
		return o.told && !o.over.IsZero() && at.After(o.over.Add(c.orders.Late)) && !slices.ContainsFunc(c.orders.Lifted[number], lifted)
	})
}

// optOuts finds those who are not on the list, although they said so and nobody took
// them off it.
func (c *comparison) optOuts(suppressed map[string]bool) {
	for number, list := range c.optedOut {
		if c.hasOptedOut(number, c.at) && len(c.orders.Lifted[number]) == 0 && !suppressed[number] {
			c.broken("I8", "%d calls at one number opted out by a key, and it is not suppressed", len(list))
		}
	}
}

// results compares what a contact's calls came to with what stands in its row.
func (c *comparison) results(k app.ContactRecord, attempts []app.AttemptRecord) {
	result, heard := k.RangBack.Result, k.RangBack.HeardAt
	if ofAnEarlierAppointment(k.RemindAt, k.RangBack.ResultAt) {
		result = ""
	}
	byNo := func(a, b app.AttemptRecord) int { return cmp.Compare(a.No, b.No) }
	for _, a := range slices.SortedFunc(slices.Values(attempts), byNo) {
		if a.Result != "" && !ofAnEarlierAppointment(k.RemindAt, a.DialedAt) && (k.RangBack.Result == "" || a.DialedAt.After(k.RangBack.ResultAt)) {
			result = a.Result
		}
		if !a.HeardAt.IsZero() && (heard.IsZero() || a.HeardAt.Before(heard)) {
			heard = a.HeardAt
		}
	}
	c.result.Compared += 2
	if k.Result != result {
		c.broken("I15", "contact %d has the result %q; its calls came to %q", k.ID, k.Result, result)
	}
	if !k.HeardAt.Equal(heard) {
		c.broken("I15", "contact %d was heard at %s; its calls at %s", k.ID, second(k.HeardAt), second(heard))
	}
}
