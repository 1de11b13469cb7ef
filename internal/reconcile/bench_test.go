package reconcile

import (
	"cmp"
	"context"
	"log/slog"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// pastClock is a provider's clock that stands still at a set time. At zero it shows the
// real time.
type pastClock struct{ at atomic.Int64 }

func (c *pastClock) now() time.Time {
	if at := c.at.Load(); at != 0 {
		return time.UnixMilli(at)
	}
	return time.Now()
}

// dropped is a store that drops Vonage's records.
type dropped struct {
	Store
	mark time.Time
}

func (d *dropped) StoreRecords(context.Context, []campaign.Evidence) (n campaign.Reconciled, err error) {
	return n, nil
}

func (d *dropped) BeginScan(_ context.Context, from, to time.Time, _ bool, _ campaign.Times) (campaign.Scan, error) {
	return campaign.Scan{From: from, To: to}, nil
}

func (d *dropped) FinishScan(context.Context, campaign.Scan) (int64, error) { return 0, nil }

func (d *dropped) Watermark(context.Context, string) (time.Time, error) {
	if d.mark.IsZero() {
		return d.mark, campaign.ErrNotFound
	}
	return d.mark, nil
}

func (d *dropped) SetWatermark(_ context.Context, _ string, to time.Time) error {
	d.mark = to
	return nil
}

func TestBenchmarksRun(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchReconcile(b, voice.MaxPageSize) })
}

// BenchmarkReconcile reads the records of calls that were placed at 30 a second
// and stores them, in turn with a reader of the same pages that drops them. The
// first reading changes every attempt, and a later one finds nothing new.
func BenchmarkReconcile(b *testing.B) { benchReconcile(b, 2000) }

func benchReconcile(b *testing.B, calls int) {
	const perSecond = 30
	begun := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	sim, client, last := placed(b, begun, calls, perSecond)
	var fetching, first, again time.Duration
	requests := 0
	run := func(store Store) time.Duration {
		before, start := sim.Summary().Requests, time.Now()
		r := New(Config{Times: campaign.DefaultTimes, Every: time.Minute, CallsPerSecond: perSecond}, store, client, slog.New(slog.DiscardHandler))
		require.NoError(b, r.pass(b.Context(), pass{"first", time.Since(last) - time.Second, 0}))
		requests = sim.Summary().Requests - before
		return time.Since(start)
	}
	for b.Loop() {
		db := testkit.New(b)
		accepted(b, db, sim, begun, calls)
		fetching += run(&dropped{Store: db})
		first += run(db)
		if n := testkit.Value[int](b, db, `SELECT count(*) FROM attempts WHERE bill_source = 'list'`); n != calls {
			b.Fatalf("%d of %d attempts have the list's bill", n, calls)
		}
		db.Exec(b, `DELETE FROM reconcile_watermarks`)
		again += run(db)
	}
	b.ReportMetric(float64(calls*b.N)/first.Seconds(), "records/s")
	b.ReportMetric(fetching.Seconds()/first.Seconds(), "of-fetching")
	b.ReportMetric(fetching.Seconds()/again.Seconds(), "of-fetching-again")
	b.ReportMetric(float64(requests)/float64(calls/voice.MaxPageSize), "of-least-requests")
}

// placed returns a simulated Vonage with this many ended calls, and when the last one
// began.
func placed(b *testing.B, begun time.Time, calls, perSecond int) (*voicesim.Sim, *voice.Client, time.Time) {
	b.Helper()
	var clock pastClock
	clock.at.Store(begun.UnixMilli())
	sim, err := voicesim.New(voicesim.Config{Speed: 1e6, Now: clock.now, PublicKey: &testkey.RSA().PublicKey, ApplicationID: "app"})
	require.NoError(b, err)
	server := httptest.NewServer(sim)
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		require.NoError(b, sim.Close(ctx))
		server.CloseClientConnections()
		server.Close()
	})
	client, err := voice.NewClient(voice.Config{BaseURL: server.URL + "/v1", ApplicationID: "app", Key: testkey.RSA()})
	require.NoError(b, err)
	for i := range calls {
		now := clock.now()
		token, err := client.SignToken(voice.Token{ID: uuid.NewString(), IssuedAt: now.Add(-time.Second), ExpiresAt: now.Add(30 * time.Second)})
		require.NoError(b, err)
		_, err = client.CreateCall(b.Context(), nil, token, voice.CallRequest{
			To: []voice.Endpoint{voice.Phone{Number: testkit.Number(i)}}, From: testkit.From,
			NCCO: voice.NCCO{voice.Talk{Text: "The water is off."}}, RingingTimer: 60, LengthTimer: 60,
		})
		require.NoError(b, err)
		clock.at.Add(1000 / int64(perSecond))
	}
	last := clock.now()
	clock.at.Store(0)
	require.Eventually(b, "every call is over", func() bool { return sim.Summary().InProgress == 0 })
	return sim, client, last
}

// accepted gives each of Vonage's calls an attempt that has its uuid.
func accepted(b *testing.B, db *testkit.DB, sim *voicesim.Sim, begun time.Time, calls int) {
	b.Helper()
	db.StartCampaign(b, "bench", calls)
	if claimed, err := db.Claim(b.Context(), calls); err != nil || len(claimed) != calls {
		b.Fatalf("claimed %d: %v", len(claimed), err)
	}
	var numbers, uuids []string
	ledger := sim.Ledger()
	slices.SortFunc(ledger, func(a, b voicesim.LedgerCall) int { return cmp.Compare(a.To, b.To) })
	for _, c := range ledger {
		numbers, uuids = append(numbers, c.To), append(uuids, c.UUID)
	}
	db.Exec(b, `UPDATE attempts SET state = 'dialing', changed_by = 'caller', posts = 1, token_id = gen_random_uuid(), dialed_at = $1::timestamptz, token_expires_at = $1::timestamptz + interval '30 s'`, begun)
	db.Exec(b, `
		UPDATE attempts a SET state = 'accepted', changed_by = 'caller', call_uuid = c.call_uuid
		FROM unnest($1::text[], $2::text[]) AS c (to_number, call_uuid) WHERE a.to_number = c.to_number`, numbers, uuids)
}
