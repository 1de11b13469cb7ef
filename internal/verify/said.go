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

// wordsOf is the meaning of a message's keys, and the key with which a person opts out of
// all campaigns.
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

// keys are the keys of a call. Spoken words count as the key whose word they are. If they
// may be a word in several languages, the stored key counts.
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

// word is the result of the keys: the last key with a meaning counts.
func (r Rule) word(keys []string) string {
	for _, pressed := range slices.Backward(keys) {
		if word := r.Words[pressed]; word != "" {
			return word
		}
	}
	return ""
}

// said compares the message played and the keys pressed in an ended call. Everything that
// was reported must be stored, and everything stored must have happened. If an answer was
// lost, only one of two keys may be stored: all are required only if each was reported.
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

// heard compares whether the message was played to its end. Nobody heard a text that a
// machine got.
func (c *comparison) heard(a app.AttemptRecord, call Call, unsettled bool) {
	c.result.Compared += 2
	machine := slices.Contains(a.Statuses, "machine")
	// A key cuts the message. If the key was not reported, Vonage continues as if the
	// message had been played to its end, and says so.
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

// subsequence reports whether some is all with elements left out.
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

// optOut is a key with which a person opted out.
type optOut struct {
	told bool      // our side acknowledged it
	over time.Time // when the call had ended and this was reported; zero: the call is up
}

func newOptOut(call Call, told bool) optOut {
	over := call.EndedAt
	if !over.IsZero() && call.ToldAt.After(over) {
		over = call.ToldAt // it was reported after the call had ended
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

// hasOptedOut reports whether the person had certainly opted out when a call to the
// number began.
func (c *comparison) hasOptedOut(number string, at time.Time) bool {
	return slices.ContainsFunc(c.optedOut[number], func(o optOut) bool {
		lifted := func(t time.Time) bool { return t.After(o.over.Add(-c.orders.Slack)) && t.Before(at) }
		return o.told && !o.over.IsZero() && at.After(o.over.Add(c.orders.Late)) && !slices.ContainsFunc(c.orders.Lifted[number], lifted)
	})
}

// optOuts finds people who opted out but are not on the list, although nobody took them
// off it.
func (c *comparison) optOuts(suppressed map[string]bool) {
	for number, list := range c.optedOut {
		if c.hasOptedOut(number, c.at) && len(c.orders.Lifted[number]) == 0 && !suppressed[number] {
			c.broken("I8", "%d calls at one number opted out by a key, and it is not suppressed", len(list))
		}
	}
}

// results compares the results of a contact's calls with its row.
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
