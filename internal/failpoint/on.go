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

// Hit says that the program is at the point.
func Hit(name string) {
	if err := reach(name); err != nil {
		panic(fmt.Sprintf("failpoint: nothing can fail at %s: use kill, or a time to pause", name))
	}
}

// HitIf says that the program is at the point, if something has happened that
// makes it one.
func HitIf(happened bool, name string) {
	if happened {
		Hit(name)
	}
}

// AtEnd puts the point at the end of work that went well: for a transaction's
// work, just before the commit.
func AtEnd[T any](name string, work func(T) error) func(T) error {
	return func(t T) error {
		if err := work(t); err != nil {
			return err
		}
		return reach(name)
	}
}

// OnAnswer puts the point where the first byte of an answer has come to a
// request that is sent with ctx.
func OnAnswer(ctx context.Context, name string) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() { Hit(name) }})
}

// errInjected is what a step fails with that was told to.
var errInjected = errors.New("failpoint: told to fail")

// arming is what the process was told to do.
type arming struct {
	point string
	hit   int64
	act   func() error
	log   *os.File
	hits  atomic.Int64
}

// armed is nil where the process was told nothing.
var armed = sync.OnceValue(func() *arming {
	text := os.Getenv("FAILPOINT")
	if text == "" {
		return nil
	}
	a, err := parse(text)
	if err == nil {
		a.log, err = os.OpenFile(os.Getenv("FAILPOINT_LOG"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	}
	if err != nil {
		panic(fmt.Sprintf("failpoint: %v", err))
	}
	return a
})

// parse reads "POINT HIT ACT".
func parse(text string) (*arming, error) {
	words := strings.Fields(text)
	if len(words) != 3 {
		return nil, fmt.Errorf("FAILPOINT is %q, want a point, a number and kill, error or a time", text)
	}
	if !slices.ContainsFunc(Points, func(p Point) bool { return p.Name == words[0] }) {
		return nil, fmt.Errorf("FAILPOINT names %q, which is no point", words[0])
	}
	hit, err := strconv.ParseInt(words[1], 10, 64)
	if err != nil || hit < 1 {
		return nil, fmt.Errorf("FAILPOINT has hit %q, want a number from 1 on", words[1])
	}
	act, err := actOf(words[2])
	return &arming{point: words[0], hit: hit, act: act}, err
}

func actOf(word string) (func() error, error) {
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

// die goes no step further while the signal is on its way.
func die() error {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // it cannot fail for oneself
	select {}
}

// reach acts if this is the hit of the point that the process was told of.
func reach(name string) error {
	a := armed()
	if a == nil || a.point != name {
		return nil
	}
	n := a.hits.Add(1)
	if n > a.hit {
		return nil
	}
	if _, err := fmt.Fprintf(a.log, "%d %s %d\n", os.Getpid(), name, n); err != nil {
		panic(fmt.Sprintf("failpoint: write down a hit: %v", err))
	}
	if n < a.hit {
		return nil
	}
	return a.act()
}
