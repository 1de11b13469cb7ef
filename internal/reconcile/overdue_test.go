package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"dialer/campaign"

	"github.com/google/go-cmp/cmp"
)

func overdue(from time.Time, n int, step time.Duration) (all []campaign.Attempt) {
	for i := range n {
		at := from.Add(time.Duration(i) * step)
		all = append(all, campaign.Attempt{DialedAt: at, TokenExpiresAt: at, Facts: campaign.Facts{CallUUID: fmt.Sprint("call", i)}})
	}
	return all
}

func TestOverdueCallsAreReadTogetherWhereThatIsCheaper(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		n         int
		perSecond float64
		listed    bool
	}{
		{"few", overdueFew - 1, 1, false},
		{"many", 8, 1, true},
		{"many among very many", 8, 300, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, store, vonage := reconciling(t, 200)
			r.at(tt.perSecond)
			store.overdue = overdue(start, tt.n, time.Minute)
			if err := r.LookUpOverdue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if listed := len(vonage.queries) > 0; listed != tt.listed || len(vonage.queries) > tt.n {
				t.Errorf("%d requests for the list, want some: %v", len(vonage.queries), tt.listed)
			}
			for _, a := range store.overdue {
				if !slices.Contains(store.stored, a.CallUUID) {
					t.Errorf("%s was not looked at", a.CallUUID)
				}
			}
		})
	}
}

// The start time of a call that rang for long is not the moment it was dialed.
func TestOverdueCallsThatWereAnsweredLate(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 8)
	r.at(1)
	store.overdue = overdue(start, 8, time.Minute)
	last := &vonage.calls[7]
	store.overdue[7].TokenExpiresAt = last.start.Add(30 * time.Second)
	last.start = last.start.Add(150 * time.Second)
	if err := r.LookUpOverdue(t.Context()); err != nil || len(store.scans) != 1 {
		t.Fatalf("%d scans, error %v, want one scan", len(store.scans), err)
	}
	if !slices.Contains(store.stored, last.uuid) {
		t.Errorf("stored %v, without the call that was answered late", store.stored)
	}
}

// A record or a part of the list that cannot be read is an error, but the later calls
// still have their turn.
func TestOverdueCallsBehindAFailure(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 50)
	r.at(0.1)
	store.overdue = overdue(start, 3, time.Minute)
	store.overdue = append(store.overdue, overdue(start.Add(20*time.Minute), overdueFew, time.Minute)...)
	for i := range store.overdue[3:] {
		store.overdue[3+i].CallUUID = fmt.Sprint("call", 20+i)
	}
	store.overdue = append(store.overdue, campaign.Attempt{
		DialedAt: start.Add(40 * time.Minute), Facts: campaign.Facts{CallUUID: "call40"},
	})
	vonage.refused, vonage.broken = "call0", 0
	if err := r.LookUpOverdue(t.Context()); err == nil {
		t.Error("no error although a record and a part of the list could not be read")
	}
	if diff := cmp.Diff([]string{"call1", "call2", "call40"}, store.stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
}

func TestOverdueCallsStopAfterFailures(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 0)
	r.at(0.1)
	vonage.broken = 0
	for i := range 2 * maxFailures {
		store.overdue = append(store.overdue, overdue(start.Add(time.Duration(i)*time.Hour-100*time.Hour), overdueFew, time.Second)...)
	}
	if err := r.LookUpOverdue(t.Context()); err == nil || len(vonage.queries) != maxFailures {
		t.Errorf("%d requests, error %v, want an error after %d", len(vonage.queries), err, maxFailures)
	}
}

// Vonage drops records. A dropped record must not keep the others from their turn. A
// record that could not be read is an error.
func TestOverdueCallNotFound(t *testing.T) {
	t.Parallel()
	r, store, vonage := reconciling(t, 3)
	store.overdue = overdue(start, 3, time.Minute)
	vonage.calls = vonage.calls[1:]
	if err := r.LookUpOverdue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"call1", "call2"}, store.stored); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	vonage.down = errors.New("no route")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := r.LookUpOverdue(ctx); err == nil {
		t.Error("no error although Vonage could not be reached")
	}
}

func TestOverdueCallsGoBySlice(t *testing.T) {
	t.Parallel()
	var attempts []campaign.Attempt
	for _, u := range dialed(9*time.Minute, 0, 10*time.Minute, 19*time.Minute, time.Hour) {
		attempts = append(attempts, u.Attempt)
	}
	var got []int
	for _, group := range bySlice(attempts) {
		got = append(got, len(group))
	}
	if diff := cmp.Diff([]int{2, 2, 1}, got); diff != "" {
		t.Errorf("slices (-want +got):\n%s", diff)
	}
}
