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
	"github.com/shopspring/decimal"
)

// providerOf starts a simulated provider over HTTP and an unpaced client for it. The
// provider ends with the benchmark, or sooner.
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

// generous returns limits of every kind that never delay a call, and rules that allow
// every call. They cost only the check.
func generous() campaign.Limits {
	return campaign.Limits{
		PerSecond: 10_000, AtOnce: 100_000, Connected: 100_000, Budget: decimal.NewNullDecimal(decimal.New(1, 9)),
		PerNumber: []campaign.NumberCap{{Calls: 3, Within: 30 * 24 * time.Hour}, {Calls: 1, Within: 24 * time.Hour}},
	}
}

// people makes a campaign of n contacts that are due from start.
func people(b *testing.B, db *testkit.DB, name string, first, n int, limits campaign.Limits) (start func()) {
	b.Helper()
	c, err := db.OpenCampaign(b.Context(), name, campaign.Settings{
		From: []string{ourNumber}, Message: campaign.Message{Say: "The water is off."}, Limits: limits,
		Hours: campaign.Daily(0, 1440), Zone: "Etc/UTC", Retry: campaign.DefaultPolicy(), RingingTimer: 60, LengthTimer: 60,
	})
	if err != nil {
		b.Fatal(err)
	}
	list := make([]campaign.Row, n)
	for i := range list {
		list[i] = campaign.Row{Line: i + 2, To: personal(first + i), Country: "GB", Zones: []string{"Etc/UTC"}}
	}
	if _, err := db.AddContacts(b.Context(), c.ID, "file", campaign.RowBatch{Rows: list}); err != nil {
		b.Fatal(err)
	}
	return func() {
		if err := db.FinishImport(b.Context(), c.ID); err != nil {
			b.Fatal(err)
		}
	}
}

func personal(i int) string { return fmt.Sprintf("4477009%05d", i) }

// callTo is the request that the dialer sends for contact i of people.
func callTo(i int, events string, id uuid.UUID) voice.CallRequest {
	return voice.CallRequest{
		To: []voice.Endpoint{voice.Phone{Number: personal(i)}}, From: ourNumber,
		NCCO: voice.NCCO{voice.Talk{Text: "The water is off."}}, EventURL: events + "/webhooks/event?attempt=" + id.String(),
		EventMethod: http.MethodPost, RingingTimer: 60, LengthTimer: 60,
	}
}

// BenchmarkPlacing places calls without a rate limit. It takes turns with two other
// programs: a loop that only POSTs, and a minimal asynq worker. Each makes as many calls
// at once, to a provider of its own. Events go to a receiver that drops them; the events
// of the other programs have ended before the dialer begins.
//
// Each of the three first makes a quarter as many calls, which are not measured: the
// first statement of a kind on a connection costs ten times the next one. Then it gets
// its work: contacts that become due, tasks in the queue, or numbers. So the claim and
// the queue count for both the dialer and the worker. Time runs from the first call to
// the last; processor time runs from before them until everything is stored.
//
// It also reports the processor time per call of this process (including the simulator),
// of Postgres and of Redis.
func BenchmarkPlacing(b *testing.B) {
	for _, p := range []struct {
		name   string
		atOnce int
		limits campaign.Limits
	}{
		{"at-once=32", 32, campaign.Limits{}},
		{"at-once=64", 64, campaign.Limits{}}, // about as many as a dialer has for 30 calls a second
		// A limit of every kind: a campaign with limits passes its gates one after the
		// other, and each gate counts the calls that are up.
		{"at-once=64/limits", 64, generous()},
	} {
		b.Run(p.name, func(b *testing.B) { benchPlacing(b, 1000, p.atOnce, p.limits) })
	}
}

