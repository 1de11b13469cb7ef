package jobs

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
)

// plant makes commits in Postgres fail with the code: those of moves into or out of
// dialing, each with the given chance. A sequence counts the failures, because it
// advances even if its transaction is rolled back.
func (w *world) plant(t *testing.T, code, when string, chance float64) {
	t.Helper()
	w.db.Exec(t, fmt.Sprintf(`
		CREATE SEQUENCE trouble;
		CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN
			IF (%s) AND random() < %v THEN
				PERFORM nextval('trouble');
				RAISE EXCEPTION 'planted' USING ERRCODE = '%s';
			END IF;
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER trouble AFTER UPDATE ON attempts DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION trouble()`, when, chance, code))
}

const (
	atTheGate   = `NEW.state = 'dialing' AND OLD.state = 'reserved'`
	atTheRecord = `OLD.state = 'dialing' AND NEW.state <> 'dialing'`
)

// troubled waits until n commits have failed.
func (w *world) troubled(t *testing.T, n int) {
	t.Helper()
	require.Eventually(t, "commits fail", func() bool {
		return w.count(t, `SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM trouble`) >= n
	})
}

// If a full disk refuses the gate's commit, nobody is called. If it refuses the outcome's
// commit, nobody is called twice. When there is room again, calls continue.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	const full = "53100"
	for _, test := range []struct {
		name, when string
	}{{"gate", atTheGate}, {"record", atTheRecord}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
			w.campaign(t, 30)
			w.plant(t, full, test.when, 1)
			w.dial(t, w.db, w.redis)
			w.troubled(t, 20)
			creates := w.sim.Summary().Creates // asked first: an intent comes before its POST
			if intents := w.count(t, `SELECT count(*) FROM attempts WHERE posts = 1`); creates > intents {
				t.Errorf("%d POSTs for %d intents", creates, intents)
			}
			w.db.Exec(t, `DROP TRIGGER trouble ON attempts`)
			w.awaitEnd(t)
			w.wantBalance(t, 30)
			if n := w.sim.Summary().Placed; n != 30 {
				t.Errorf("%d calls for 30 contacts", n)
			}
		})
	}
}

// A campaign whose stored settings cannot be read is paused with an alarm, and the
// others are called.
func TestUnreadableCampaignStopsNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
	w.db.StartCampaignOf(t, "broken", testkit.ContactRows(500, 5))
	w.db.Exec(t, `UPDATE campaigns SET settings = '{"from": 5}'`)
	w.campaign(t, 10)
	w.dial(t, w.db, w.redis)
	require.Eventually(t, "the others are called and the broken one is paused", func() bool {
		return w.count(t, `SELECT count(*) FROM contacts WHERE state = 'done'`) == 10 &&
			w.count(t, `SELECT count(*) FROM campaigns WHERE name = 'broken' AND status = 'paused' AND pause_reason LIKE '%cannot be read%'`) == 1
	})
	if n := w.count(t, `SELECT count(*) FROM alarms WHERE kind = 'message_refused' AND detail LIKE '%cannot be read%'`); n != 1 {
		t.Errorf("%d alarms, want 1", n)
	}
}

// Transactions that conflict are repeated, but no POST is.
func TestConflictsInPostgres(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"40001", "40P01"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
			w.campaign(t, 30)
			w.plant(t, code, atTheGate+` OR `+atTheRecord, 0.4)
			w.dial(t, w.db, w.redis)
			w.troubled(t, 10)
			w.awaitEnd(t)
			w.wantBalance(t, 30)
			if n := w.sim.Summary().Placed; n != 30 {
				t.Errorf("%d calls for 30 contacts", n)
			}
		})
	}
}

