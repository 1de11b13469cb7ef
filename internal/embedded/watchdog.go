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
	"time"
)

// watchdog is the shell script that runs a private server. Its standard input is
// a pipe. Only our process holds the other end, so the script reads the end of
// the file when we close the pipe, or die by any signal. Then it ends the server
// and removes the folder. After ten seconds it uses SIGKILL. The signal is
// repeated, because a program that has just started may still ignore it: a shell
// starts its background jobs that way.
//
// The file "ending" is written with echo: if the folder is gone, a shell may
// exit at a special command such as ":" and leave the server running.
//
// If the server ends by itself, so does the script, and the folder stays.
//
// The script writes the server's process id into the folder, for Crash.
//
// $1 is the folder, $2 the signal, $3 "kept" if the folder stays at the end, the
// rest the server's command.
const watchdog = `
dir=$1 signal=$2 kept=$3
shift 3
rm -f "$dir/ending"
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
[ ! -e "$dir/ending" ] || [ "$kept" = kept ] || rm -rf "$dir" || { sleep 1; rm -rf "$dir"; }
exit $status
`

// patience is how long Close waits for a watchdog, which uses SIGKILL after ten
// seconds.
const patience = 20 * time.Second

// process is a program with its watchdog.
type process struct {
	folder folder
	pid    int
	pipe   io.Closer     // its end ends the program
	done   chan struct{} // closed when the watchdog has ended
	err    error         // of the watchdog; read after done
}

// start runs argv with a watchdog. The signal ends the program in good order.
func (h folder) start(signal string, path string, argv ...string) (*process, error) {
	kept := "removed"
	if h.kept {
		kept = "kept"
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdog, "watchdog", h.dir, signal, kept}, argv...)...)
	cmd.Dir = "/" // our working directory may be closed to the other user
	// initdb fails with a locale that is not installed, and Postgres on macOS
	// fails without any.
	cmd.Env = append([]string{"PATH=" + path + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=" + h.dir}, h.env...)
	// A process group of its own: Ctrl-C in the terminal must not end the
	// server before we have stopped.
	detach(cmd, h.as)
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the watchdog's pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	p := &process{folder: h, pid: cmd.Process.Pid, pipe: pipe, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// errEnded means that the program ended by itself while we waited for it.
var errEnded = errors.New("it ended by itself")

// waitReady returns when ready returns true, or errEnded if the program ends
// before.
func (p *process) waitReady(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ready() {
		select {
		case <-p.done:
			return fmt.Errorf("%w: %s", errEnded, p.folder.logTail())
		case <-ctx.Done():
			return fmt.Errorf("wait until it is ready: %w: %s", context.Cause(ctx), p.folder.logTail())
		case <-tick.C:
		}
	}
	return nil
}

// wait waits for a program that ends by itself.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.done:
	case <-ctx.Done():
		return fmt.Errorf("wait until it has ended: %w", context.Cause(ctx))
	}
	if p.err != nil {
		return fmt.Errorf("%w: %s", p.err, p.folder.logTail())
	}
	return nil
}

// end ends the program and returns when it and its folder are gone. It may be
// called again.
func (p *process) end() error {
	_ = p.pipe.Close() // it may be closed already
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = send(-p.pid, kill)
		<-p.done
	}
	return p.folder.remove()
}

// logTail is the last lines of the log, for an error message.
func (h folder) logTail() string {
	log, err := os.ReadFile(filepath.Join(h.dir, "log"))
	if err != nil {
		return "it wrote no log"
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-8):], []byte("; ")))
}

// once makes an end that runs only once.
func once(end func() error) func() error { return sync.OnceValue(end) }
