package csvimport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// contact has the columns of a contact that an import decides.
type contact struct {
	Line  int
	To    string
	Zones []string
	Name  string
	State string
}

func contacts(t testing.TB, db *testkit.DB) []contact {
	t.Helper()
	return testkit.Rows[contact](t, db, `
		SELECT line_no, to_number, zones, vars->>'name', state
		FROM contacts JOIN zone_groups g ON g.id = zone_group_id ORDER BY contacts.id`)
}

func status(t testing.TB, db *testkit.DB, name string) string {
	t.Helper()
	return testkit.Value[string](t, db, `SELECT status FROM campaigns WHERE name = $1`, name)
}

// balance checks I10: every row that came in is counted once.
func balance(t testing.TB, s Summary, rows int) {
	t.Helper()
	if sum := s.Added + s.Already + s.Updated + s.NoEffect(); s.Rows != rows || sum != rows {
		t.Errorf("%d rows in the file, %d read, %d accounted for: %+v", rows, s.Rows, sum, s)
	}
}

func TestImportAccountsForEveryRow(t *testing.T) {
	t.Parallel()
	const file = "name,phone\n" +
		"Ann,07700 900001\n" +
		"Bob,0770\n" +
		"\n" +
		"\"Cid\n(the elder)\",+44 7700 900002\n" +
		"Dee,+447700900001\n" +
		",07700900003\n" +
		"Eve,07700900004\n"
	db := testkit.New(t)
	var rejects strings.Builder
	var reported []int
	o := options()
	o.Rejects = &rejects
	o.OnRejected = func(r campaign.RowError) { reported = append(reported, r.Line) }
	got, err := Import(t.Context(), strings.NewReader(file), "water", settings(), o, db)
	require.NoError(t, err)
	balance(t, got, 6)
	if got.Added != 3 || got.Duplicates != 1 || got.Rejected != 2 {
		t.Errorf("added %d, duplicates %d, rejected %d; want 3, 1, 2", got.Added, got.Duplicates, got.Rejected)
	}
	mobile := []string{"Europe/London"}
	want := []contact{
		{2, "447700900001", mobile, "Ann", "pending"},
		{5, "447700900002", mobile, "Cid\n(the elder)", "pending"},
		{9, "447700900004", mobile, "Eve", "pending"},
	}
	if diff := cmp.Diff(want, contacts(t, db)); diff != "" {
		t.Errorf("contacts (-want +got)\n%s", diff)
	}
	if got := status(t, db, "water"); got != "running" {
		t.Errorf("the campaign is %s, want running", got)
	}
	if diff := cmp.Diff([]int{3, 7, 8}, reported); diff != "" {
		t.Errorf("lines reported (-want +got)\n%s", diff)
	}
	lines := strings.Split(rejects.String(), "\n")
	if len(lines) != 5 || lines[0] != "line,column,reason,name,phone" ||
		lines[2] != `7,phone,"same number as line 2; if they are two people, or two calls, name a column that tells them apart with --key",Dee,+447700900001` ||
		!strings.HasPrefix(lines[1], "3,phone,") || !strings.HasSuffix(lines[1], ",Bob,0770") ||
		!strings.HasPrefix(lines[3], "8,name,") || !strings.HasSuffix(lines[3], ",,07700900003") {
		t.Errorf("rejected rows:\n%s", rejects.String())
	}
}

func TestImportSameFileAgain(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const n = 300
	for round, want := range []Summary{{Rows: n, Added: n}, {Rows: n, Already: n}} {
		got, err := Import(t.Context(), strings.NewReader(people(n)), "water", settings(), options(), db)
		got.Campaign, got.Form = campaign.Campaign{}, Form{}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreTypes(Outlook{})); err != nil || diff != "" {
			t.Errorf("round %d: %v (-want +got)\n%s", round, err, diff)
		}
	}
	if got := len(contacts(t, db)); got != n {
		t.Errorf("%d contacts, want %d", got, n)
	}
	if got := testkit.Value[int](t, db, `SELECT rows_in FROM reporting.campaigns`); got != n {
		t.Errorf("reporting.campaigns counts %d rows in, want %d: the file was taken for another one", got, n)
	}
}

func TestImportSameFileTwiceAtOnce(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	const n = 2*chunkRecords + 100
	var runs [2]Summary
	var errs [2]error
	var wg sync.WaitGroup
	for i := range runs {
		wg.Go(func() {
			runs[i], errs[i] = Import(t.Context(), strings.NewReader(people(n)), "water", settings(), options(), db)
		})
	}
	wg.Wait()
	for i, err := range errs {
		require.NoError(t, err)
		balance(t, runs[i], n)
	}
	if got := len(contacts(t, db)); got != n || runs[0].Added+runs[1].Added != n {
		t.Errorf("%d contacts, %d and %d added; want %d together", got, runs[0].Added, runs[1].Added, n)
	}
}

