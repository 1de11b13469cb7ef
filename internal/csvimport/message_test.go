package csvimport

import (
	"errors"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

var errMessage = errors.New("Vonage would refuse the message")

// refusing refuses messages that contain a word.
func refusing(word string) Options {
	o := options()
	o.CheckMessage = func(_ campaign.Settings, m campaign.Rendered) error {
		if strings.Contains(string(m.NCCO), word) || m.Script != nil && strings.Contains(m.Script.Say, word) {
			return errMessage
		}
		return nil
	}
	return o
}

func TestMessagesAreCheckedBeforeTheFirstRow(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := Import(t.Context(), strings.NewReader(people(3)), "water", settings(), refusing("water"), db); !errors.Is(err, errMessage) {
		t.Errorf("import: %v", err)
	}
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM campaigns`); n != 0 {
		t.Errorf("%d campaigns", n)
	}
	if _, err := Preview(t.Context(), strings.NewReader(people(3)), settings(), refusing("water")); !errors.Is(err, errMessage) {
		t.Errorf("dry run: %v", err)
	}
}

// If a value is used outside the spoken text, the message of each row is checked.
func TestMessagesAreCheckedRowByRow(t *testing.T) {
	t.Parallel()
	s := settings()
	s.Message = campaign.Message{NCCO: []byte(`[{"action":"talk","text":"Hi","language":"{{lang}}"}]`)}
	const file = "to,lang\n+447700900001,en-GB\n+447700900002,xx\n+447700900003,de-DE\n"
	rows, rejects := readAll(t, mustReader(t, file, s, refusing("xx")))
	if len(rows) != 2 {
		t.Errorf("%d rows, want 2", len(rows))
	}
	want := []campaign.RowError{{Line: 3, Reason: errMessage.Error(), Record: "+447700900002,xx", Key: "447700900002"}}
	if diff := cmp.Diff(want, rejects); diff != "" {
		t.Errorf("refused (-want +got)\n%s", diff)
	}
}

func TestAnyValueFits(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		`[{"action":"talk","text":"Hi {{name}}"},{"action":"stream","streamUrl":["https://a.test/{{file}}"]}]`: true,
		`[{"action":"talk","text":"Hi"}]`:                         true,
		`[{"action":"talk","text":"Hi","language":"{{lang}}"}]`:   false,
		`[{"action":"talk","text":"Hi","loop":"{{n}}"}]`:          false,
		`[{"action":"notify","payload":{"of":"{{name}}"}}]`:       false,
		`[{"action":"talk","text":"{{a}}","bargeIn":"{{lang}}"}]`: false,
	} {
		template, err := campaign.Message{NCCO: []byte(message)}.Compile()
		require.NoError(t, err)
		if got := template.AnyValueFits(); got != want {
			t.Errorf("%s: %v, want %v", message, got, want)
		}
	}
}
