package embedded

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Redis returns the server in REDIS_URL. Otherwise it starts a private
// redis-server or valkey-server, from PATH or the usual folders, or a small one
// in this process if that is allowed. ctx bounds the start only.
func Redis(ctx context.Context, o Options) (*Server, error) {
	return thisMachine(o).redis(ctx, o.AllowInProcess)
}

func (m machine) redis(ctx context.Context, inProcess bool) (*Server, error) {
	if u := m.getenv("REDIS_URL"); u != "" {
		m.log("Redis: the one that REDIS_URL names")
		return &Server{URL: u, Origin: "REDIS_URL"}, nil
	}
	bin, err := m.findRedis()
	switch {
	case err == nil:
		return m.privateRedis(ctx, bin, freePort)
	case inProcess:
		m.log("Redis: a small one inside this process")
		return inProcessRedis()
	}
	return nil, fmt.Errorf("no Redis on this machine; set REDIS_URL, or type: %s", m.installer.redis)
}

// privateRedis starts bin on a loopback port. If another process takes the port
// meanwhile, it tries another one.
func (m machine) privateRedis(ctx context.Context, bin string, port func() (int, error)) (*Server, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	h, err := m.newFolder("redis")
	if err != nil {
		return nil, err
	}
	var s *Server
	for range 5 {
		s, err = m.redisOn(ctx, h, bin, port)
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a private Redis from %s: %w", bin, err), h.remove())
	}
	m.log("Redis: a private one, from " + bin)
	return s, nil
}

var errPortTaken = errors.New("the port was taken meanwhile")

func (m machine) redisOn(ctx context.Context, h folder, bin string, port func() (int, error)) (*Server, error) {
	n, err := port()
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(h.dir, "redis.sock")
	serve := func(ctx context.Context) (*process, error) {
		p, err := h.start("TERM", m.getenv("PATH"), bin,
			"--bind", "127.0.0.1", "--port", strconv.Itoa(n), "--unixsocket", socket, "--dir", h.dir,
			"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", "--loglevel", "warning")
		if err != nil {
			return nil, err
		}
		err = p.waitReady(ctx, func() bool { return redisReady(ctx, socket) })
		switch {
		case errors.Is(err, errEnded) && strings.Contains(err.Error(), "Address already in use"):
			return nil, errPortTaken
		case err != nil:
			return nil, errors.Join(err, p.end())
		}
		return p, nil
	}
	own, err := startPrivate(ctx, serve, kill)
	if err != nil {
		return nil, err
	}
	return own.server(fmt.Sprintf("redis://127.0.0.1:%d/0", n), bin), nil
}

// redisReady pings through the socket in the server's own folder: on the port,
// another Redis might answer.
func redisReady(ctx context.Context, socket string) bool {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return false
	}
	if _, err := conn.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	reply := make([]byte, len("+PONG"))
	n, err := conn.Read(reply)
	return err == nil && string(reply[:n]) == "+PONG"
}

func inProcessRedis() (*Server, error) {
	m := miniredis.NewMiniRedis()
	// By default no key ever expires, so asynq's leases and locks would never end.
	m.ClockTTL(true)
	if err := m.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("start a Redis in this process: %w", err)
	}
	return &Server{
		URL:    "redis://" + m.Addr() + "/0",
		Origin: "in-process",
		end:    once(func() error { m.Close(); return nil }),
	}, nil
}
