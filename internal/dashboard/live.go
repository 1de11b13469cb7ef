package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
)

const (
	// snapshotEvery is how often the live data is read, once for all viewers.
	snapshotEvery   = time.Second
	snapshotTimeout = 5 * time.Second
	// maxViewers bounds the connections that stay open.
	maxViewers = 100
)

// live reads one snapshot a second while there are viewers, and gives it to all of them.
type live struct {
	store Store
	log   *slog.Logger

	mu      sync.Mutex
	viewers map[chan look]int64 // by what they show: a campaign's id, or a constant as in stream
	last    app.Snapshot
}

// look is the data that is read once for all viewers.
type look struct {
	app.Snapshot
	costs map[int64][]app.CountryCost // of the campaigns that somebody watches
	more  []app.Report                // of the watched campaigns that are not in the snapshot
}

func newLive(store Store, log *slog.Logger) *live {
	return &live{store: store, log: log, viewers: map[chan look]int64{}}
}

// run reads snapshots until ctx ends.
func (l *live) run(ctx context.Context) {
	tick := time.NewTicker(snapshotEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if l.watched() == 0 {
			continue
		}
		err := l.runOnce(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			l.log.ErrorContext(ctx, "live pages wait for the database", "error", err)
		}
		failing = err != nil
	}
}

func (l *live) runOnce(ctx context.Context) error {
	seen := look{costs: map[int64][]app.CountryCost{}}
	l.mu.Lock()
	for _, shows := range l.viewers {
		seen.costs[shows] = nil
	}
	l.mu.Unlock()
	var err error
	if seen.Snapshot, err = l.read(ctx); err != nil {
		return err
	}
	for id := range seen.costs {
		if id <= 0 {
			continue
		}
		if err := l.readWatched(ctx, &seen, id); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for viewer, shows := range l.viewers {
		if _, read := seen.costs[shows]; !read {
			continue // another reader has read it since
		}
		select {
		case viewer <- seen:
		default: // the viewer has not shown the last one yet
		}
	}
	return nil
}

// readWatched reads the data that only the campaign's own page shows.
func (l *live) readWatched(ctx context.Context, seen *look, id int64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	if !slices.ContainsFunc(seen.Campaigns, func(r app.Report) bool { return r.CampaignID == id }) {
		more, err := l.store.Report(ctx, id)
		if err != nil {
			return err
		}
		seen.more = append(seen.more, more...)
	}
	seen.costs[id], err = l.store.CostByCountry(ctx, id)
	return err
}

// read reads a snapshot, and keeps it for pages that are opened within the next second.
func (l *live) read(ctx context.Context) (app.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	s, err := l.store.Snapshot(ctx)
	if err == nil {
		l.mu.Lock()
		if s.At.After(l.last.At) { // two may read at the same time
			l.last = s
		}
		l.mu.Unlock()
	}
	return s, err
}

// recent is a snapshot of the last second, or a new one.
func (l *live) recent(ctx context.Context) (app.Snapshot, error) {
	l.mu.Lock()
	s := l.last
	l.mu.Unlock()
	if age := time.Since(s.At); age >= 0 && age < snapshotEvery {
		return s, nil
	}
	return l.read(ctx)
}

func (l *live) watched() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.viewers)
}

var errTooManyViewers = errors.New("too many pages are open: close some, or read this one again by hand")

func (l *live) watch(shows int64) (snapshots chan look, leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	//guard:false internal/dashboard.TestFewViewers: pages that stay open take few connections
	if len(l.viewers) >= maxViewers {
		return nil, nil, errTooManyViewers
	}
	snapshots = make(chan look, 1)
	l.viewers[snapshots] = shows
	return snapshots, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.viewers, snapshots)
	}, nil
}

// fragment replaces a part of the page.
type fragment struct {
	HTML     string `json:"html"`
	Title    string `json:"title"`
	Controls string `json:"controls,omitempty"` // of a campaign, for viewers who may use them
}

// stream sends the live part of a page whenever it changes.
func (d *dashboard) stream(v *visit) error {
	id := int64(0)
	if v.URL.Query().Get("calls") != "" {
		id = liveCalls
	}
	if text := v.URL.Query().Get("campaign"); text != "" {
		var err error
		if id, err = strconv.ParseInt(text, 10, 64); err != nil {
			return campaign.ErrNotFound
		}
	}
	snapshots, leave, err := d.live.watch(id)
	if err != nil {
		return err
	}
	defer leave()
	control := http.NewResponseController(v.w)
	v.w.Header().Set("Content-Type", "text/event-stream")
	v.w.Header().Set("Cache-Control", "no-store")
	v.w.Header().Set("X-Accel-Buffering", "no")
	before := ""
	for {
		select {
		case <-v.Context().Done():
			return nil
		case s := <-snapshots:
			if err := control.SetWriteDeadline(time.Now().Add(pageTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return nil
			}
			if id > 0 {
				s.Campaigns = append(slices.Clone(s.Campaigns), s.more...)
			}
			s.Snapshot = seenBy(v, s.Snapshot)
			f, err := d.fragment(v, s, id)
			if err != nil {
				return nil // the browser asks again
			}
			text, err := json.Marshal(f)
			if err != nil {
				return nil
			}
			line := fmt.Sprintf("data: %s\n\n", text)
			if line == before {
				line = ": no change\n\n"
			} else {
				before = line
			}
			if _, err := v.w.Write([]byte(line)); err != nil {
				return nil
			}
			if err := control.Flush(); err != nil {
				return nil
			}
		}
	}
}

// liveCalls stands for the page of calls in place of a campaign's id.
const liveCalls = -1

// fragment renders the live part of the first page, of the calls, or of a campaign.
func (d *dashboard) fragment(v *visit, s look, campaignID int64) (f fragment, err error) {
	var out bytes.Buffer
	if campaignID == liveCalls {
		err = d.templates.ExecuteTemplate(&out, "calls-live", callsNow(s.Snapshot))
		return fragment{HTML: string(harmless(out.Bytes())), Title: fmt.Sprintf("%s calls", count(s.Open))}, err
	}
	if campaignID == 0 {
		view := d.overviewOf(s.Snapshot)
		err = d.templates.ExecuteTemplate(&out, "overview-live", view)
		return fragment{HTML: string(harmless(out.Bytes())), Title: view.TabTitle()}, err
	}
	view := campaignView{MayChange: v.by.May(app.Operator), Costs: costsOf(s.costs[campaignID])}
	if view.standing, err = d.standingOf(v, s.Snapshot, campaignID); err != nil {
		return f, err
	}
	f.Title = view.TabTitle()
	if err = d.templates.ExecuteTemplate(&out, "campaign-live", view); err != nil {
		return f, err
	}
	f.HTML = string(harmless(out.Bytes()))
	if view.MayChange {
		out.Reset()
		err = d.templates.ExecuteTemplate(&out, "campaign-controls", view)
		f.Controls = string(harmless(out.Bytes()))
	}
	return f, err
}
