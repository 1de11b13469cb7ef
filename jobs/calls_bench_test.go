package jobs

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/pace"
	"dialer/internal/testkit"
	"dialer/storage"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
)

// providerOf starts a simulated provider over HTTP and a client of it that keeps
// to no pace. It ends with the benchmark, or sooner.
func providerOf(b *testing.B, c voicesim.Config) (sim *voicesim.Sim, client *voice.Client, url string, end func()) {
	b.Helper()
	c.PublicKey, c.ApplicationID = &signingKey().PublicKey, "app"
	sim, err := voicesim.New(c)
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(sim)
	end = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := sim.Close(ctx); err != nil {
			b.Error(err)
		}
		server.CloseClientConnections()
		server.Close()
	})
	b.Cleanup(end)
	client, err = voice.NewClient(voice.Config{BaseURL: server.URL + "/v1", ApplicationID: "app", Key: signingKey()})
	if err != nil {
		b.Fatal(err)
	}
	return sim, client, server.URL + "/v1", end
}

// people starts a campaign of n contacts that are due.
func people(b *testing.B, db *testkit.DB, n int) {
	b.Helper()
	c, err := db.OpenCampaign(b.Context(), "bench", campaign.Settings{
		From: []string{ourNumber}, Message: campaign.Message{Say: "The water is off."},
		Hours: campaign.Hours{From: 0, To: 1440}, Zone: "Etc/UTC", Retry: campaign.DefaultPolicy(), RingingTimer: 60, LengthTimer: 60,
	})
	if err != nil {
		b.Fatal(err)
	}
	list := make([]campaign.Row, n)
	for i := range list {
		list[i] = campaign.Row{Line: i + 2, To: personal(i), Zones: []string{"Etc/UTC"}}
	}
	if _, err := db.AddContacts(b.Context(), c.ID, "file", campaign.RowBatch{Rows: list}); err != nil {
		b.Fatal(err)
	}
	if err := db.FinishImport(b.Context(), c.ID); err != nil {
		b.Fatal(err)
	}
}

func personal(i int) string { return fmt.Sprintf("4477009%05d", i) }

// callTo is what the caller sends to somebody of people.
func callTo(i int, events string, id uuid.UUID) voice.CallRequest {
	return voice.CallRequest{
		To: []voice.Endpoint{voice.Phone{Number: personal(i)}}, From: ourNumber,
		NCCO: voice.NCCO{voice.Talk{Text: "The water is off."}}, EventURL: events + "/webhooks/event?attempt=" + id.String(),
		EventMethod: http.MethodPost, RingingTimer: 60, LengthTimer: 60,
	}
}

// BenchmarkPlacing places calls at a rate without limit, in turn with a loop
// that does nothing but POST them, as many at once and to such a provider too.
// Events go to a receiver that drops them; those of the loop's calls have ended
// before the dialer begins.
func BenchmarkPlacing(b *testing.B) { benchPlacing(b, 1000) }

func benchPlacing(b *testing.B, calls int) {
	const atOnce = 32
	events := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(events.Close)
	var placing, posting time.Duration
	var commits int
	for b.Loop() {
		_, client, _, end := providerOf(b, voicesim.Config{})
		posting += postAll(b, client, events.URL, calls, atOnce)
		end()
		sim, _, url, end := providerOf(b, voicesim.Config{})
		db := testkit.New(b)
		people(b, db, calls)
		before := transactions(b, db)
		place(b, db, events.URL, url, atOnce, func() bool { return sim.Summary().Placed == calls })
		end()
		commits += transactions(b, db) - before
		ledger := sim.Ledger()
		placing += ledger[calls-1].PlacedAt.Sub(ledger[0].PlacedAt)
	}
	n := float64(calls * b.N)
	b.ReportMetric(n/placing.Seconds(), "calls/s")
	b.ReportMetric(posting.Seconds()/placing.Seconds(), "of-bare-posts")
	b.ReportMetric(float64(commits)/n, "commits/attempt")
}

