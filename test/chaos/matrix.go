package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"dialer/test/fleet"
)

// matrixRun kills each process at the failpoint that it is given, instead of at
// a random moment.
type matrixRun struct{ *chaosRun }

// makeMatrix makes the run a matrix run.
func makeMatrix(ctx context.Context, r *chaosRun) error {
	folder := filepath.Join(r.dir, "hits")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	m := &matrixRun{r}
	r.plan = newPlan(r.Matrix, r.Only, folder, r.Seed)
	r.startCampaign, r.supervise, r.injectAll = m.startWithEnqueue, m.superviseToKill, m.awaitPlan
	return nil
}

// reachPatience is how long a process may live without reaching its failpoint. Then it is
// killed. That leaves work for the sweeper, and lets another dialer read the list after
// its leases end.
const reachPatience = 10 * time.Second

// superviseToKill starts the dialer again and again, each time with a failpoint
// to die at. Any dialer may come to read Vonage's list, so in the end all get
// the failpoints of that work, and the first dialer gets them first.
func (m *matrixRun) superviseToKill(ctx context.Context, i int, d *fleet.Dialer, r *rand.Rand) {
	roles := []role{anyDialer, listReader}
	if i == 0 {
		roles = []role{listReader, anyDialer}
	}
	for {
		target, given := m.plan.next(roles...)
		exit, err := m.runToKill(d, target, given)
		exit.Killed = m.plan.ended(target, exit) || exit.Killed
		if errors.Is(err, fleet.ErrStopping) {
			return
		}
		m.dialers.note(d, exit, err)
		time.Sleep(between(r, minRestart, maxRestart))
	}
}

func (m *matrixRun) runToKill(d *fleet.Dialer, t target, given bool) (fleet.Exit, error) {
	if given {
		defer time.AfterFunc(reachPatience, func() { d.Kill(0) }).Stop()
	}
	return d.Run(t.env()...)
}

// awaitPlan returns when the plan is complete, or when nothing happened for too
// long. What is missing then is in the result.
func (m *matrixRun) awaitPlan(ctx context.Context, _ context.CancelCauseFunc) error {
	defer m.plan.stop()
	for {
		killed, wanted, idle := m.plan.progress()
		if killed >= wanted || idle > m.Deadline {
			return nil
		}
		if err := fleet.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// startWithEnqueue starts a campaign with the program enqueue. It dies once at each of
// its remaining failpoints and is started again; the last run succeeds.
func (m *matrixRun) startWithEnqueue(ctx context.Context, name string, n int) (int64, error) {
	csv := filepath.Join(m.dir, name+".csv")
	if err := writeCSV(csv, n); err != nil {
		return 0, err
	}
	for range m.plan.pointsOf(importer) {
		t, given := m.plan.next(importer)
		if !given {
			break
		}
		exit, err := m.enqueue(ctx, name, csv, t)
		if !m.plan.ended(t, exit) {
			m.plan.fail(fmt.Sprintf("enqueue should have died at %s, and did not: %v", t.point, errors.Join(err, failure(exit))))
		}
	}
	exit, err := m.enqueue(ctx, name, csv, target{})
	if err := errors.Join(err, failure(exit)); err != nil {
		m.plan.fail(fmt.Sprintf("enqueue: %v", err))
		return 0, err
	}
	c, err := m.db.CampaignByName(ctx, name)
	return c.ID, err
}

// enqueue runs the program once.
func (m *matrixRun) enqueue(ctx context.Context, name, csv string, t target) (fleet.Exit, error) {
	log, err := os.OpenFile(filepath.Join(m.dir, "enqueue.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fleet.Exit{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, m.programs["enqueue"], append(enqueueFlags(name, m.settingsOf(name)), csv)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "DATABASE_URL=" + m.databaseURL()}, t.env()...)
	cmd.Stdout, cmd.Stderr = log, log
	m.group.Join(cmd)
	if err := cmd.Start(); err != nil {
		return fleet.Exit{}, fmt.Errorf("start enqueue: %w", err)
	}
	_ = cmd.Wait() // the state says more
	return fleet.Exit{State: cmd.ProcessState}, nil
}

// failure is nil if the process succeeded.
func failure(exit fleet.Exit) error {
	if exit.State == nil || exit.State.Success() {
		return nil
	}
	return errors.New(exit.State.String())
}

// importRecords is about how many records a CSV has, whatever number of
// contacts is in it: enqueue adds them in three batches.
const importRecords = 5000

func writeCSV(path string, n int) error {
	return os.WriteFile(path, []byte(fleet.CSV(n, importRecords/n)), 0o600)
}
