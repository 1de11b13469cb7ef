package main

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"
)

// screen is a terminal that a test reads while it is written to.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// A person at the terminal takes a call of a campaign: they see it ring, answer, see the
// text word by word, press a wrong key and then a key with a result, and see the reply to
// each.
func TestTakeACallAtTheTerminal(t *testing.T) {
	t.Parallel()
	shown := &screen{}
	hand := newTerminalHandset(testkit.Number(0), shown)
	w := startListening(t, voicesim.Config{Handset: hand, Speed: 10})
	keyboard, typing := io.Pipe()
	done := make(chan struct{})
	go func() { takeCalls(keyboard, shown, hand); close(done) }()
	t.Cleanup(func() { typing.Close(); <-done })
	w.db.StartCampaignOf(t, "clinic", testkit.ContactRows(0, 1), func(s *campaign.Settings) {
		s.Message = campaign.Message{
			Say: "Hello, please press one.", Wrong: "Not that one.", Wait: 10, Tries: 5,
			Keys: map[string]campaign.Key{"1": {Result: "confirmed", Say: "Thank you."}},
		}
	})
	for _, step := range []struct{ see, do string }{
		{"rings: a call from", ""}, {"Hello, please press one. \n(waits 10 s for a key)", "7"},
		{"Not that one. \n(waits 10 s for a key)", "1"}, {"Thank you.", ""},
	} {
		require.Eventually(t, step.see, func() bool { return strings.Contains(shown.String(), step.see) })
		if step.see != "Thank you." {
			_, err := io.WriteString(typing, step.do+"\n")
			require.NoError(t, err)
		}
	}
	w.awaitEnd(t)
	if got := testkit.Value[string](t, w.db, `SELECT concat_ws(' ', result, heard_at IS NOT NULL) FROM contacts`); got != "confirmed t" {
		t.Errorf("the person came to %q\n%s", got, shown)
	}
	if !strings.Contains(shown.String(), "(the call has ended)") {
		t.Errorf("the end is not shown:\n%s", shown)
	}
}
