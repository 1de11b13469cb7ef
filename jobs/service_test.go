package jobs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLoopAfterErrorsAndPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 9500*time.Millisecond)
		defer cancel()
		rounds := 0
		loop(ctx, slog.New(slog.NewTextHandler(&out, nil)), "test", time.Second, func(context.Context) (int, error) {
			rounds++
			switch {
			case rounds == 2:
				panic("a bad row")
			case rounds > 5:
				return 0, errors.New("database is down")
			}
			return rounds, nil
		})
		if rounds != 10 {
			t.Errorf("%d rounds in 9.5 seconds, want 10", rounds)
		}
		if n := strings.Count(out.String(), "a bad row"); n != 1 {
			t.Errorf("the panic was logged %d times, want once:\n%s", n, out.String())
		}
		if n := strings.Count(out.String(), "database is down"); n != 1 {
			t.Errorf("an error that does not change was logged %d times, want once:\n%s", n, out.String())
		}
	})
}

func TestErrorLogRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := &errorLog{log: slog.New(slog.NewTextHandler(&out, nil))}
		say := func(text string, want int) {
			t.Helper()
			l.logError(t.Context(), "round failed", errors.New(text))
			if n := strings.Count(out.String(), "round failed"); n != want {
				t.Errorf("%d lines, want %d", n, want)
			}
		}
		say("one", 1)
		say("one", 1)
		say("two", 2)
		time.Sleep(sameErrorAgain)
		say("two", 3)
		l.reset()
		say("two", 4)
	})
}

func TestLoopLongRoundRests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		rounds := 0
		loop(ctx, slog.New(slog.DiscardHandler), "test", time.Second, func(context.Context) (int, error) {
			rounds++
			time.Sleep(10 * time.Second)
			return 0, nil
		})
		if rounds != 5 {
			t.Errorf("%d rounds of ten seconds in 95, want 5", rounds)
		}
	})
}

func TestConfigNamesEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := New(Config{PublicURL: "dialer.example.com", TokenLife: -1, Workers: -1, RedisURL: "redis://localhost"}, nil, nil, Pacers{}, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"calls per second", "public URL", "token life", "workers"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %q: %v", want, err)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	t.Parallel()
	got := Config{CallsPerSecond: 30, PublicURL: "https://d.test", RedisURL: "redis://localhost"}.withDefaults()
	want := Config{
		CallsPerSecond: 30, PublicURL: "https://d.test", RedisURL: "redis://localhost",
		TokenLife: 30 * time.Second, Workers: 60, Horizon: time.Minute,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := got.validate(); err != nil {
		t.Errorf("the defaults are refused: %v", err)
	}
}

func TestServiceWithoutRedis(t *testing.T) {
	t.Parallel()
	c := newCable(t, privateRedis(t))
	c.setCut(true)
	s, err := New(Config{CallsPerSecond: 1, PublicURL: "https://d.test", RedisURL: c.URL}, nil, nil, Pacers{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err = s.Run(ctx)
	if !errors.Is(err, errUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want %v and why", err, errUnreachable)
	}
	if u, _ := url.Parse(c.URL); !strings.Contains(err.Error(), u.Host) {
		t.Errorf("error = %v, want where: %s", err, u.Host)
	}
}