// cutOff is a store whose connection is lost after some batches: before the next
// one, or, with unanswered, after its commit and before the answer.
type cutOff struct {
	Store
	left       int
	unanswered bool
}

var errCut = errors.New("connection lost")

func (c *cutOff) AddContacts(ctx context.Context, id int64, source string, b campaign.RowBatch) (campaign.BatchResult, error) {
	if c.left > 0 {
		c.left--
		return c.Store.AddContacts(ctx, id, source, b)
	}
	if c.unanswered {
		if _, err := c.Store.AddContacts(ctx, id, source, b); err != nil {
			return campaign.BatchResult{}, err
		}
	}
	return campaign.BatchResult{}, errCut
}

func TestImportResumesAfterFailure(t *testing.T) {
	t.Parallel()
	file := mixed(2*chunkRecords + 50)
	whole := testkit.New(t)
	straight, err := Import(t.Context(), strings.NewReader(file), "water", settings(), options(), whole)
	require.NoError(t, err)
	for name, cut := range map[string]*cutOff{
		"before the first batch":            {},
		"after the first batch":             {left: 1},
		"in the commit of the second batch": {left: 1, unanswered: true},
		"after the last batch but one":      {left: 2},
	} {
		db := testkit.New(t)
		cut.Store = db
		_, err := Import(t.Context(), strings.NewReader(file), "water", settings(), options(), cut)
		if !errors.Is(err, errCut) || !strings.Contains(err.Error(), "line ") {
			t.Fatalf("%s: %v, want the cut and its line", name, err)
		}
		if some := len(contacts(t, db)) > 0; some && status(t, db, "water") != "importing" {
			t.Errorf("%s: the campaign is %s, want importing", name, status(t, db, "water"))
		} else if left := testkit.Value[int](t, db, `SELECT count(*) FROM campaigns`); !some && left != 0 {
			t.Errorf("%s: the name is taken by a campaign without people", name)
		}
		again, err := Import(t.Context(), strings.NewReader(file), "water", settings(), options(), db)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		balance(t, again, straight.Rows)
		if again.Added+again.Already != straight.Added || again.Duplicates != straight.Duplicates || again.Rejected != straight.Rejected {
			t.Errorf("%s: %+v, straight through: %+v", name, again, straight)
		}
		if diff := cmp.Diff(contacts(t, whole), contacts(t, db)); diff != "" {
			t.Errorf("%s: not the table of an import straight through (-want +got)\n%s", name, diff)
		}
		if got := testkit.Value[int](t, db, `SELECT rows_in FROM reporting.campaigns`); got != straight.Rows {
			t.Errorf("%s: reporting.campaigns counts %d rows in, want %d", name, got, straight.Rows)
		}
		if got := status(t, db, "water"); got != "running" {
			t.Errorf("%s: the campaign is %s at last, want running", name, got)
		}
	}
}

// mixed is a CSV with rejected rows and duplicates among the good ones.
func mixed(n int) string {
	var b strings.Builder
	b.WriteString("name,phone\n")
	for i := range n {
		switch {
		case i%97 == 5:
			fmt.Fprintf(&b, "Person %d,0770\n", i)
		case i%101 == 7:
			fmt.Fprintf(&b, "Person %d,07700 9%05d\n", i, i/2)
		default:
			fmt.Fprintf(&b, "Person %d,07700 9%05d\n", i, i)
		}
	}
	return b.String()
}

func TestCancelledImportStaysImporting(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options()
	o.OnProgress = func(Summary) { cancel() } // after the first batch
	got, err := Import(ctx, strings.NewReader(people(3*chunkRecords)), "water", settings(), o, db)
	if !errors.Is(err, context.Canceled) || got.Added != chunkRecords {
		t.Errorf("added %d (%v), want one batch and context.Canceled", got.Added, err)
	}
	if got := status(t, db, "water"); got != "importing" {
		t.Errorf("the campaign is %s, want importing", got)
	}
}

func TestCancelledImportIsNotFinished(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := options()
	o.OnProgress = func(Summary) { cancel() } // after the only batch: all rows are in
	finished := false
	_, err := Import(ctx, strings.NewReader(people(5)), "water", settings(), o, nowhere{&finished})
	if !errors.Is(err, context.Canceled) || finished {
		t.Errorf("%v, finished: %v; want it cancelled and not finished", err, finished)
	}
}

