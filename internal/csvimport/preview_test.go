package csvimport

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestPreview(t *testing.T) {
	t.Parallel()
	const file = "Name;Phone;Zone\n" +
		"Ann;07700 900001;\n" +
		"Bob;+44 7700 900001;\n" + // Ann's number
		";07700 900002;\n" + // no name to greet
		"Cid;07700 90000x;\n" +
		"Dee;07700 90000y;\n" +
		"\n" +
		"Eve;07700 900003;Europe/Paris\n"
	s := settings()
	s.Message.Say = "Hello {{Name}}."
	got, err := Preview(t.Context(), strings.NewReader(file), s, options())
	require.NoError(t, err)
	if len(got.First) != 3 || got.First[0].Line != 4 || got.First[0].Column != "Name" || got.First[2].Line != 6 {
		t.Errorf("first rejected rows %+v, want lines 4, 5 and 6", got.First)
	}
	if common := got.Commonest(); len(common) != 2 || got.Reasons[common[0]] != 2 || got.Reasons[common[1]] != 1 {
		t.Errorf("reasons %v in the order %q, want two, the one of two rows first", got.Reasons, common)
	}
	got.First, got.Reasons = nil, nil
	want := Forecast{
		Form: Form{Encoding: "utf-8", Delimiter: ";"}, Columns: Columns{To: "Phone", Zone: "Zone", Vars: []string{"Name", "Phone", "Zone"}},
		Rows: 6, Accepted: 2, Duplicates: 1, Rejected: 3,
		Sample: campaign.Rendered{Script: &campaign.Script{Say: "Hello Ann.", Tries: 3, Wait: 5}}, SampleLine: 2, SampleVars: map[string]string{"Name": "Ann", "Phone": "07700 900001", "Zone": ""},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(Outlook{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestPreviewManyReasons(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	file.WriteString("name,phone\n")
	for i := range 300 {
		fmt.Fprintf(&file, "Ann,07700900001%s,x\n", strings.Repeat(",", i)) // each rejected for a reason of its own
	}
	got, err := Preview(t.Context(), strings.NewReader(file.String()), settings(), options())
	require.NoError(t, err)
	sum := 0
	for _, n := range got.Reasons {
		sum += n
	}
	if got.Rejected != 300 || sum != 300 || len(got.First) != maxFirst || len(got.Reasons) > maxReasons+1 {
		t.Errorf("rejected %d, %d by reason, %d kept, %d reasons", got.Rejected, sum, len(got.First), len(got.Reasons))
	}
}

func TestPreviewDuplicatesAtLeast(t *testing.T) {
	t.Parallel()
	message, err := settings().Message.Compile()
	require.NoError(t, err)
	p := preview{message: message, seed: maphash.MakeSeed(), keys: map[uint64]struct{}{}, maxKeys: 2, forecast: Forecast{Reasons: map[string]int{}}}
	rows := func(numbers ...string) *chunk {
		c := &chunk{}
		for i, to := range numbers {
			c.rows.Rows = append(c.rows.Rows, campaign.Row{Line: i + 2, To: to, Vars: map[string]string{"name": "Ann"}})
		}
		return c
	}
	for _, step := range []struct {
		chunk      *chunk
		duplicates int
		atLeast    bool
	}{
		{rows("447700900001", "447700900001"), 1, false},
		{rows("447700900002", "447700900002"), 2, true},
		{rows("447700900003", "447700900003"), 2, true}, // no longer noticed
	} {
		require.NoError(t, p.add(step.chunk))
		if p.forecast.Duplicates != step.duplicates || p.forecast.DuplicatesAtLeast != step.atLeast {
			t.Errorf("%d duplicates, at least: %v; want %d, %v", p.forecast.Duplicates, p.forecast.DuplicatesAtLeast, step.duplicates, step.atLeast)
		}
	}
}

func TestPreviewErrors(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]io.Reader{
		"empty":        strings.NewReader(""),
		"no number":    strings.NewReader("name,town\nAnn,Leeds\n"),
		"no such name": strings.NewReader("phone\n07700900001\n"),
		"unreadable":   failing{},
	} {
		if _, err := Preview(t.Context(), file, settings(), options()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	broken := io.MultiReader(strings.NewReader(people(300_000/20)), failing{})
	if _, err := Preview(t.Context(), broken, settings(), options()); !errors.Is(err, errDisk) {
		t.Errorf("a file that breaks off: %v, want the disk's error", err)
	}
}
