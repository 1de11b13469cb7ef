package jobs

import (
	"cmp"
	"context"
	"sync"
	"time"

	"dialer/campaign"

	"golang.org/x/sync/errgroup"
)

const (
	foldBatch = 500
	// foldsAtOnce is how many batches are folded in at once: Postgres spends
	// more on one than reading the next one takes. What a batch says does not
	// depend on the others, and batches that share a contact wait for its lock.
	foldsAtOnce = 2
)

// folder folds stretches of the list in while the list is read on. When a batch
// fails, reading ends too.
type folder struct {
	r       *reconciler
	folds   *errgroup.Group
	folding context.Context // ends with the first batch that fails

	mu     sync.Mutex
	n      *reconciled
	failed error // the first
}

// folder begins to fold; wait must be called.
func (r *reconciler) folder(ctx context.Context, n *reconciled) *folder {
	f := &folder{r: r, n: n}
	f.folds, f.folding = errgroup.WithContext(ctx)
	f.folds.SetLimit(foldsAtOnce)
	return f
}

// stretch is a part of the list that was read, and of which the last batches
// may still be on their way into the books.
type stretch struct {
	to      time.Time
	read    int // records
	batches *sync.WaitGroup
}

// read reads a stretch of the list: each record is evidence, even when a later
// page fails. It does not wait for the last batches.
func (f *folder) read(from, to time.Time) (s stretch, err error) {
	s = stretch{to: to, batches: new(sync.WaitGroup)}
	f.note(reconciled{Slices: 1}, nil)
	var batch []campaign.Evidence
	for e, failed := range f.r.lists.between(f.folding, from, to) {
		if err = failed; err != nil {
			break
		}
		s.read++
		if batch = append(batch, e); len(batch) == foldBatch {
			f.fold(batch, s.batches)
			batch = nil
		}
	}
	if len(batch) > 0 {
		f.fold(batch, s.batches)
	}
	return s, err
}

func (f *folder) fold(batch []campaign.Evidence, of *sync.WaitGroup) {
	of.Add(1)
	f.folds.Go(func() error {
		defer of.Done()
		got, err := guarded(f.folding, func(ctx context.Context) (campaign.Reconciled, error) { return f.r.fold(ctx, batch) })
		f.note(reconciled{Reconciled: got}, err) // before it counts as done
		return err
	})
}

func (f *folder) note(more reconciled, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n.Add(more.Reconciled)
	f.n.Slices += more.Slices
	f.failed = cmp.Or(f.failed, err)
}

// stored returns nil once all of the stretch, and of those before it, is in the
// books.
func (f *folder) stored(s stretch) error {
	s.batches.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// wait waits for all that was begun, and returns what kept the first batch that
// failed from being stored.
func (f *folder) wait() error { return f.folds.Wait() }
