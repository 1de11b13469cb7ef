package embedded

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// guard is the shell that a private server runs under. Its standard input is
// a pipe whose other end only our process holds, so it reads the end of the
// file when we close it or die, by whatever signal. It then ends the server,
// asking for ten seconds before it insists, and removes the folder. The
// signal is repeated because a program that has only just started may still
// ignore it: a shell starts its background jobs that way.
//
// The mark is written by echo: if the folder is gone, a shell may give up on a
// special command such as ":" and would then leave the server running.
//
// A server that ends by itself ends the guard, and leaves its folder to be
// looked into.
//
// The server's own id is left in the folder, for Crash.
//
// $1 is the folder, $2 the signal, the rest the server's command.
const guard = `
dir=$1 signal=$2
shift 2
exec 3<&0 </dev/null >>"$dir/log" 2>&1
"$@" 3<&- &
server=$!
echo $server >"$dir/pid"
(
	read -r _ <&3
	echo yes >"$dir/ending"
	tries=0
	while kill -s "$signal" $server; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || signal=KILL
		sleep 0.1
	done
) &
watcher=$!
wait $server
status=$?
kill $watcher
[ ! -e "$dir/ending" ] || rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }
exit $status
`

// patience is how long Close waits for a guard, which itself insists after
// ten seconds.
const patience = 20 * time.Second

// process is a program that runs under a guard.
type process struct {
	home  home
	pid   int
	leash io.Closer     // the pipe's other end
	done  chan struct{} // closed when the guard has ended
	err   error         // how it ended; read after done
}

// start runs argv under a guard. The signal is what ends it in good order.
func (h home) start(signal string, path string, argv ...string) (*process, error) {
	cmd := exec.Command("/bin/sh", append([]string{"-c", guard, "guard", h.dir, signal}, argv...)...)
	cmd.Dir = "/" // ours may be closed to the other user
	// A locale that is not installed stops initdb, and none at all stops
	// Postgres on macOS.
	cmd.Env = []string{"PATH=" + path + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + h.dir}
	// A group of its own: Ctrl-C in the terminal is for us, and the servers
	// must outlast our own orderly stop.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: h.as}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	p := &process{home: h, pid: cmd.Process.Pid, leash: leash, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// errEnded: the program ended by itself while it was waited for.
var errEnded = errors.New("it ended by itself")

// await returns when ready says so, errEnded when the program ends before.
func (p *process) await(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("%w: %s", errEnded, p.home.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("wait until it is ready: %w: %s", context.Cause(ctx), p.home.lastWords())
		case <-tick.C:
		}
	}
	return nil
}

// finish waits for a program that ends by itself.
func (p *process) finish(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("wait until it has ended: %w", context.Cause(ctx))
	}
	if p.err != nil {
		return fmt.Errorf("%w: %s", p.err, p.home.lastWords())
	}
	return nil
}

// end lets go of the guard and returns when the program and its folder are
// gone. It may be called again.
func (p *process) end() error {
	_ = p.leash.Close() // closed before, or by Wait: either way it is closed
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = syscall.Kill(-p.pid, syscall.SIGKILL)
		<-p.done
	}
	return p.home.remove()
}

// lastWords are the last lines of the log, for an error's text.
func (h home) lastWords() string {
	log, err := os.ReadFile(filepath.Join(h.dir, "log"))
	if err != nil {
		return "it left no log"
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-8):], []byte("; ")))
}

// once makes an end that is run by its first caller only.
func once(end func() error) func() error { return sync.OnceValue(end) }