func TestImportFileThatGrew(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]int{"long": 5000, "shorter than a fingerprint": 100} {
		db := testkit.New(t)
		if _, err := Import(t.Context(), strings.NewReader(people(n)), "water", settings(), options(), db); err != nil {
			t.Fatal(err)
		}
		var rejects strings.Builder
		o := options()
		o.Rejects = &rejects
		got, err := Import(t.Context(), strings.NewReader(people(n+10)), "water", settings(), o, db)
		if err != nil || got.Added != 10 || got.Already != n || rejects.Len() > 0 {
			t.Errorf("%s: added %d, already there %d, rejected %q (%v); want 10, %d and none", name, got.Added, got.Already, rejects.String(), err, n)
		}
	}
}

func TestImportOtherSettings(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	if _, err := Import(t.Context(), strings.NewReader(people(3)), "water", settings(), options(), db); err != nil {
		t.Fatal(err)
	}
	other := settings()
	other.RingingTimer = 20
	if _, err := Import(t.Context(), strings.NewReader(people(9)), "water", other, options(), db); !errors.Is(err, campaign.ErrOtherSettings) {
		t.Errorf("got %v, want campaign.ErrOtherSettings", err)
	}
	if got := len(contacts(t, db)); got != 3 {
		t.Errorf("%d contacts, want 3", got)
	}
}

func TestImportUnreadableFileCreatesNoCampaign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for _, file := range []io.Reader{strings.NewReader("name,town\nAnn,Leeds\n"), failing{}} {
		if _, err := Import(t.Context(), file, "water", settings(), options(), db); err == nil {
			t.Error("no error")
		}
	}
	if got := testkit.Value[int](t, db, `SELECT count(*) FROM campaigns`); got != 0 {
		t.Errorf("%d campaigns, want 0", got)
	}
}

func TestImportStopsWhenRejectsCannotBeWritten(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	o := options()
	o.Rejects = full{}
	_, err := Import(t.Context(), strings.NewReader("name,phone\nAnn,0770\nBob,+447700900001\n"), "water", settings(), o, db)
	if !errors.Is(err, errDisk) || status(t, db, "water") != "importing" {
		t.Errorf("%v and %s, want errDisk and importing", err, status(t, db, "water"))
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errDisk }

// nowhere is a store that drops everything, to measure the import itself.
type nowhere struct{ finished *bool }

func (nowhere) OpenCampaign(context.Context, string, campaign.Settings) (campaign.Campaign, error) {
	return campaign.Campaign{ID: 1}, nil
}

func (nowhere) AddContacts(_ context.Context, _ int64, _ string, b campaign.RowBatch) (campaign.BatchResult, error) {
	return campaign.BatchResult{Added: len(b.Rows)}, nil
}

func (nowhere) BeginImport(_ context.Context, im campaign.Import) (campaign.Import, error) {
	return im, nil
}

func (nowhere) EndImport(context.Context, campaign.Import) (int, bool, error) { return 0, true, nil }

func (n nowhere) FinishImport(context.Context, int64) error {
	if n.finished != nil {
		*n.finished = true
	}
	return nil
}

// generated is a CSV of n rows that is made while it is read.
type generated struct {
	row, n int
	rest   []byte
}

// Read fills b, as a file does.
func (g *generated) Read(b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		if len(g.rest) == 0 {
			err = g.next()
		}
		k := copy(b[n:], g.rest)
		g.rest, n = g.rest[k:], n+k
	}
	return n, err
}

func (g *generated) next() error {
	switch {
	case g.row > g.n:
		return io.EOF
	case g.row == 0:
		g.rest = []byte("name,phone\n")
	default:
		g.rest = fmt.Appendf(nil, "Person %d,+4477%08d\n", g.row, g.row)
	}
	g.row++
	return nil
}

func TestImportMemoryIsBounded(t *testing.T) {
	const n = 60_000
	var early, late uint64
	o := options()
	o.OnProgress = func(s Summary) {
		if s.Rows != n/10 && s.Rows != n {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		early, late = late, m.HeapAlloc
	}
	got, err := Import(t.Context(), &generated{n: n}, "water", settings(), o, nowhere{})
	if err != nil || got.Added != n {
		t.Fatalf("added %d (%v), want %d", got.Added, err, n)
	}
	if early == 0 || late > early+4<<20 {
		t.Errorf("heap of %d KiB after %d rows and %d KiB after %d", early>>10, n/10, late>>10, n)
	}
}
