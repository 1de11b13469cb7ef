package jobs

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/pace"
	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
	"dialer/voice"
	"dialer/voice/voicesim"
)

// BenchmarkRedisMemory compares how much memory Redis uses while a service dials a
// campaign of a million people and one of ten thousand, at the same pace. The queue is
// full and calls are placed meanwhile.
func BenchmarkRedisMemory(b *testing.B) { benchRedisMemory(b, 10_000, 1_000_000, 30, 10*time.Second) }

func TestBenchmarksRun(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchRedisMemory(b, 200, 400, 2, 0) })
	benchtest.Once(t, func(b *testing.B) { benchPlacing(b, 20, 8, campaign.Limits{}) })
	benchtest.Once(t, func(b *testing.B) { benchPlacing(b, 20, 8, generous()) })
}

func benchRedisMemory(b *testing.B, fewer, more int, perSecond float64, longer time.Duration) {
	var few, many float64
	for b.Loop() {
		few = max(few, redisMemory(b, fewer, perSecond, longer))
		many = max(many, redisMemory(b, more, perSecond, longer))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(few, "MB-at-10k")
	b.ReportMetric(many, "MB-at-1M")
	b.ReportMetric(many/few, "ratio")
}

// redisMemory dials at perSecond until the queue holds a minute of calls, continues for
// longer, and returns the most memory that Redis used, in megabytes.
func redisMemory(b *testing.B, people int, perSecond float64, longer time.Duration) float64 {
	b.Helper()
	db, redis := testkit.New(b), privateRedis(b)
	campaignOf(b, db, people)
	sim, err := voicesim.New(voicesim.Config{PublicKey: &signingKey().PublicKey, ApplicationID: "app", Speed: 50})
	if err != nil {
		b.Fatal(err)
	}
	provider := httptest.NewServer(sim)
	defer provider.Close()
	log := slog.New(slog.DiscardHandler)
	pacers := testPacers(db, perSecond, 100)
	client, err := voice.NewClient(voice.Config{
		BaseURL: provider.URL + "/v1", ApplicationID: "app", Key: signingKey(), Throttle: Throttle(pacers.Requests, pace.Last),
	})
	if err != nil {
		b.Fatal(err)
	}
	databaseID, err := db.DatabaseID(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	service, err := New(Config{
		CallsPerSecond: perSecond, PublicURL: "http://127.0.0.1:1", RedisURL: redis, DatabaseID: databaseID,
	}, db, client, pacers, log)
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	}()
	q, err := openQueue(redis, databaseID, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer q.close()
	awaitFull(b, q, int(50*perSecond))
	time.Sleep(longer)
	return mostOf(b, q)
}

// awaitFull waits, for two minutes at most, until the queue holds this many tasks.
func awaitFull(b *testing.B, q *queue, tasks int) {
	b.Helper()
	for end := time.Now().Add(2 * time.Minute); ; {
		n, err := q.waiting(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if n >= tasks {
			return
		}
		if time.Now().After(end) {
			b.Fatalf("%d tasks wait in the queue, want %d", n, tasks)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// mostOf is the most memory that the queue's Redis has used since it started.
func mostOf(b *testing.B, q *queue) float64 {
	b.Helper()
	info, err := q.redis.Info(b.Context(), "memory").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if peak, found := strings.CutPrefix(strings.TrimSpace(line), "used_memory_peak:"); found {
			n, err := strconv.ParseFloat(peak, 64)
			if err != nil {
				b.Fatal(err)
			}
			return n / (1 << 20)
		}
	}
	b.Fatalf("Redis does not say how much memory it used:\n%s", info)
	return 0
}

// campaignOf makes a campaign whose people are all due, past the import.
func campaignOf(b *testing.B, db *testkit.DB, people int) {
	b.Helper()
	c, err := db.OpenCampaign(b.Context(), "outage", campaign.Settings{
		From: []string{ourNumber}, Message: campaign.Message{Say: "The water is off."},
		Hours: campaign.Daily(0, 1440), Zone: "Etc/UTC",
		Retry: campaign.Policy{Attempts: 1}, RingingTimer: 30, LengthTimer: 60,
	})
	if err != nil {
		b.Fatal(err)
	}
	db.Exec(b, `INSERT INTO zone_groups (campaign_id, zones) VALUES ($1, '{Etc/UTC}')`, c.ID)
	db.Exec(b, `
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at)
		SELECT $1, g.id, 'bench', i, '4470' || lpad(i::text, 8, '0'), '4470' || lpad(i::text, 8, '0'), '{}', now()
		FROM generate_series(1, $2) AS i, zone_groups g`, c.ID, people)
	db.Exec(b, `ANALYZE contacts`)
	if err := db.FinishImport(b.Context(), c.ID); err != nil {
		b.Fatal(err)
	}
}
