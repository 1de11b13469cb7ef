package voicesim

import (
	"container/heap"
	"sync"
	"time"
)

// schedule runs functions at their time, one after another, in one goroutine. So
// a waiting call costs an entry in a heap and no goroutine.
type schedule struct {
	wake chan struct{}

	mu    sync.Mutex
	tasks taskHeap
	seq   uint64
}

type task struct {
	due time.Time
	seq uint64 // order of tasks that are due at the same time
	run func()
}

func newSchedule() *schedule { return &schedule{wake: make(chan struct{}, 1)} }

// after runs f after d, by the computer's clock and not by Config.Now.
func (s *schedule) after(d time.Duration, f func()) {
	s.mu.Lock()
	s.seq++
	heap.Push(&s.tasks, task{time.Now().Add(d), s.seq, f})
	first := s.tasks[0].seq == s.seq
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

// loop runs due tasks until done is closed.
func (s *schedule) loop(done <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return
		default:
		}
		run, wait := s.next()
		if run != nil {
			run()
			continue
		}
		timer.Reset(wait)
		select {
		case <-done:
			return
		case <-s.wake:
		case <-timer.C:
		}
	}
}

// next takes the first task if it is due, and otherwise returns how long to wait.
func (s *schedule) next() (func(), time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tasks) == 0 {
		return nil, time.Hour
	}
	if wait := time.Until(s.tasks[0].due); wait > 0 {
		return nil, wait
	}
	return heap.Pop(&s.tasks).(task).run, 0
}

type taskHeap []task

func (h taskHeap) Len() int { return len(h) }
func (h taskHeap) Less(i, j int) bool {
	if h[i].due.Equal(h[j].due) {
		return h[i].seq < h[j].seq
	}
	return h[i].due.Before(h[j].due)
}
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(x any)   { *h = append(*h, x.(task)) }
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = task{}
	*h = (*h)[:last]
	return t
}
