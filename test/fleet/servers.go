package fleet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"dialer/internal/embedded"
)

// Servers starts a private Postgres, with these variables, and a private Redis.
func Servers(ctx context.Context, env ...string) (postgres, redis *embedded.Server, err error) {
	if postgres, err = embedded.Postgres(ctx, embedded.Options{Private: true, Env: env}); err != nil {
		return nil, nil, err
	}
	if redis, err = embedded.Redis(ctx, embedded.Options{Private: true}); err != nil {
		return nil, nil, errors.Join(err, postgres.Close())
	}
	return postgres, redis, nil
}

// RedisCommand sends Redis a command that fits on one line.
func RedisCommand(ctx context.Context, address, command string) error {
	u, err := url.Parse(address)
	if err == nil {
		err = redisCommand(ctx, u.Host, command)
	}
	if err != nil {
		return fmt.Errorf("send Redis %s: %w", command, err)
	}
	return nil
}

func redisCommand(ctx context.Context, host, command string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", host)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		return err
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && strings.HasPrefix(reply, "-") {
		return errors.New(strings.TrimSpace(reply))
	}
	return err
}

// Sleep waits, or returns why the context ended.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
