package histories

import "time"

// event is one thing that will happen, with its arguments.
type event struct {
	do     func(*history, event)
	when   time.Time
	at     attemptRef // the attempt, or only its contact
	n      int        // the index of a call or an answer
	status string     // of a webhook
	since  time.Time  // when the POST was sent, or the status was reached
	until  time.Time  // when the POST's token expires
	waited bool       // whether the client waits for the answer
}

// eventQueue is a heap of future events by time, and by order of arrival at the
// same time. The heap holds small entries; the events stay where they are.
type eventQueue struct {
	heap   []entry
	seq    int
	events []event
	free   []int // unused indexes of events
}

type entry struct {
	at    int64 // nanoseconds since 1970
	seq   int
	index int // in events
}

func (e entry) before(o entry) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (q *eventQueue) len() int { return len(q.heap) }

// clear empties the queue and keeps its memory.
func (q *eventQueue) clear() {
	q.heap, q.events, q.free, q.seq = q.heap[:0], q.events[:0], q.free[:0], 0
}

func (q *eventQueue) add(e event) {
	q.seq++
	q.heap = append(q.heap, entry{e.when.UnixNano(), q.seq, q.put(e)})
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.heap[i].before(q.heap[parent]) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

func (q *eventQueue) put(e event) (index int) {
	if last := len(q.free) - 1; last >= 0 {
		index, q.free = q.free[last], q.free[:last]
		q.events[index] = e
		return index
	}
	q.events = append(q.events, e)
	return len(q.events) - 1
}

// next takes the earliest event.
func (q *eventQueue) next() event {
	first, last := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[last]
	q.heap = q.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if q.heap[child].before(q.heap[least]) {
				least = child
			}
		}
		if least == i {
			q.free = append(q.free, first.index)
			return q.events[first.index]
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
