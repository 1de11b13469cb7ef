package histories

import "time"

// event is one thing that is to happen, and what it has to know then.
type event struct {
	do    func(*world, event)
	when  time.Time
	at    place     // the attempt or, by its p, the person
	n     int       // the number of a call, or of an outcome
	word  string    // of a webhook
	since time.Time // when the POST was sent, or the status came about
	until time.Time // when the POST's token expires
	heard bool      // whether anybody waits for the answer
}

// agenda is what is to happen, by time; of one time, in the order of coming in.
// The heap is of small entries; the events stay where they were put down.
type agenda struct {
	heap   []entry
	seq    int
	events []event
	free   []int // room in events
}

type entry struct {
	at   int64 // nanoseconds since 1970
	seq  int
	room int
}

func (e entry) before(o entry) bool { return e.at < o.at || e.at == o.at && e.seq < o.seq }

func (g *agenda) len() int { return len(g.heap) }

// clear empties the agenda and keeps its room.
func (g *agenda) clear() {
	g.heap, g.events, g.free, g.seq = g.heap[:0], g.events[:0], g.free[:0], 0
}

func (g *agenda) add(e event) {
	g.seq++
	g.heap = append(g.heap, entry{e.when.UnixNano(), g.seq, g.put(e)})
	for i := len(g.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !g.heap[i].before(g.heap[parent]) {
			return
		}
		g.heap[i], g.heap[parent] = g.heap[parent], g.heap[i]
		i = parent
	}
}

func (g *agenda) put(e event) (room int) {
	if last := len(g.free) - 1; last >= 0 {
		room, g.free = g.free[last], g.free[:last]
		g.events[room] = e
		return room
	}
	g.events = append(g.events, e)
	return len(g.events) - 1
}

// next takes the earliest event.
func (g *agenda) next() event {
	first, last := g.heap[0], len(g.heap)-1
	g.heap[0] = g.heap[last]
	g.heap = g.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if g.heap[child].before(g.heap[least]) {
				least = child
			}
		}
		if least == i {
			g.free = append(g.free, first.room)
			return g.events[first.room]
		}
		g.heap[i], g.heap[least] = g.heap[least], g.heap[i]
		i = least
	}
}
