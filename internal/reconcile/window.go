package reconcile

import (
	"iter"
	"slices"
	"time"

	"dialer/campaign"
)

// span is a part of the list, by the start of its calls.
type span struct{ from, to time.Time }

// slices cuts a window into parts that are each read at once: the first has the given
// length, and parts get longer if there are few calls. read is how many records have been
// read so far. Each part overlaps the one before.
func (r *Reader) slices(from, to time.Time, length time.Duration, read func() int) iter.Seq[span] {
	return func(yield func(span) bool) {
		for at := from; at.Before(to); {
			before, end := read(), at.Add(length)
			if end.After(to) {
				end = to
			}
			begin := at.Add(-sliceOverlap)
			if begin.Before(from) {
				begin = from
			}
			if !yield(span{begin, end}) {
				return
			}
			length = nextSlice(length, read()-before, r.CallsPerSecond)
			at = end
		}
	}
}

// sliceFor is how much of the list is read at once when nothing is known about it: the
// time that holds sliceRecords at the account's rate.
func sliceFor(perSecond float64) time.Duration {
	length := time.Duration(sliceRecords / perSecond * float64(time.Second))
	return min(maxSlice, max(length, time.Second)).Truncate(time.Second)
}

// nextSlice is the length of the part after one with this many records.
func nextSlice(length time.Duration, records int, perSecond float64) time.Duration {
	if records < sliceRecords/2 {
		return min(maxSlice, 2*length)
	}
	return sliceFor(perSecond)
}

// window is a part of the list that one scan reads for several attempts.
type window struct {
	span
	attempts []campaign.UnknownAttempt
}

// maxWindow is the longest window that attempts share.
const maxWindow = time.Hour

// windowsOf joins attempts with overlapping windows into one window, up to an hour. It
// ends now at the latest, so that its part of the list is complete. Attempts whose
// records Vonage may have dropped get windows of their own. Their scans lack known calls,
// and would prove nothing about the others.
func windowsOf(attempts []campaign.UnknownAttempt, t campaign.Times, now time.Time) []window {
	attempts = slices.Clone(attempts)
	slices.SortStableFunc(attempts, func(a, b campaign.UnknownAttempt) int { return a.DialedAt.Compare(b.DialedAt) })
	now = now.Truncate(time.Second)
	var all []window
	for _, a := range attempts {
		from, to := t.Window(a.Attempt)
		from, to = from.Truncate(time.Second), campaign.UpToSecond(to)
		last, dropped := len(all)-1, func(at time.Time) bool { return at.Before(now.Add(-t.Provable())) }
		//guard:value internal/reconcile.TestWindowsOf: what Vonage may have dropped spoils no other attempt's window
		if last < 0 || from.After(all[last].to) || to.Sub(all[last].from) > maxWindow || dropped(all[last].from) && !dropped(from) {
			all = append(all, window{span: span{from, from}})
			last++
		}
		all[last].attempts = append(all[last].attempts, a)
		if to.After(all[last].to) {
			all[last].to = to
		}
	}
	for i := range all {
		if all[i].to.After(now) {
			all[i].to = now
		}
	}
	return all
}

// with is the span widened to include another. It ends now at the latest.
func (s span) with(from, to, now time.Time) span {
	if from.Before(s.from) {
		s.from = from.Truncate(time.Second)
	}
	if to = campaign.UpToSecond(to); to.After(s.to) {
		s.to = to
	}
	if now = now.Truncate(time.Second); s.to.After(now) {
		s.to = now
	}
	return s
}
