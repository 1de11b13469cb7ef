package campaign

import (
	"slices"

	"github.com/google/uuid"
)

// Pairing is one attempt that could have made a call which no attempt has.
type Pairing struct {
	CallUUID  string
	AttemptID uuid.UUID
	ContactID int64
	State     State
	Rival     bool // a call that is foreign so far could be the attempt's too
	Early     bool // its own call may still come to be known
	Undated   bool // Vonage's record does not say when the call started
	Part      bool // of the time in which its call may have begun not all was read
}

// Match is what a call that no attempt has may belong to.
type Match struct {
	AttemptID uuid.UUID // with Unique or Unread
	ContactID int64     // with Unique or Unread
	Possible  bool      // some attempt could have made the call
	Early     bool      // Vonage may still tell an attempt that the call is its
	Unique    bool      // only this attempt could, and it only this call
	Unread    bool      // it would be Unique, but more calls may come to light that could be the attempt's
	Doubtful  bool      // with Unique: an attempt of another contact, thought to have had no call, could have made it too
}

// MatchCalls says what each call in the pairings may belong to. A pair is
// certain when it is the only one on both sides. As long as the POST of an
// attempt may still be answered, or its own call may not be listed yet, that is
// waited for: a call that somebody else placed between the same numbers must
// not take the place of the attempt's own. For the same reason nothing is
// unique before all of the time was read in which the attempt's call may have
// begun.
//
// A call of a doubtful match may be that of somebody whom Vonage said it
// did not call, and who is called again therefore: a person must be told.
func MatchCalls(pairings []Pairing) map[string]Match {
	claims := map[uuid.UUID]int{} // how many calls could be the attempt's
	byCall := map[string][]Pairing{}
	for _, p := range pairings {
		claims[p.AttemptID]++
		byCall[p.CallUUID] = append(byCall[p.CallUUID], p)
	}
	matches := map[string]Match{}
	for call, candidates := range byCall {
		m := Match{Possible: true, Early: slices.ContainsFunc(candidates, func(p Pairing) bool { return p.Early })}
		several := slices.ContainsFunc(candidates, func(p Pairing) bool { return p.ContactID != candidates[0].ContactID })
		best := likeliest(candidates)
		if !m.Early && len(best) == 1 && claims[best[0].AttemptID] == 1 && !best[0].Rival {
			m.AttemptID, m.ContactID = best[0].AttemptID, best[0].ContactID
			m.Unique, m.Unread = !best[0].Part, best[0].Part
			m.Doubtful = m.Unique && several
		}
		matches[call] = m
	}
	return matches
}

// likeliest keeps, in their room, the candidates of the best kind that there are: a call that
// is waited for before one that was given up, and that before one that was
// proved not to exist. That rests on when the call started: where that is not
// known, all are kept.
func likeliest(candidates []Pairing) []Pairing {
	if candidates[0].Undated {
		return candidates
	}
	for _, states := range [][]State{{Dialing, Unknown}, {Lost}, {Refused, Absent}} {
		likely := func(p Pairing) bool { return slices.Contains(states, p.State) }
		if slices.ContainsFunc(candidates, likely) {
			return slices.DeleteFunc(candidates, func(p Pairing) bool { return !likely(p) })
		}
	}
	return nil
}
