package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"dialer/internal/embedded"
	"dialer/storage"
)

// ownDatabase is the database of a private Postgres that keeps its data.
const ownDatabase = "dialer"

// servers are a Postgres and a Redis that a command started, or found.
type servers struct {
	databaseURL, redisURL string
	closes                []func() error
}

// startServers finds or starts them. With data they are private ones, and the
// database stays in that folder; otherwise the database is a scratch one.
func startServers(ctx context.Context, data string, log func(string)) (*servers, error) {
	s := &servers{}
	if err := s.start(ctx, data, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *servers) start(ctx context.Context, data string, log func(string)) error {
	if data != "" {
		var err error
		if data, err = filepath.Abs(data); err != nil {
			return err
		}
	}
	options := embedded.Options{Log: log, AllowDownload: true, AllowInProcess: true, Private: data != "", Data: data}
	postgres, err := embedded.Postgres(ctx, options)
	if err != nil {
		return err
	}
	s.closes = append(s.closes, postgres.Close)
	redis, err := embedded.Redis(ctx, options)
	if err != nil {
		return err
	}
	s.closes = append(s.closes, redis.Close)
	s.redisURL = redis.URL
	if data != "" {
		s.databaseURL = embedded.KeptURL(data, ownDatabase)
		_, err := storage.MakeDatabase(ctx, s.databaseURL)
		return err
	}
	scratch, drop, err := storage.Scratch(ctx, postgres.URL, "dialer_demo_")
	if err != nil {
		return fmt.Errorf("on the Postgres from %s: %w", postgres.Origin, err)
	}
	s.databaseURL = scratch
	s.closes = append(s.closes, func() error { return drop(context.WithoutCancel(ctx)) })
	return nil
}

// close ends the started servers in reverse order.
func (s *servers) close() error {
	var errs []error
	for i := len(s.closes) - 1; i >= 0; i-- {
		errs = append(errs, s.closes[i]())
	}
	return errors.Join(errs...)
}