func benchPlacing(b *testing.B, calls, atOnce int, limits campaign.Limits) {
	events := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(events.Close)
	var placing, posting, plain spent
	var commits int
	run := round{calls: calls, first: calls / 4, atOnce: atOnce, events: events.URL, limits: limits}
	for b.Loop() {
		posting.add(run.measure(b, run.bare))
		plain.add(run.measure(b, run.plain))
		placing.add(run.measure(b, func(b *testing.B, p provided) program {
			db := testkit.New(b)
			commits -= transactions(b, db)
			dialer := run.dialer(b, p, db)
			end := dialer.end
			dialer.end = func() {
				end()
				commits += transactions(b, db)
			}
			return dialer
		}))
	}
	n := float64(calls * b.N)
	b.ReportMetric(n/placing.took.Seconds(), "calls/s")
	b.ReportMetric(posting.took.Seconds()/placing.took.Seconds(), "of-bare-posts")
	b.ReportMetric(plain.took.Seconds()/placing.took.Seconds(), "of-plain-worker")
	b.ReportMetric(float64(commits)/float64((run.first+calls)*b.N), "commits/attempt")
	b.ReportMetric(posting.cpu.Total().Seconds()/placing.cpu.Total().Seconds(), "of-bare-posts-cpu")
	b.ReportMetric(plain.cpu.Total().Seconds()/placing.cpu.Total().Seconds(), "of-plain-worker-cpu")
	posting.cpu.Report(b, "bare", n)
	plain.cpu.Report(b, "plain", n)
	placing.cpu.Report(b, "dialer", n)
}

// round is one measurement of a calling program.
type round struct {
	calls, first int // first are made before those that are measured
	atOnce       int
	events       string // where the provider sends its events
	limits       campaign.Limits
}

// provided is a provider that one round has to itself.
type provided struct {
	client *voice.Client
	url    string
}

// program makes calls.
type program struct {
	meter *benchtest.Meter
	call  func(first, n int) // begins to call n people
	kept  func(n int) bool   // whether the records of n calls are stored
	end   func()
}

// spent is the time and the processor time that calls took.
type spent struct {
	took time.Duration
	cpu  benchtest.CPU
}

func (s *spent) add(t spent) { s.took, s.cpu = s.took+t.took, s.cpu.Add(t.cpu) }

func (r round) measure(b *testing.B, start func(*testing.B, provided) program) spent {
	b.Helper()
	sim, client, url, end := providerOf(b, voicesim.Config{})
	p := start(b, provided{client, url})
	calls := func(n int) {
		require.Eventually(b, fmt.Sprint(n, " calls are made"), func() bool { return sim.Summary().Placed >= n })
		require.Eventually(b, fmt.Sprint(n, " calls are kept"), func() bool { return p.kept(n) })
	}
	p.call(0, r.first)
	calls(r.first)
	before := p.meter.Read(b)
	p.call(r.first, r.calls)
	calls(r.first + r.calls)
	used := p.meter.Read(b).Sub(before)
	p.end()
	end()
	ledger := sim.Ledger()
	if len(ledger) != r.first+r.calls {
		b.Fatalf("%d calls, want %d", len(ledger), r.first+r.calls)
	}
	return spent{ledger[r.first+r.calls-1].PlacedAt.Sub(ledger[r.first].PlacedAt), used}
}

// bare is a loop that only signs and POSTs.
func (r round) bare(b *testing.B, p provided) program {
	var wg sync.WaitGroup
	return program{
		meter: benchtest.NewMeter(0, nil),
		call: func(first, n int) {
			var next atomic.Int64
			for range r.atOnce {
				wg.Go(func() {
					for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
						if _, _, err := r.sign(b, p.client, first+i); err != nil {
							b.Error(err)
						}
					}
				})
			}
		},
		kept: func(int) bool { return true },
		end:  wg.Wait,
	}
}

// sign signs a separate token for a call, and makes the call.
func (r round) sign(b *testing.B, client *voice.Client, i int) (id uuid.UUID, made voice.Created, err error) {
	id = uuid.New()
	token, err := client.SignToken(voice.Token{ID: id.String(), IssuedAt: time.Now().Add(-IssuedBefore), ExpiresAt: time.Now().Add(30 * time.Second)})
	if err != nil {
		return id, made, err
	}
	made, err = client.CreateCall(b.Context(), nil, token, callTo(i, r.events, id))
	return id, made, err
}