// Numbers are suppressed, and then the campaign is stopped, while calls are placed. Only attempts that passed the gate before are called.
func TestSuppressionAndStopTakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 40, voicesim.Config{Outcomes: allAnswered})
	w.campaign(t, 300)
	w.dial(t, w.db, w.redis)
	w.dial(t, w.db, w.redis)
	require.Eventually(t, "50 calls", func() bool { return w.sim.Summary().Placed >= 50 })
	var numbers []string
	for i := 0; i < 300; i += 3 {
		numbers = append(numbers, fmt.Sprintf("447700900%03d", i))
	}
	w.db.SuppressNumbers(t, numbers...)
	suppressed := w.now(t)
	require.Eventually(t, "100 calls", func() bool { return w.sim.Summary().Placed >= 100 })
	if err := w.db.Stop(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	stopped := w.now(t)
	w.awaitEnd(t)
	gates := map[string]time.Time{}
	for _, a := range testkit.Rows[struct {
		ID, To string
		At     time.Time
	}](t, w.db, `SELECT id::text, to_number, dialed_at FROM attempts WHERE dialed_at IS NOT NULL`) {
		gates[a.ID] = a.At
		if a.At.After(stopped) {
			t.Errorf("attempt %s passed the gate %v after the stop", a.ID, a.At.Sub(stopped))
		}
		if a.At.After(suppressed) && slices.Contains(numbers, a.To) {
			t.Errorf("attempt %s passed the gate %v after its number was suppressed", a.ID, a.At.Sub(suppressed))
		}
	}
	ledger := w.sim.Ledger()
	for _, c := range ledger {
		if gates[c.AttemptID].IsZero() {
			t.Errorf("call %s passed no gate", c.UUID)
		}
	}
	if len(ledger) >= 200 {
		t.Errorf("%d calls: the stop came too late to prove anything", len(ledger))
	}
	if broken, err := w.db.CheckInvariants(t.Context()); err != nil || len(broken) > 0 {
		t.Errorf("invariants: %+v, %v", broken, err)
	}
}

func (w *world) now(t *testing.T) time.Time {
	t.Helper()
	now, err := w.db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// While a newer program is rolled out, its tasks are left to it, and its rows in the
// database do no harm.
func TestLaterTaskIsLeft(t *testing.T) {
	t.Parallel()
	p := &callWorker{}
	for _, task := range []*asynq.Task{
		asynq.NewTask(dial, []byte(`{"attempt":"`+uuid.NewString()+`","enqueue_count":1,"version":1,"colour":"x"}`)),
		asynq.NewTask("dial_in_two_steps", []byte(`{}`)),
	} {
		err := p.ProcessTask(t.Context(), task)
		if !errors.Is(err, errLaterTask) || retryDelayOf(1, err, task) != laterDelay || asynq.IsPanicError(err) {
			t.Errorf("%s: %v, want it left in the queue", task.Type(), err)
		}
	}
	got, err := readTask(asynq.NewTask(dial, []byte(`{"attempt":"`+uuid.Max.String()+`","enqueue_count":3,"colour":"x"}`)))
	if err != nil || got.Attempt != uuid.Max || got.EnqueueCount != 3 {
		t.Errorf("a field that is not known: %+v, %v", got, err)
	}
}

// They stay in the queue of a dialer that runs, however often it looks at them.
func TestLaterTaskStaysInTheQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
	databaseID, err := w.db.DatabaseID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	q := openTestQueue(t, w.redis)
	q.rename(databaseID)
	for kind, payload := range map[string]string{
		dial:                `{"attempt":"` + uuid.NewString() + `","enqueue_count":1,"version":1,"colour":"x"}`,
		"dial_in_two_steps": `{}`,
	} {
		if _, err := q.client.EnqueueContext(t.Context(), asynq.NewTask(kind, []byte(payload)), asynq.Queue(q.part(campaign.FirstCall)), asynq.MaxRetry(3)); err != nil {
			t.Fatal(err)
		}
	}
	w.dial(t, w.db, w.redis)
	inspector := asynq.NewInspectorFromRedisClient(q.redis)
	var resting []*asynq.TaskInfo
	require.Eventually(t, "both tasks rest", func() bool {
		resting, err = inspector.ListRetryTasks(q.part(campaign.FirstCall))
		return err == nil && len(resting) == 2
	})
	for _, task := range resting {
		if task.Retried != 0 || time.Until(task.NextProcessAt) > laterDelay {
			t.Errorf("%s: %d of its tries are used, and it rests until %v", task.Type, task.Retried, task.NextProcessAt)
		}
	}
}

func TestDialingOnALaterSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 60, voicesim.Config{Outcomes: allAnswered})
	w.campaign(t, 10)
	w.db.Exec(t, `
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true);
		ALTER TABLE attempts ADD COLUMN colour text NOT NULL DEFAULT 'x';
		INSERT INTO attempt_transitions (src, dst, writer) VALUES ('reserved', 'parked', 'caller');
		UPDATE campaigns SET settings = settings || '{"colour": "x"}'`)
	if n, err := w.db.Migrate(t.Context()); n != 0 || err != nil {
		t.Errorf("Migrate = %d, %v; want nothing to do", n, err)
	}
	w.dial(t, w.db, w.redis)
	if err := errors.Join(w.db.Pause(t.Context(), 1, "lunch"), w.db.Resume(t.Context(), 1)); err != nil {
		t.Error(err)
	}
	w.awaitEnd(t)
	w.wantBalance(t, 10)
	if n := w.count(t, `SELECT count(*) FROM campaigns WHERE settings->>'colour' = 'x'`); n != 1 {
		t.Error("a setting of the later program was lost")
	}
}