// postAll is the bare loop.
func postAll(b *testing.B, client *voice.Client, events string, calls, atOnce int) time.Duration {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	begun := time.Now()
	for range atOnce {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= calls; i = int(next.Add(1)) {
				id := uuid.New()
				token, err := client.SignToken(voice.Token{ID: id.String(), IssuedAt: time.Now().Add(-IssuedBefore), ExpiresAt: time.Now().Add(30 * time.Second)})
				if err != nil {
					b.Error(err)
				}
				if _, err := client.CreateCall(b.Context(), nil, token, callTo(i+calls, events, id)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(begun)
}

// place runs the service on connections of its own until all is placed.
func place(b *testing.B, db *testkit.DB, events, url string, atOnce int, all func() bool) {
	b.Helper()
	own, err := storage.OpenPool(b.Context(), db.URL, 20)
	if err != nil {
		b.Fatal(err)
	}
	defer own.Close()
	log := slog.New(slog.DiscardHandler)
	const noLimit = 20_000
	pacers := testPacers(own, noLimit, noLimit)
	client, err := voice.NewClient(voice.Config{BaseURL: url, ApplicationID: "app", Key: signingKey(), Throttle: Throttle(pacers.Requests, pace.Last)})
	if err != nil {
		b.Fatal(err)
	}
	installation, err := own.Installation(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	service, err := New(Config{
		CallsPerSecond: noLimit, PublicURL: events, RedisURL: privateRedis(b), Installation: installation,
		Horizon: time.Second, Workers: atOnce,
	}, own, client, pacers, log)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	eventually(b, "every call is placed", all)
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
}

// transactions counts what has been committed in the database by connections
// that are closed.
func transactions(b *testing.B, db *testkit.DB) int {
	b.Helper()
	return testkit.Value[int](b, db, `SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database WHERE datname = current_database()`)
}

// pastClock is a provider's clock that stands still where it is put. At zero it
// shows the time.
type pastClock struct{ at atomic.Int64 }

func (c *pastClock) now() time.Time {
	if at := c.at.Load(); at != 0 {
		return time.UnixMilli(at)
	}
	return time.Now()
}

// dropped is a store that takes Vonage's records and drops them.
type dropped struct {
	BooksStore
	mark time.Time
}

func (d *dropped) Reconcile(context.Context, []campaign.Evidence, campaign.Reading) (campaign.Reconciled, []campaign.Unread, error) {
	return campaign.Reconciled{}, nil, nil
}

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

// BenchmarkReconcile reads the records of calls that were placed at 30 a second
// and folds them in, in turn with a reader of the same pages that drops them.
// The first reading changes every attempt, and a later one finds nothing new.
func BenchmarkReconcile(b *testing.B) { benchReconcile(b, 2000) }

func benchReconcile(b *testing.B, calls int) {
	const perSecond = 30
	begun := time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	var clock pastClock
	clock.at.Store(begun.UnixMilli())
	sim, client, _, _ := providerOf(b, voicesim.Config{Speed: 1e6, Now: clock.now})
	for i := range calls {
		id, now := uuid.New(), clock.now()
		token, err := client.SignToken(voice.Token{ID: id.String(), IssuedAt: now.Add(-IssuedBefore), ExpiresAt: now.Add(30 * time.Second)})
		if err != nil {
			b.Fatal(err)
		}
		r := callTo(i, "http://127.0.0.1:1", id)
		r.EventURL = ""
		if _, err := client.CreateCall(b.Context(), nil, token, r); err != nil {
			b.Fatal(err)
		}
		clock.at.Add(1000 / perSecond)
	}
	last := clock.now()
	clock.at.Store(0)
	eventually(b, "every call is over", func() bool { return sim.Summary().InProgress == 0 })
	var fetching, first, again time.Duration
	requests := 0
	run := func(store BooksStore) time.Duration {
		before, start := sim.Summary().Requests, time.Now()
		r := &reconciler{
			store: store, lists: lists{client}, perSecond: perSecond,
			passes: []pass{{"first", time.Since(last), 0}}, every: time.Minute,
		}
		var n reconciled
		if err := r.pass(b.Context(), r.passes[0], &n); err != nil {
			b.Fatal(err)
		}
		requests = sim.Summary().Requests - before
		return time.Since(start)
	}
	for b.Loop() {
		db := testkit.New(b)
		accepted(b, db, sim, begun, calls)
		fetching += run(&dropped{BooksStore: db})
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

// accepted gives each of Vonage's calls an attempt that knows it.
func accepted(b *testing.B, db *testkit.DB, sim *voicesim.Sim, begun time.Time, calls int) {
	b.Helper()
	people(b, db, calls)
	if tickets, err := db.Claim(b.Context(), calls); err != nil || len(tickets) != calls {
		b.Fatalf("claimed %d: %v", len(tickets), err)
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
