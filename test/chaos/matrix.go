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
)

// matrix is a storm in which nothing is left to chance but the hit: every
// process dies at the failpoint that it is told.
type matrix struct {
	*storm
	lead string // the key in Redis of the dialer that reads Vonage's lists
}

// armMatrix makes the storm a matrix.
func armMatrix(ctx context.Context, s *storm) error {
	folder := filepath.Join(s.dir, "hits")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	installation, err := s.db.Installation(ctx)
	if err != nil {
		return err
	}
	m := &matrix{storm: s, lead: "dialer:{dial-" + installation + "}:leader"}
	s.plan = newPlan(s.Matrix, s.Only, folder, s.Seed)
	s.enlist, s.supervise, s.harm = m.enlist, m.superviseArmed, m.await
	return nil
}

// armPatience is how long a process may live that does not come to the point
// at which it is to die. It is killed where it is then, which leaves work for
// the sweeper, and the lead for others.
const armPatience = 10 * time.Second

// superviseArmed gives the dialer one life after the other, each with an end.
// Which of them reads Vonage's lists is up to them, so all are told to die
// of that in the end, and the first one before anything else.
func (m *matrix) superviseArmed(ctx context.Context, i int, d *dialer, r *rand.Rand) {
	of := []crew{anyDialer, listReader}
	if i == 0 {
		of = []crew{listReader, anyDialer}
	}
	for {
		a, armed := m.plan.take(of...)
		l, err := m.liveArmed(d, a, armed)
		l.killed = m.plan.ended(a, l) || l.killed
		if errors.Is(err, errStopping) {
			return
		}
		m.fleet.note(d, l, err)
		m.freeTheLead(ctx)
		time.Sleep(between(r, restartLeast, restartMost))
	}
}

func (m *matrix) liveArmed(d *dialer, a arming, armed bool) (life, error) {
	if armed {
		defer time.AfterFunc(armPatience, func() { d.kill(0) }).Stop()
	}
	return d.live(a.env()...)
}

// freeTheLead lets another dialer read Vonage's lists at once, where it
// would have to wait for the end of a dead one's term.
func (m *matrix) freeTheLead(ctx context.Context) {
	if err := tellRedis(ctx, m.redis.server.URL, "DEL "+m.lead); err != nil && ctx.Err() == nil {
		m.plan.fault(err.Error())
	}
}

// await returns when the plan is carried out, or when nothing came of it for
// too long. What is missing then is said in the end.
func (m *matrix) await(ctx context.Context, _ context.CancelCauseFunc) error {
	defer m.plan.end()
	for {
		killed, asked, idle := m.plan.state()
		if killed >= asked || idle > m.Deadline {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// enlist begins a campaign with the program enqueue, which dies once at each
// point that is left and is started again, and in the end comes through.
func (m *matrix) enlist(ctx context.Context, name string, n int) (int64, error) {
	csv := filepath.Join(m.dir, name+".csv")
	if err := writePeople(csv, n); err != nil {
		return 0, err
	}
	for range m.plan.countOf(importer) {
		a, armed := m.plan.take(importer)
		if !armed {
			break
		}
		l, err := m.enqueue(ctx, name, csv, a)
		if !m.plan.ended(a, l) {
			m.plan.fault(fmt.Sprintf("enqueue, told to die at %s, ended otherwise: %v", a.point, errors.Join(err, l.err())))
		}
	}
	l, err := m.enqueue(ctx, name, csv, arming{})
	if err := errors.Join(err, l.err()); err != nil {
		m.plan.fault(fmt.Sprintf("enqueue: %v", err))
		return 0, err
	}
	c, err := m.db.CampaignByName(ctx, name)
	return c.ID, err
}

// enqueue runs the program once.
func (m *matrix) enqueue(ctx context.Context, name, csv string, a arming) (life, error) {
	log, err := os.OpenFile(filepath.Join(m.dir, "enqueue.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return life{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, filepath.Join(m.dir, "enqueue"), append(enqueueFlags(name), csv)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "TZ=UTC", "DATABASE_URL=" + m.databaseURL()}, a.env()...)
	cmd.Stdout, cmd.Stderr = log, log
	m.fleet.guard.join(cmd)
	if err := cmd.Start(); err != nil {
		return life{}, fmt.Errorf("start enqueue: %w", err)
	}
	_ = cmd.Wait() // the state says more
	return life{state: cmd.ProcessState}, nil
}

// err is nil when the process ended well.
func (l life) err() error {
	if l.state == nil || l.state.Success() {
		return nil
	}
	return errors.New(l.state.String())
}

// importRecords is about how many records a CSV has, whatever number of people
// is in it: enqueue takes them in three batches.
const importRecords = 5000

func writePeople(path string, n int) error {
	return os.WriteFile(path, []byte(people(n, importRecords/n)), 0o600)
}
