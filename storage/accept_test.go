package storage_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// An outcome that only says that the call was made takes one statement. It leaves the
// same rows as the general way.
func TestAcceptEqualsTheGeneralWay(t *testing.T) {
	t.Parallel()
	type row struct {
		State, By, Call, Conversation, Statuses, Contact string
		Checks, Attempts, Next                           int
	}
	outcome := created("U1")
	outcome.Evidence.ConversationUUID, outcome.Evidence.Status = "CON-1", "started"
	var ways []row
	for _, generally := range []bool{false, true} {
		db := testkit.New(t)
		running(t, db, "c", settings(), rows(0, 1))
		a := dialOne(t, db)
		if generally {
			require.NoError(t, db.RecordGenerally(t.Context(), a.ID, outcome))
		} else if !db.RecordPlainly(t.Context(), a.ID, outcome) {
			t.Error("it is not stored in one statement")
		}
		ways = append(ways, testkit.Rows[row](t, db, `
			SELECT a.state, a.changed_by, a.call_uuid, a.conversation_uuid, a.statuses::text, k.state || coalesce(k.reason, ''),
			       a.record_checks, k.attempts, k.next_attempt_no
			FROM attempts a JOIN contacts k ON k.id = a.contact_id WHERE a.next_check_at IS NOT NULL`)...)
		sound(t, db)
	}
	if len(ways) != 2 || ways[0] != ways[1] || ways[0].State != "accepted" || ways[0].Attempts != 1 {
		t.Errorf("in one statement, and generally: %+v", ways)
	}
}

// Outcomes that need more than one statement take the general way. The same call stores
// them.
func TestAcceptLeavesToTheGeneralWay(t *testing.T) {
	t.Parallel()
	const call = "63f61863-4a51-4f6b-86e1-46edebcf9356"
	for name, test := range map[string]struct {
		before  func(_ *testing.T, _ *testkit.DB, a campaign.Attempt, next uuid.UUID)
		outcome campaign.Outcome
		want    string // the attempt's state, call and alarms
	}{
		"an event came first": {func(t *testing.T, db *testkit.DB, a campaign.Attempt, _ uuid.UUID) {
			receive(t, db, event(a, call, "answered"))
		}, created(call), "accepted " + call + " []"},
		"events are unread": {func(t *testing.T, db *testkit.DB, a campaign.Attempt, _ uuid.UUID) {
			leg := event(a, call, "completed")
			leg.Evidence.ToKind = campaign.PartyUnreadable
			receive(t, db, leg)
		}, created(call), "ended " + call + " []"},
		"another attempt has the call": {func(t *testing.T, db *testkit.DB, _ campaign.Attempt, next uuid.UUID) {
			record(t, db, pass(t, db, next).ID, created(call))
		}, created(call), "dialing  [" + campaign.AlarmAmbiguousMatch + "]"},
		"a status that is not known": {func(*testing.T, *testkit.DB, campaign.Attempt, uuid.UUID) {}, func() campaign.Outcome {
			o := created(call)
			o.Evidence.Status = "levitating"
			return o
		}(), "accepted " + call + " [" + campaign.AlarmUnknownStatus + "]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := testkit.New(t)
			running(t, db, "c", settings(), rows(0, 2))
			ids := claim(t, db, 2)
			a := pass(t, db, ids[0])
			test.before(t, db, a, ids[1])
			if db.RecordPlainly(t.Context(), a.ID, test.outcome) {
				t.Error("it is stored in one statement")
			}
			record(t, db, a.ID, test.outcome)
			got := testkit.Value[string](t, db, `SELECT state || ' ' || coalesce(call_uuid, '') FROM attempts WHERE id = $1`, a.ID)
			if got += " [" + strings.Join(alarms(t, db), " ") + "]"; got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// Outcomes that arrive together share statements, in both ways.
func TestAcceptTogether(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	running(t, db, "c", settings(), rows(0, 12))
	ids := claim(t, db, 12)
	want := map[uuid.UUID]campaign.State{}
	var wg sync.WaitGroup
	for i, id := range ids {
		a := pass(t, db, id)
		outcome := created("U" + strconv.Itoa(i))
		want[id] = campaign.Accepted
		switch i % 3 {
		case 1:
			receive(t, db, event(a, "U"+strconv.Itoa(i), "ringing"))
		case 2:
			outcome, want[id] = unknown, campaign.Unknown
		}
		wg.Go(func() { check(t, db.Record(t.Context(), id, outcome)) })
	}
	wg.Wait()
	got := map[uuid.UUID]campaign.State{}
	for _, id := range ids {
		got[id] = state(t, db, id)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	sound(t, db)
}
