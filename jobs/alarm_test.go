package jobs

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/voice"

	"github.com/redis/go-redis/v9"
)

// memoryAlarms keeps the kinds of the alarms that were raised.
type memoryAlarms []string

func (m *memoryAlarms) Raise(_ context.Context, a campaign.Alarm) error {
	*m = append(*m, a.Kind)
	return nil
}

func TestWorkAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var store memoryAlarms
		var failure error
		once := alarming(&store, "settle", func(context.Context) (int, error) {
			if failure == nil {
				return 1, nil
			}
			panic(failure)
		})
		round := func(want int) {
			t.Helper()
			if _, err := once(t.Context()); (err != nil) != (failure != nil) || len(store) != want {
				t.Errorf("%v and alarms %v, want %d of them", err, store, want)
			}
		}
		failure = errors.New("401")
		round(0)
		time.Sleep(failingLong - time.Second)
		round(0)
		failure = nil
		round(0)
		failure = errors.New("401")
		round(0)
		time.Sleep(failingLong - time.Second)
		round(0)
		time.Sleep(time.Second)
		round(1)
		round(1)
		time.Sleep(failingLong)
		round(2)
	})
}

func TestRedisAlarm(t *testing.T) {
	t.Parallel()
	db, url := testkit.New(t), privateRedis(t)
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(options)
	defer rdb.Close()
	if err := rdb.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	client, err := voice.NewClient(voice.Config{ApplicationID: "app", Key: signingKey()})
	if err != nil {
		t.Fatal(err)
	}
	pacers := testPacers(db, 1, 1)
	s, err := New(Config{CallsPerSecond: 1, PublicURL: "https://d.test", RedisURL: url, DatabaseID: "here"}, db, client, pacers, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); !errors.Is(err, errEvicts) {
		t.Errorf("run: %v, want a refusal", err)
	}
	if got := testkit.Rows[string](t, db, `SELECT kind FROM alarms`); !slices.Equal(got, []string{campaign.AlarmRedis}) {
		t.Errorf("alarms %v", got)
	}
}
