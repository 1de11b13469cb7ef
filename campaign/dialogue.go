package campaign

import (
	"slices"
	"time"
)

// Dialogue is what is known about the dialogue in a call. Like all facts it only grows,
// in any order.
type Dialogue struct {
	// HeardAt is when the message was first played to its end. A message played to a
	// machine was not heard: see Facts.Heard.
	HeardAt time.Time
	// VoicemailAt is when the text for a machine was first played to its end.
	VoicemailAt time.Time
	// Keys are the pressed keys, by turn: "" where none was pressed.
	Keys []string
}

// Said is one piece of an event about the dialogue.
type Said struct {
	Turn    int    // the turn of Pressed; 0: no key was pressed
	Pressed string // the keys that Vonage sent, at most maxPressed characters
	Heard   bool   // the message was played to its end
	Left    bool   // the text for a machine was played to its end
	// OptOut is the scope in which the number is suppressed now; "": it is not suppressed.
	OptOut OptOutScope
}

// maxPressed limits the stored text of one turn.
const maxPressed = 20

// Zero reports whether nothing was said.
func (s Said) Zero() bool { return s == Said{} }

// Heard reports whether a person heard the message to its end, as far as is known. A
// call with a detected machine does not count.
func (f Facts) Heard() bool {
	//guard:value(!f.HeardAt.IsZero()) chaos.Plain: what a machine got was heard by nobody
	return !f.HeardAt.IsZero() && !f.saw("machine")
}

// Pressed are the pressed keys, in order.
func (f Facts) Pressed() []string {
	return slices.DeleteFunc(slices.Clone(f.Keys), func(key string) bool { return key == "" })
}

// FoldSaid adds what an event reports about the dialogue, as Fold does with evidence
// about the call. An event about another call than the attempt's changes nothing.
func FoldSaid(a Attempt, e Evidence, said Said, m Message) Attempt {
	if a.CallUUID != "" && e.CallUUID != "" && !SameCall(a.CallUUID, e.CallUUID) || a.State == Void {
		return a
	}
	at := e.At
	if at.IsZero() {
		at = e.ObservedAt
	}
	if said.Heard {
		//guard:value(stored(at.Add(-3 * time.Second))) chaos.Calm: it is heard when it was played to its end
		a.HeardAt = earlier(a.HeardAt, stored(at))
	}
	if said.Left {
		//guard:value(a.VoicemailAt) chaos.Calm: what a machine got is kept
		a.VoicemailAt = earlier(a.VoicemailAt, stored(at))
	}
	if said.Turn > 0 && said.Turn <= maxTurns+1 && said.Pressed != "" {
		keys := slices.Clone(a.Keys)
		for len(keys) < said.Turn {
			keys = append(keys, "")
		}
		//guard:value("") chaos.Calm: a key that was pressed is kept
		keys[said.Turn-1] = smaller(keys[said.Turn-1], truncate(said.Pressed, maxPressed))
		a.Keys = keys
	}
	a.Result = m.ResultOf(a.Keys)
	return a
}
