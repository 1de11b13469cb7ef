package jobs

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"dialer/campaign"
)

// marking is a database whose mark is moved with these results, one after the
// other.
type marking struct {
	RecoveryStore
	results []error
	moved   int
}

func (m *marking) Mark(context.Context, campaign.Witness) (i campaign.Installation, err error) {
	if m.moved < len(m.results) {
		err = m.results[m.moved]
	}
	m.moved++
	switch {
	case err == nil:
		return campaign.Installation{ID: "this"}, nil
	case errors.Is(err, campaign.ErrDialLocked):
		return campaign.Installation{ID: "this", Hold: campaign.Hold{Reason: campaign.HeldRestored}}, nil
	}
	return campaign.Installation{}, err
}

func newRecovery(t *testing.T, m *marking) (*recovery, *cable) {
	t.Helper()
	way := newCable(t, privateRedis(t))
	q := openTestQueue(t, way.URL)
	q.rename("this")
	return &recovery{store: m, queue: q, log: slog.New(slog.DiscardHandler)}, way
}

// The mark in Redis may be all that tells that the database is an older one.
// Were the database's own mark moved before, nothing would tell it any more.
func TestTheMarkIsNotMovedBeforeRedisToldIts(t *testing.T) {
	t.Parallel()
	m := &marking{}
	r, way := newRecovery(t, m)
	way.setCut(true)
	if _, err := r.runOnce(t.Context()); err == nil || m.moved != 0 {
		t.Errorf("moved %d times, %v; want an error and no move", m.moved, err)
	}
	way.setCut(false)
	if _, err := r.runOnce(t.Context()); err != nil || m.moved != 1 {
		t.Errorf("moved %d times, %v; want one", m.moved, err)
	}
	way.setCut(true) // the marks were compared: dialing goes on without Redis' word
	if _, err := r.runOnce(t.Context()); err != nil || m.moved != 2 {
		t.Errorf("moved %d times, %v; want two", m.moved, err)
	}
}

func TestARoundThatFailedRenamesNoQueue(t *testing.T) {
	t.Parallel()
	m := &marking{results: []error{campaign.ErrDialLocked, errors.New("no database")}}
	r, _ := newRecovery(t, m)
	before := r.queue.name
	r.await(t.Context())
	if r.queue.name != before || m.moved != 3 {
		t.Errorf("the queue %s became %s in %d rounds", before, r.queue.name, m.moved)
	}
}
