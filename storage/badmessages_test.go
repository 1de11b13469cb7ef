package storage_test

import (
	"errors"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// A message that cannot be rendered pauses its campaign with an alarm, and loses no
// contact.
func TestRefusedMessagePausesTheCampaign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := running(t, db, "c", settings(), rows(0, 3))
	ids := claim(t, db, 2)
	for range 2 { // the second one is withdrawn already
		if err := db.RefuseMessage(t.Context(), ids[0], "ncco[0].text: is required"); err != nil && !errors.Is(err, campaign.ErrStale) {
			t.Fatal(err)
		}
	}
	want := []string{"pending", "pending", "pending"}
	if diff := cmp.Diff(want, testkit.Rows[string](t, db, `SELECT state FROM contacts`)); diff != "" {
		t.Errorf("contacts (-want +got)\n%s", diff)
	}
	if got := testkit.Value[string](t, db, `SELECT status || ': ' || pause_reason FROM campaigns`); got != "paused: a message cannot be made: ncco[0].text: is required" {
		t.Errorf("the campaign is %s", got)
	}
	if got := testkit.Rows[string](t, db, `SELECT kind || ' ' || detail FROM alarms`); !cmp.Equal(got, []string{"message_refused ncco[0].text: is required"}) {
		t.Errorf("alarms %q", got)
	}
	if got := claim(t, db, 3); len(got) > 0 {
		t.Errorf("%d claimed while the campaign is paused", len(got))
	}
	check(t, db.Resume(t.Context(), c.ID))
	if got := claim(t, db, 3); len(got) != 3 {
		t.Errorf("%d claimed after it was resumed, want 3", len(got))
	}
	if err := db.RefuseMessage(t.Context(), uuid.New(), "x"); !errors.Is(err, campaign.ErrStale) {
		t.Errorf("an attempt that does not exist: %v", err)
	}
	sound(t, db)
}
