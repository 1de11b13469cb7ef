package app

import (
	"errors"
	"strings"
	"testing"
)

func TestHangUpsSummary(t *testing.T) {
	t.Parallel()
	sum := HangUps{Done: 4, Over: 1, Unclear: 2}
	if err := sum.err(); err == nil || !strings.Contains(err.Error(), "2 requests") {
		t.Errorf("err = %v, want the two that are not known", err)
	}
	if text := sum.err().Error(); strings.Contains(text, "dialer run") || !strings.Contains(text, "again in a minute") {
		t.Errorf("of a campaign that is not stopped it says %q", text)
	}
	sum.late = true
	if text := sum.err().Error(); !strings.Contains(text, "dialer run") {
		t.Errorf("of a stopped campaign it says %q", text)
	}
	if err := (HangUps{Done: 4, Over: 1}).err(); err != nil {
		t.Errorf("no call is in progress, and err = %v", err)
	}
	sum.add(errors.Join(errors.New("404"), errNotRecorded))
	if got, want := sum.String(), "4 calls hung up, 1 had ended already, 1 could not be hung up"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
