package voicesim

import (
	"cmp"
	"encoding/json"
	"slices"
)

// taken is what one event told the application about the dialogue: the keys of an input,
// or the payload of a notify action.
type taken struct {
	at            string // of the event; an event that was sent twice counts once
	keys, payload string
}

// tookSaid notes what an answered event told about the dialogue. Keys count only if the
// call continues with the answer; nobody waits for the answer to a copy of an event.
func (s *Sim) tookSaid(cb callback) {
	var t taken
	for _, m := range cb.event {
		switch v := m.value.(type) {
		case string:
			if m.name == "timestamp" {
				t.at = v
			} else if m.name == "dtmf" { // in the contract's shapes
				t.keys = v
			}
		case object:
			switch m.name {
			case "dtmf":
				t.keys = cmp.Or(v.text("digits"), t.keys)
			case "speech":
				if words := v.spoken(); words != "" {
					t.keys = cmp.Or(t.keys, SaidMark+words)
				}
			}
		case json.RawMessage:
			if m.name == "payload" {
				t.payload = string(v)
			}
		}
	}
	if t.keys == "" && t.payload == "" || t.payload == "" && cb.onReply == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(cb.call.taken, t) {
		cb.call.taken, cb.call.takenAt = append(cb.call.taken, t), stampOf(s.now())
	}
}

// spoken is the first reading of what was said, or "".
func (o object) spoken() string {
	for _, m := range o {
		if list, ok := m.value.([]object); ok && m.name == "results" && len(list) > 0 {
			return list[0].text("text")
		}
	}
	return ""
}

// text is a member that is a text, or "".
func (o object) text(name string) string {
	for _, m := range o {
		if v, ok := m.value.(string); ok && m.name == name {
			return v
		}
	}
	return ""
}
