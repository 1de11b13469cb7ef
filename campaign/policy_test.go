package campaign

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseRetry(t *testing.T) {
	t.Parallel()
	tests := []struct {
		in   string
		want map[Disposition]time.Duration
		err  string // part of the error
	}{
		{in: "busy=10m,unanswered=1h", want: map[Disposition]time.Duration{Busy: 10 * time.Minute, Unanswered: time.Hour}},
		{in: " machine = 90s ", want: map[Disposition]time.Duration{Machine: 90 * time.Second}},
		{in: "busy=never", want: map[Disposition]time.Duration{}},
		{in: "none", want: map[Disposition]time.Duration{}},
		{in: "", err: "want none, or word=wait"},
		{in: "busy", err: `"busy"`},
		{in: "busy=10m,engaged=1h", err: `"engaged=1h": want none, or word=wait with a word of machine, busy, unanswered`},
		{in: "answered=1h", err: "answered=1h"},
		{in: "human=1h", err: "human=1h"},
		{in: "busy=soon", err: "want a wait such as"},
		{in: "busy=0s", err: "between 1s and 720h"},
		{in: "busy=-1h", err: "want a wait such as"},
		{in: "busy=1000h", err: "between 1s and 720h"},
		{in: "busy=1m,busy=2m", err: "named twice"},
	}
	for _, test := range tests {
		p, err := Policy{Again: map[Disposition]time.Duration{}}.ParseRetry(test.in)
		got := p.Again
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%q: error %v, want %q in it", test.in, err, test.err)
			}
			continue
		}
		if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
			t.Errorf("%q: %v\n%s", test.in, err, diff)
		}
	}
}

func TestPolicyString(t *testing.T) {
	t.Parallel()
	tests := map[string]Policy{
		"up to 3 calls, again after busy=10m,unanswered=1h,timeout=1h,failed=1h": DefaultPolicy(),
		"1 call, again after none": {Attempts: 1},
	}
	for want, p := range tests {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func anyAgain(t *rapid.T) map[Disposition]time.Duration {
	again := map[Disposition]time.Duration{}
	for _, d := range Dispositions {
		if mayRetry(d) && rapid.Bool().Draw(t, string(d)) {
			again[d] = time.Duration(rapid.Int64Range(int64(minAgain), int64(maxAgain)).Draw(t, "wait"))
		}
	}
	return again
}

func TestPolicyRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{Attempts: rapid.IntRange(1, maxAttempts).Draw(t, "attempts"), Again: anyAgain(t)}
		for d := range p.Again {
			if later := rapid.SliceOfN(rapid.Int64Range(1, 30*24*3600), 0, 3).Draw(t, "later"); len(later) > 0 {
				if p.Later == nil {
					p.Later = map[Disposition][]time.Duration{}
				}
				for _, seconds := range later {
					p.Later[d] = append(p.Later[d], time.Duration(seconds)*time.Second)
				}
			}
		}
		_, text, _ := strings.Cut(p.String(), "again after ")
		if read, err := DefaultPolicy().ParseRetry(text); err != nil || !maps.Equal(read.Again, p.Again) || cmp.Diff(read.Later, p.Later) != "" {
			t.Fatalf("%q: %v, %v", text, read, err)
		}
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Policy
		if err := json.Unmarshal(data, &back); err != nil || cmp.Diff(p, back) != "" {
			t.Fatalf("%s: %v, %v", data, back, err)
		}
		if err := p.validate(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestPolicyJSON(t *testing.T) {
	t.Parallel()
	data, err := json.Marshal(Policy{Attempts: 2, Again: map[Disposition]time.Duration{Busy: 10 * time.Minute}})
	if want := `{"attempts":2,"again":{"busy":"10m0s"}}`; err != nil || string(data) != want {
		t.Errorf("got %s, %v, want %s", data, err, want)
	}
	var p Policy
	for _, bad := range []string{`{"again":{"busy":"soon"}}`, `{"again":{"busy":5}}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &p); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
