//go:build failpoints

package failpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptrace"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Hit marks a point.
func Hit(name string) {
	if err := reach(name); err != nil {
		panic(fmt.Sprintf("failpoint: %s cannot fail: use kill, or a time to pause", name))
	}
}

// HitIf marks a point that is only reached if something happened.
func HitIf(happened bool, name string) {
	if happened {
		Hit(name)
	}
}

// AtEnd puts a point at the end of work that succeeded. For the work of a
// transaction that is just before the commit.
func AtEnd[T any](name string, work func(T) error) func(T) error {
	return func(t T) error {
		if err := work(t); err != nil {
			return err
		}
		return reach(name)
	}
}

// OnAnswer puts a point at the moment when the first byte of the answer to a
// request with ctx has arrived.
func OnAnswer(ctx context.Context, name string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { Hit(name) }})
}

// errInjected is the error of the action "error".
var errInjected = errors.New("failpoint: injected error")

// setting is the content of FAILPOINT.
type setting struct {
	point  string
	hit    int64
	action func() error
	log    *os.File
	hits   atomic.Int64
}

// current is the setting of this process; nil: none.
var current = sync.OnceValue(func() *setting {
	text := os.Getenv("FAILPOINT")
	if text == "" {
		return nil
	}
	s, err := parse(text)
	if err == nil {
		s.log, err = os.OpenFile(os.Getenv("FAILPOINT_LOG"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	if err != nil {
		panic(fmt.Sprintf("failpoint: %v", err))
	}
	return s
})

// parse reads "POINT HIT ACTION".
func parse(text string) (*setting, error) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return nil, fmt.Errorf("FAILPOINT is %q, want a point, a number and kill, error or a time", text)
	}
	if !slices.ContainsFunc(Points, func(p Point) bool { return p.Name == words[0] }) {
		return nil, fmt.Errorf("FAILPOINT names %q, which is not a failpoint", words[0])
	}
	hit, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || hit < 1 {
		return nil, fmt.Errorf("FAILPOINT has hit %q, want a number from 1 on", words[1])
	}
	action, err := actionOf(words[2])
	return &setting{point: words[0], hit: hit, action: action}, err
}

func actionOf(word string) (func() error, error) {
	switch word {
	case "kill":
		return die, nil
	case "error":
		return func() error { return errInjected }, nil
	}
	pause, err := time.ParseDuration(word)
	if err != nil {
		return nil, fmt.Errorf("FAILPOINT says %q, want kill, error or a time such as 2s", word)
	}
	return func() error { time.Sleep(pause); return nil }, nil
}

// die waits for the signal.
func die() error {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // cannot fail for the own process
	select {}
}

// reach logs the hit, and runs the action if this is the hit in the setting.
func reach(name string) error {
	s := current()
	if s == nil || s.point != name {
		return nil
	}
	n := s.hits.Add(1)
	if n > s.hit {
		return nil
	}
	if _, err := fmt.Fprintf(s.log, "%d %s %d\n", os.Getpid(), name, n); err != nil {
		panic(fmt.Sprintf("failpoint: log a hit: %v", err))
	}
	if n < s.hit {
		return nil
	}
	return s.action()
}
