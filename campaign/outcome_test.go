package campaign

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

func TestJudgeInvalid(t *testing.T) {
	t.Parallel()
	const wrong = `422 Unprocessable Entity: "Hello Ann": style 9 is unknown`
	answer := func(contact int64, of Refusal, said string) RefusedPost {
		return RefusedPost{AttemptID: uuid.MustParse(fmt.Sprintf("019ab000-0000-7000-8000-%012d", contact)), ContactID: contact, Refusal: of, Said: said}
	}
	invalid := func(contact int64, said string) RefusedPost { return answer(contact, RefusedInvalid, said) }
	alike := answer(9, RefusedAlike, wrong)
	madeSince := func(a RefusedPost) RefusedPost { a.MadeSince = true; return a }
	often := func(a RefusedPost) RefusedPost { a.Alikes = alikeMost; return a }
	var others []RefusedPost
	for i := range int64(refusedContacts - 1) {
		others = append(others, invalid(10+i, fmt.Sprintf("400 Bad Request: %c", 'a'+i)))
	}
	for _, tt := range []struct {
		name   string
		a      RefusedPost
		before []RefusedPost
		paused bool
		of     Refusal
		too    []RefusedPost
	}{
		{"the first", invalid(1, wrong), nil, false, RefusedInvalid, nil},
		{"the second", invalid(2, wrong), []RefusedPost{invalid(1, wrong)}, false, RefusedInvalid, nil},
		{"the third alike", invalid(3, wrong), []RefusedPost{invalid(2, wrong), invalid(1, `422 Unprocessable Entity: "Hello Bob": style 12 is unknown`)}, false, RefusedAlike,
			[]RefusedPost{invalid(2, wrong), invalid(1, `422 Unprocessable Entity: "Hello Bob": style 12 is unknown`)}},
		{"one contact three times", invalid(1, wrong), []RefusedPost{invalid(1, wrong), invalid(1, wrong)}, false, RefusedInvalid, nil},
		{"two alike and another", invalid(3, wrong), []RefusedPost{invalid(2, "400 Bad Request"), invalid(1, wrong)}, false, RefusedInvalid, nil},
		{"a call between", invalid(4, wrong), []RefusedPost{invalid(3, wrong), madeSince(invalid(2, wrong)), madeSince(invalid(1, wrong))}, false, RefusedInvalid, nil},
		{"under way when it was paused", invalid(4, wrong), []RefusedPost{alike}, true, RefusedAlike, nil},
		{"under way when it was paused, and some were made", invalid(4, wrong), []RefusedPost{madeSince(alike)}, true, RefusedAlike, nil},
		{"after it was resumed", invalid(4, wrong), []RefusedPost{invalid(3, wrong), alike, alike}, false, RefusedInvalid, nil},
		{"called again often enough", often(invalid(4, wrong)), []RefusedPost{invalid(3, wrong), invalid(2, wrong), invalid(1, wrong)}, false, RefusedInvalid, nil},
		{"after others that were", invalid(4, wrong), []RefusedPost{often(invalid(3, wrong)), invalid(2, wrong), often(invalid(1, wrong))}, false, RefusedInvalid, nil},
		{"one of many in other words", invalid(1, wrong), others, false, RefusedAlike, others},
		{"fewer in other words", invalid(1, wrong), others[1:], false, RefusedInvalid, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			of, too := JudgeInvalid(tt.a, tt.before, tt.paused)
			if of != tt.of {
				t.Errorf("refused as %s, want %s", of, tt.of)
			}
			if diff := cmp.Diff(tt.too, too); diff != "" {
				t.Errorf("those before (-want +got):\n%s", diff)
			}
		})
	}
}
