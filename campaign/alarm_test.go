package campaign

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachAlarmKindSaysWhatToDo(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, k := range AlarmKinds {
		if seen[k.Kind] || k.Kind == "" || k.Meaning == "" || k.Remedy == "" {
			t.Errorf("%+v: twice, or not explained", k)
		}
		seen[k.Kind] = true
	}
}

// The page for operators lists every kind, in the same words.
func TestOperationsListsTheAlarms(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n| alarm |")
	section, _, _ = strings.Cut(section, "\n\n")
	var got, want []string
	for _, line := range strings.Split(section, "\n") {
		if strings.HasPrefix(line, "| `") {
			got = append(got, line)
		}
	}
	for _, k := range AlarmKinds {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s |", k.Kind, k.Meaning, k.Remedy))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/operations.md (-campaign.AlarmKinds +page):\n%s", diff)
	}
}
