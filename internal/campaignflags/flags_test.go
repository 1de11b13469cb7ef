package campaignflags

import (
	"strings"
	"testing"

	"dialer/campaign"
)

// A mistake in one flag is told, whatever the others say.
func TestDocumentTellsEveryMistake(t *testing.T) {
	f := Flags{
		RemindBefore: "appointment", Hours: "09:00-18:00", Days: "mon-nonday", Except: []string{"no-such.csv"},
		OnKey: []string{"1"}, Retry: "busy=soon",
	}
	_, err := f.Document(campaign.Document{})
	if err == nil {
		t.Fatal("no mistake was told")
	}
	for _, flag := range []string{"--remind-before", "--days", "--except", "--on-key", "busy=soon"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("nothing is said of %s: %v", flag, err)
		}
	}
}
