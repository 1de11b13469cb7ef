package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/pace"
	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
	"dialer/internal/testkit/require"
	"dialer/storage"
	"dialer/voice"
	"dialer/voice/voicesim"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
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
		Hours: campaign.Daily(0, 1440), Zone: "Etc/UTC", Retry: campaign.DefaultPolicy(), RingingTimer: 60, LengthTimer: 60,
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
// that does nothing but POST them, and with the least of an asynq worker, as many
// at once and to such a provider too. Events go to a receiver that drops them;
// those of the others' calls have ended before the dialer begins.
//
// It also says how much processor time a call took, of this process (with the
// simulator in it), Postgres and Redis.
func BenchmarkPlacing(b *testing.B) { benchPlacing(b, 1000) }

func benchPlacing(b *testing.B, calls int) {
	const atOnce = 32
	events := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(events.Close)
	var placing, posting, plain spent
	var commits int
	for b.Loop() {
		_, client, _, end := providerOf(b, voicesim.Config{})
		posting.add(postAll(b, client, events.URL, calls, atOnce))
		end()
		_, client, _, end = providerOf(b, voicesim.Config{})
		plain.add(plainWorker(b, client, events.URL, calls, atOnce))
		end()
		sim, _, url, end := providerOf(b, voicesim.Config{})
		db := testkit.New(b)
		people(b, db, calls)
		before := transactions(b, db)
		cpu := place(b, db, events.URL, url, atOnce, calls, func() int { return sim.Summary().Placed })
		end()
		commits += transactions(b, db) - before
		ledger := sim.Ledger()
		placing.add(spent{ledger[calls-1].PlacedAt.Sub(ledger[0].PlacedAt), cpu})
	}
	n := float64(calls * b.N)
	b.ReportMetric(n/placing.took.Seconds(), "calls/s")
	b.ReportMetric(posting.took.Seconds()/placing.took.Seconds(), "of-bare-posts")
	b.ReportMetric(plain.took.Seconds()/placing.took.Seconds(), "of-plain-worker")
	b.ReportMetric(float64(commits)/n, "commits/attempt")
	b.ReportMetric(posting.cpu.Total().Seconds()/placing.cpu.Total().Seconds(), "of-bare-posts-cpu")
	b.ReportMetric(plain.cpu.Total().Seconds()/placing.cpu.Total().Seconds(), "of-plain-worker-cpu")
	posting.cpu.Report(b, "bare", n)
	plain.cpu.Report(b, "plain", n)
	placing.cpu.Report(b, "dialer", n)
}

// spent is what calls took.
type spent struct {
	took time.Duration
	cpu  benchtest.CPU
}

func (s *spent) add(t spent) { s.took, s.cpu = s.took+t.took, s.cpu.Add(t.cpu) }

// plainWorker is the least that an asynq worker must do that keeps what it did: for
// each task it signs, POSTs and inserts one row.
func plainWorker(b *testing.B, client *voice.Client, events string, calls, atOnce int) spent {
	b.Helper()
	db := testkit.New(b)
	db.Exec(b, `CREATE TABLE made (id uuid PRIMARY KEY, call_uuid text NOT NULL)`)
	redisURL := privateRedis(b)
	q, err := openQueue(redisURL, "plain", atOnce)
	if err != nil {
		b.Fatal(err)
	}
	defer q.close()
	for i := range calls {
		task := asynq.NewTask("plain", []byte(strconv.Itoa(i)))
		if _, err := q.client.EnqueueContext(b.Context(), task, asynq.Queue(q.part(campaign.FirstCall))); err != nil {
			b.Fatal(err)
		}
	}
	call := func(ctx context.Context, task *asynq.Task) error {
		i, err := strconv.Atoi(string(task.Payload()))
		if err != nil {
			return err
		}
		id := uuid.New()
		token, err := client.SignToken(voice.Token{ID: id.String(), IssuedAt: time.Now().Add(-IssuedBefore), ExpiresAt: time.Now().Add(30 * time.Second)})
		if err != nil {
			return err
		}
		made, err := client.CreateCall(ctx, nil, token, callTo(i+calls, events, id))
		if err != nil {
			return err
		}
		return db.TryExec(b, `INSERT INTO made (id, call_uuid) VALUES ($1, $2)`, id, made.UUID)
	}
	var left sync.WaitGroup
	left.Add(calls)
	// One queue, because a plain worker has no priorities to keep.
	server := asynq.NewServerFromRedisClient(q.redis, asynq.Config{
		Concurrency: atOnce, Queues: map[string]int{q.part(campaign.FirstCall): 1}, TaskCheckInterval: 20 * time.Millisecond,
		LogLevel: asynq.FatalLevel,
	})
	meter := benchtest.NewMeter(testkit.Value[int](b, db, `SELECT pg_backend_pid()`), redisTime(b, redisURL))
	before, begun := meter.Read(b), time.Now()
	err = server.Start(asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		defer left.Done()
		if err := call(ctx, task); err != nil {
			b.Error(err)
		}
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	left.Wait()
	result := spent{time.Since(begun), meter.Read(b).Sub(before)}
	server.Shutdown()
	if n := testkit.Value[int](b, db, `SELECT count(*) FROM made`); n != calls {
		b.Errorf("%d rows for %d calls", n, calls)
	}
	return result
}

// postAll is the bare loop.
func postAll(b *testing.B, client *voice.Client, events string, calls, atOnce int) spent {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	meter := benchtest.NewMeter(0, nil)
	before, begun := meter.Read(b), time.Now()
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
	return spent{time.Since(begun), meter.Read(b).Sub(before)}
}

// place runs the service on connections of its own until all calls are placed. It
// returns the processor time from the first of them on, that is without the
// service's start.
func place(b *testing.B, db *testkit.DB, events, url string, atOnce, calls int, placed func() int) benchtest.CPU {
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
	databaseID, err := own.DatabaseID(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	redisURL := privateRedis(b)
	service, err := New(Config{
		CallsPerSecond: noLimit, PublicURL: events, RedisURL: redisURL, DatabaseID: databaseID,
		Horizon: time.Second, Workers: atOnce,
	}, own, client, pacers, log)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	meter := benchtest.NewMeter(testkit.Value[int](b, db, `SELECT pg_backend_pid()`), redisTime(b, redisURL))
	require.Eventually(b, "a call is placed", func() bool { return placed() > 0 })
	before := meter.Read(b)
	require.Eventually(b, "every call is placed", func() bool { return placed() == calls })
	used := meter.Read(b).Sub(before)
	cancel()
	if err := <-ended; err != nil {
		b.Error(err)
	}
	return used
}

// transactions counts what has been committed in the database by connections
// that are closed.
func transactions(b *testing.B, db *testkit.DB) int {
	b.Helper()
	return testkit.Value[int](b, db, `SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database WHERE datname = current_database()`)
}

// redisTime reads how much processor time a Redis says that it used.
func redisTime(b *testing.B, url string) func() time.Duration {
	b.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	server := redis.NewClient(options)
	b.Cleanup(func() { _ = server.Close() }) // with the benchmark all ends
	return func() (used time.Duration) {
		info, err := server.Info(b.Context(), "cpu").Result()
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(info) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name != "used_cpu_sys" && name != "used_cpu_user" {
				continue
			}
			seconds, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			used += time.Duration(seconds * float64(time.Second))
		}
		return used
	}
}