// plain is the least that an asynq worker must do to keep a record: for each task it
// signs, POSTs and inserts one row. As many goroutines fill its queue as fill the
// dialer's.
func (r round) plain(b *testing.B, p provided) program {
	db := testkit.New(b)
	db.Exec(b, `CREATE TABLE made (id uuid PRIMARY KEY, call_uuid text NOT NULL)`)
	redisURL := privateRedis(b)
	q, err := openQueue(redisURL, "plain", r.atOnce)
	if err != nil {
		b.Fatal(err)
	}
	// One queue, because a plain worker has no priorities to keep.
	part := q.part(campaign.FirstCall)
	server := asynq.NewServerFromRedisClient(q.redis, asynq.Config{
		Concurrency: r.atOnce, Queues: map[string]int{part: 1}, TaskCheckInterval: 20 * time.Millisecond, LogLevel: asynq.FatalLevel,
	})
	var done atomic.Int64
	err = server.Start(asynq.HandlerFunc(func(_ context.Context, task *asynq.Task) error {
		i, err := strconv.Atoi(string(task.Payload()))
		if err != nil {
			return err
		}
		id, made, err := r.sign(b, p.client, i)
		if err == nil {
			err = db.TryExec(b, `INSERT INTO made (id, call_uuid) VALUES ($1, $2)`, id, made.UUID)
		}
		if err != nil {
			b.Error(err)
		}
		done.Add(1)
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	var enqueuing sync.WaitGroup
	return program{
		meter: benchtest.NewMeter(testkit.Value[int](b, db, `SELECT pg_backend_pid()`), redisTime(b, redisURL)),
		call: func(first, n int) {
			var next atomic.Int64
			for range enqueuers {
				enqueuing.Go(func() {
					for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
						task := asynq.NewTask("plain", []byte(strconv.Itoa(first+i)))
						if _, err := q.client.EnqueueContext(b.Context(), task, asynq.Queue(part)); err != nil {
							b.Error(err)
						}
					}
				})
			}
		},
		kept: func(n int) bool { return int(done.Load()) == n },
		end: func() {
			enqueuing.Wait()
			server.Shutdown()
			if n := testkit.Value[int](b, db, `SELECT count(*) FROM made`); n != r.first+r.calls {
				b.Errorf("%d rows for %d calls", n, r.first+r.calls)
			}
			if err := q.close(); err != nil {
				b.Error(err)
			}
		},
	}
}

// dialer is the service, on connections of its own.
func (r round) dialer(b *testing.B, p provided, db *testkit.DB) program {
	own, err := storage.OpenPool(b.Context(), db.URL, 20)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	const noLimit = 20_000
	pacers := testPacers(own, noLimit, noLimit)
	client, err := voice.NewClient(voice.Config{BaseURL: p.url, ApplicationID: "app", Key: signingKey(), Throttle: Throttle(pacers.Requests, pace.Last)})
	if err != nil {
		b.Fatal(err)
	}
	databaseID, err := own.DatabaseID(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	redisURL := privateRedis(b)
	service, err := New(Config{
		CallsPerSecond: noLimit, PublicURL: r.events, RedisURL: redisURL, DatabaseID: databaseID,
		Horizon: time.Second, Workers: r.atOnce,
	}, own, client, pacers, log)
	if err != nil {
		b.Fatal(err)
	}
	if r.limits.Shared() {
		_, _, err := own.UseAccountLimits(b.Context(), campaign.AccountLimits{
			DailyBudget: &r.limits.Budget, Rates: map[string]decimal.Decimal{"GB": decimal.New(1, -2)},
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	warm, measured := people(b, db, "first", 0, r.first, r.limits), people(b, db, "bench", r.first, r.calls, r.limits)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	return program{
		meter: benchtest.NewMeter(testkit.Value[int](b, db, `SELECT pg_backend_pid()`), redisTime(b, redisURL)),
		call: func(first, _ int) {
			if first == 0 {
				warm()
			} else {
				measured()
			}
		},
		kept: func(int) bool {
			return !testkit.Value[bool](b, db, `SELECT EXISTS (SELECT FROM attempts WHERE state IN ('reserved', 'dialing', 'unknown'))`)
		},
		end: func() {
			cancel()
			if err := <-ended; err != nil {
				b.Error(err)
			}
			own.Close()
		},
	}
}

// transactions counts the transactions that closed connections committed in the database.
func transactions(b *testing.B, db *testkit.DB) int {
	b.Helper()
	return testkit.Value[int](b, db, `SELECT pg_stat_get_db_xact_commit(oid) FROM pg_database WHERE datname = current_database()`)
}

// redisTime reads the processor time that a Redis reports.
func redisTime(b *testing.B, url string) func() time.Duration {
	b.Helper()
	options, err := redis.ParseURL(url)
	if err != nil {
		b.Fatal(err)
	}
	server := redis.NewClient(options)
	b.Cleanup(func() { _ = server.Close() }) // everything ends with the benchmark
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
