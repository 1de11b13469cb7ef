package jobs

import (
	"testing"
	"time"

	"dialer/campaign"
)

func TestFewAnswersThatDifferDoNotTellTheShortestWay(t *testing.T) {
	t.Parallel()
	even := func(int) time.Duration { return 80 * time.Millisecond }
	uneven := func(i int) time.Duration { return time.Duration(90+5*(i%4)) * time.Millisecond }
	for _, test := range []struct {
		name  string
		seen  int
		took  func(int) time.Duration
		whole bool // the next answer, as quick as the quickest, counts as late as can be
	}{
		{"none", 0, even, true},
		{"three that are alike", few - 1, even, true},
		{"four that are alike", few, even, false},
		{"fifteen that differ", fewUneven - 1, uneven, true},
		{"a hundred that differ", 100, uneven, false},
	} {
		l := lateness{now: noSpell, before: noSpell}
		for i := range test.seen {
			l.observe(time.Time{}, test.took(i))
		}
		if got := l.excess(test.took(0)); (got >= campaign.WayMost) != test.whole {
			t.Errorf("%s: counted as %v late, of %v at most", test.name, got, campaign.WayMost)
		}
	}
}
