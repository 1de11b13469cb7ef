package voicesim

import (
	"encoding/hex"
	"strings"
)

// form is an unusual way to write a value; "" is the usual form.
type form string

// The forms of a number. They are also the names of their faults.
const (
	numberPlus     form = "number_plus"
	numberZeros    form = "number_00"
	numberNational form = "number_national"
	numberUnknown  form = "number_unknown"
	numberMissing  form = "number_missing"
)

// Forms of other members.
const (
	missing  form = "missing"
	null     form = "null"
	upper    form = "upper"
	dashless form = "dashless"
	dial     form = "outbound-api"
	bare     form = "bare" // without CON-
	asObject form = "object"
	asArray  form = "array"
	asText   form = "text"
	untyped  form = "untyped"
)

// wording is how the record of one call is written. It is drawn again whenever it
// is needed, so that a call without faults costs no memory.
type wording struct {
	to, from     form
	direction    form
	uuid         form
	conversation form
	party        form
	missing      form // the member that is missing
}

var (
	directionForms    = []form{missing, null, upper, dial}
	conversationForms = []form{bare, upper}
	missingMembers    = []form{"_links", "conversation_uuid", "status", "start_time", "end_time", "network"}
	eventNumberForms  = []form{numberPlus, numberZeros, numberNational, numberUnknown, numberMissing}
	eventUUIDForms    = []form{upper, dashless, missing}
)

// Names in LedgerCall.Wording of the forms of numbers.
const (
	numberTo   = "number_to"
	numberFrom = "number_from"
)

// wordingOf draws the wording of a call's record.
func (s *Sim) wordingOf(c *call) wording {
	k := c.key()
	w := wording{
		to:           form(pick(s.draw(numberTo, k), s.numberForms)),
		from:         form(pick(s.draw(numberFrom, k), s.numberForms)),
		direction:    s.drawForm(otherDirection, k, directionForms),
		uuid:         s.drawForm(otherUUID, k, c.otherUUIDs()),
		conversation: s.drawForm(otherConversation, k, conversationForms),
		party:        s.drawForm(otherParty, k, s.otherParties()),
		missing:      s.drawForm(memberMissing, k, missingMembers),
	}
	if s.drawn(uuidMissing, k) {
		w.uuid = missing
	}
	return w
}

// otherUUIDs are the forms of the call's uuid that differ from the original.
func (c *call) otherUUIDs() []form {
	if c.dashless {
		return []form{upper}
	}
	return []form{upper, dashless}
}

// otherParties are the forms of a party that differ from the usual one.
func (s *Sim) otherParties() []form {
	if s.cfg.ContractShapes {
		return []form{asObject, asText, untyped}
	}
	return []form{asArray, asText, untyped}
}

// drawForm draws one of the forms if the fault applies, else "".
func (s *Sim) drawForm(f fault, k key, forms []form) form {
	if !s.drawn(f, k) {
		return ""
	}
	return forms[s.choose(string(f)+"_form", k, len(forms))]
}

// drawn says whether a fault applies, without counting it.
func (s *Sim) drawn(f fault, k key) bool {
	p := s.probability[f]
	return p > 0 && s.draw(string(f), k) < p
}

// countWording counts the faults in the wording of a new call's record.
func (s *Sim) countWording(c *call) {
	for name, written := range s.wordingOf(c).forms() {
		if name == numberTo || name == numberFrom {
			name = written
		}
		s.stats.fault(fault(name))
	}
}

// forms are the record's forms, by the name of their fault. Those of numbers have the
// names number_to and number_from.
func (w wording) forms() map[string]string {
	forms := map[string]string{}
	for name, f := range map[fault]form{
		numberTo: w.to, numberFrom: w.from, otherDirection: w.direction, otherConversation: w.conversation,
		otherParty: w.party, memberMissing: w.missing,
	} {
		if f != "" {
			forms[string(name)] = string(f)
		}
	}
	switch w.uuid {
	case "":
	case missing:
		forms[string(uuidMissing)] = string(missing)
	default:
		forms[string(otherUUID)] = string(w.uuid)
	}
	return forms
}

// written is a number in a form. ok is false if there is none.
func (f form) written(number string) (text string, ok bool) {
	switch f {
	case numberPlus:
		return "+" + number, true
	case numberZeros:
		return "00" + number, true
	case numberNational:
		return national(number), true
	case numberUnknown:
		return "unknown", true
	case numberMissing:
		return "", false
	}
	return number, true
}

// national is the number as people in its country write it.
func national(number string) string {
	for _, code := range []string{"44", "49", "33", "61", "91"} {
		if rest, found := strings.CutPrefix(number, code); found {
			return "0" + rest
		}
	}
	return strings.TrimPrefix(number, "1")
}

// listedUUID is the uuid as lists show it; "" if they do not.
func (c *call) listedUUID(f form) string {
	switch f {
	case upper:
		return strings.ToUpper(c.uuid())
	case dashless:
		return hex.EncodeToString(c.id[:])
	case missing:
		return ""
	}
	return c.uuid()
}

// writtenConversation is the conversation's uuid in a form.
func (c *call) writtenConversation(f form) string {
	switch f {
	case bare:
		return c.conv.String()
	case upper:
		return strings.ToUpper(c.conversation())
	}
	return c.conversation()
}

// directionMembers is the member direction in a form.
func directionMembers(c *call, f form) []member {
	if c.inbound {
		return []member{{"direction", inbound}}
	}
	switch f {
	case missing:
		return nil
	case null:
		return []member{{"direction", nil}}
	case upper:
		return []member{{"direction", "OUTBOUND"}}
	case dial:
		return []member{{"direction", string(dial)}}
	}
	return []member{{"direction", outbound}}
}

// reword writes an event in other forms, if the faults say so.
func (s *Sim) reword(c *call, e object, k key) object {
	if s.hits(eventNumber, k) {
		e = s.rewordNumbers(c, e, k)
	}
	if s.hits(eventDirection, k) && e.has("direction") {
		e = append(e.without("direction"), directionMembers(c, directionForms[s.choose("event_direction_form", k, len(directionForms))])...)
	}
	if s.hits(eventUUID, k) {
		for _, name := range []string{"uuid", "call_uuid"} {
			f := eventUUIDForms[s.choose("event_uuid_form", k, len(eventUUIDForms))]
			e = e.with(name, c.listedUUID(f))
		}
	}
	return e
}

// rewordNumbers writes to, from or both in another form.
func (s *Sim) rewordNumbers(c *call, e object, k key) object {
	f := eventNumberForms[s.choose("event_number_form", k, len(eventNumberForms))]
	which := s.choose("event_number_of", k, 3)
	if which != 0 && c.toType == "phone" {
		e = e.with("to", s.eventParty(c.toType, c.to, f))
	}
	if which != 1 && c.fromType == "phone" {
		e = e.with("from", s.eventParty(c.fromType, c.from, f))
	}
	return e
}

// choose draws one of n.
func (s *Sim) choose(what string, k key, n int) int { return int(s.draw(what, k) * float64(n)) }
