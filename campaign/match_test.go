package campaign

import (
	"testing"

	"github.com/google/uuid"
)

func TestMatchCalls(t *testing.T) {
	t.Parallel()
	first, second := uuid.UUID{15: 1}, uuid.UUID{15: 2}
	pair := func(call string, attempt uuid.UUID, state State) Pairing {
		return Pairing{CallUUID: call, AttemptID: attempt, State: state}
	}
	rival, early, undated, part := pair("U", first, Unknown), pair("U", first, Unknown), pair("U", first, Unknown), pair("U", first, Unknown)
	rival.Rival, early.Early, undated.Undated, part.Part = true, true, true, true
	earlyPart, partOfSecond := early, pair("U", second, Absent)
	earlyPart.Part, partOfSecond.Part = true, true
	other := pair("U", second, Refused)
	other.ContactID = 7
	bound := Match{AttemptID: first, Possible: true, Unique: true}
	doubtful := bound
	doubtful.Doubtful = true
	possible := Match{Possible: true}
	for _, test := range []struct {
		name  string
		pairs []Pairing
		want  Match
	}{
		{"one call, one attempt", []Pairing{pair("U", first, Unknown)}, bound},
		{"nothing", nil, Match{}},
		{"two attempts that are waited for", []Pairing{pair("U", first, Unknown), pair("U", second, Dialing)}, possible},
		{"two calls of one attempt", []Pairing{pair("U", first, Unknown), pair("V", first, Unknown)}, possible},
		{"a rival that is foreign", []Pairing{rival}, possible},
		{"an attempt that may still be answered", []Pairing{early}, Match{Possible: true, Early: true}},
		{"one waited for, one proved absent", []Pairing{pair("U", first, Unknown), pair("U", second, Absent)}, bound},
		{"one waited for, another contact's refused", []Pairing{pair("U", first, Unknown), other}, doubtful},
		{"another contact's refused, one waited for", []Pairing{other, pair("U", first, Unknown)}, doubtful},
		{"one waited for, one proved absent, and no start", []Pairing{undated, pair("U", second, Absent)}, possible},
		{"an attempt whose time was read in part", []Pairing{part}, Match{AttemptID: first, Possible: true, Unread: true}},
		{"the same, and it may still be answered", []Pairing{earlyPart}, Match{Possible: true, Early: true}},
		{"the same, and two calls of it are known already", []Pairing{part, pair("V", first, Unknown)}, possible},
		{"another, less likely one, whose time was read in part", []Pairing{pair("U", first, Unknown), partOfSecond}, bound},
		{"an attempt that has its call", []Pairing{pair("U", first, Ended)}, possible},
	} {
		if got := MatchCalls(test.pairs)["U"]; got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
}
