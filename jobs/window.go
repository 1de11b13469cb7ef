package jobs

import (
	"context"
	"iter"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/provider"
	"dialer/voice"

	"github.com/google/uuid"
)

const (
	// listMargin is how far Vonage's clock and ours may differ.
	listMargin = time.Minute
	// listTail is how long after an attempt's token expired its call may still
	// be given a start: it may ring for two minutes, and the start be the
	// answer. The rest is for a provider that queues what it has taken, and for
	// clocks that differ.
	listTail   = 4 * time.Minute
	windowMost = time.Hour
	// listOverlap is how many rows each page shares with the one before. One is
	// proof that none between was missed; when rows that leave the list have
	// taken all of them along, the scan goes back.
	listOverlap = 2
)

// window is a run of attempts that one scan of the list can settle.
type window struct {
	attempts []campaign.Attempt
	from, to time.Time // the first gate, the last token's end
}

// windows groups attempts, given oldest first: none spans more than an hour,
// and two that are far apart are not in one.
func windows(attempts []campaign.Attempt) []window {
	slices.SortStableFunc(attempts, func(a, b campaign.Attempt) int { return a.DialedAt.Compare(b.DialedAt) })
	var all []window
	for _, a := range attempts {
		last := len(all) - 1
		if last < 0 || a.DialedAt.Sub(all[last].from) > windowMost || a.DialedAt.Sub(all[last].to) > listMargin+listTail {
			all = append(all, window{from: a.DialedAt, to: a.TokenExpiresAt})
			last++
		}
		w := &all[last]
		w.attempts = append(w.attempts, a)
		if a.TokenExpiresAt.After(w.to) {
			w.to = a.TokenExpiresAt
		}
	}
	return all
}

// end is where the window's scan ends: at the last moment that any of its calls
// may be given as their start, or now, so that the list is closed.
func (w window) end(now time.Time) time.Time {
	if end := w.to.Add(listTail); end.Before(now) {
		return end
	}
	return now
}

func (w window) ids() []uuid.UUID {
	ids := make([]uuid.UUID, len(w.attempts))
	for i, a := range w.attempts {
		ids[i] = a.ID
	}
	return ids
}

func (w window) numbers() map[string]bool {
	to := make(map[string]bool, len(w.attempts))
	for _, a := range w.attempts {
		to[a.To] = true
	}
	return to
}

// lists reads Vonage's list.
type lists struct{ client *voice.Client }

// between yields what the list says of the calls that started between from and
// to, each once, oldest first. An error comes last, and nothing may then be
// concluded from what was not shown.
func (l lists) between(ctx context.Context, from, to time.Time) iter.Seq2[campaign.Evidence, error] {
	return func(yield func(campaign.Evidence, error) bool) {
		filter := voice.ListFilter{DateStart: from.UTC(), DateEnd: to.UTC(), PageSize: voice.MaxPageSize}
		for call, err := range l.client.Calls(ctx, filter, listOverlap) {
			if !yield(provider.FromRecord(call, time.Now()), err) {
				return
			}
		}
	}
}

// one reads the record of one call.
func (l lists) one(ctx context.Context, uuid string) (campaign.Evidence, error) {
	call, err := l.client.GetCall(ctx, uuid)
	return provider.FromRecord(call, time.Now()), err
}
