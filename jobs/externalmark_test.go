package jobs

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"dialer/campaign"
)

// marking is a database that returns these results, one for each move of its mark.
type marking struct {
	CheckpointStore
	results []error
	moved   int
}

func (m *marking) Checkpoint(context.Context, campaign.ExternalMark) (i campaign.DatabaseIdentity, err error) {
	if m.moved < len(m.results) {
		err = m.results[m.moved]
	}
	m.moved++
	switch {
	case err == nil:
		return campaign.DatabaseIdentity{ID: "this"}, nil
	case errors.Is(err, campaign.ErrDialLocked):
		return campaign.DatabaseIdentity{ID: "this", Lock: campaign.DialLock{Reason: campaign.LockedRestored}}, nil
	}
	return campaign.DatabaseIdentity{}, err
}

func newCheckpointer(t *testing.T, m *marking) (*checkpointer, *cable) {
	t.Helper()
	way := newCable(t, privateRedis(t))
	q := openTestQueue(t, way.URL)
	q.rename("this")
	return &checkpointer{store: m, queue: q, log: slog.New(slog.DiscardHandler)}, way
}

// The mark in Redis may be the only sign that the database is an older one. If the
// database's own mark moved first, that sign would be lost.
func TestCheckpointWaitsForExternalMark(t *testing.T) {
	t.Parallel()
	m := &marking{}
	r, way := newCheckpointer(t, m)
	way.setCut(true)
	if _, err := r.runOnce(t.Context()); err == nil || m.moved != 0 {
		t.Errorf("moved %d times, %v; want an error and no move", m.moved, err)
	}
	way.setCut(false)
	if _, err := r.runOnce(t.Context()); err != nil || m.moved != 1 {
		t.Errorf("moved %d times, %v; want one", m.moved, err)
	}
	way.setCut(true) // the marks were compared: dialing continues without Redis
	if _, err := r.runOnce(t.Context()); err != nil || m.moved != 2 {
		t.Errorf("moved %d times, %v; want two", m.moved, err)
	}
}

func TestFailedCheckpointRenamesNoQueue(t *testing.T) {
	t.Parallel()
	m := &marking{results: []error{campaign.ErrDialLocked, errors.New("no database")}}
	r, _ := newCheckpointer(t, m)
	before := r.queue.name
	r.await(t.Context())
	if r.queue.name != before || m.moved != 3 {
		t.Errorf("the queue %s became %s in %d rounds", before, r.queue.name, m.moved)
	}
}
