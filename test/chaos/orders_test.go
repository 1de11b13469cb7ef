package main

import (
	"testing"
	"time"

	"dialer/internal/verify"

	"github.com/google/go-cmp/cmp"
)

func TestOrders(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0).UTC() }
	o := newOrders()
	o.begun("c", settings(), []string{"1"})
	o.added("c", "2")
	o.closed("c", at(10))
	o.reopened("c", at(20))
	o.closed("c", at(30))
	o.stopping("c")
	o.suppress("1", at(1), at(5))
	o.suppress("1", at(2), time.Time{})
	if got := o.forever(); len(got) != 1 || got[0] != "1" {
		t.Errorf("forever %v", got)
	}
	o.unsuppress("1", at(7))
	o.suppress("1", at(9), time.Time{})
	got := o.judged()
	want := map[string][]verify.Span{"1": {{From: at(1), To: at(5)}, {From: at(2), To: at(7)}, {From: at(9)}}}
	if diff := cmp.Diff(want, got.Suppressed); diff != "" {
		t.Errorf("suppressed (-want +got):\n%s", diff)
	}
	rule := got.Rules["c"]
	if diff := cmp.Diff([]verify.Span{{From: at(10), To: at(20)}, {From: at(30)}}, rule.Closed); diff != "" {
		t.Errorf("closed (-want +got):\n%s", diff)
	}
	if len(rule.Rows) != 2 || !rule.Ends["stopped"] || rule.Ends["refused"] || rule.Retry.Attempts != 3 {
		t.Errorf("%+v", rule)
	}
	o.added("c", "")
	o.added("c", "3")
	if rows := o.judged().Rules["c"].Rows; rows != nil {
		t.Errorf("rows %v after a file of which a part may be there", rows)
	}
}
