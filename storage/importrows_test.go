package storage_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

func add(t *testing.T, db *testkit.DB, id int64, source string, b campaign.RowBatch) campaign.BatchResult {
	t.Helper()
	added, err := db.AddContacts(t.Context(), id, source, b)
	require.NoError(t, err)
	return added
}

func TestAddContactsCountsRows(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c, err := db.OpenCampaign(t.Context(), "c", settings())
	require.NoError(t, err)
	list := rows(0, 3)
	list = append(list, list[0])
	list[3].Line = 9
	refusedRow := campaign.RowError{Line: 6, Column: "phone", Reason: "no digits", Record: "a\x00\xff,b"}
	batch := campaign.RowBatch{Rows: list, Rejected: []campaign.RowError{refusedRow}}

	want := campaign.BatchResult{Added: 3, Duplicates: []campaign.DuplicateRow{{Line: 9, FirstLine: 2}}}
	if diff := cmp.Diff(want, add(t, db, c.ID, "file", batch)); diff != "" {
		t.Errorf("first time (-want +got):\n%s", diff)
	}
	want = campaign.BatchResult{Already: 3, Duplicates: []campaign.DuplicateRow{{Line: 9, FirstLine: 2}}}
	if diff := cmp.Diff(want, add(t, db, c.ID, "file", batch)); diff != "" {
		t.Errorf("same file again (-want +got):\n%s", diff)
	}
	want = campaign.BatchResult{Added: 1, Already: 1} // the same person on another line
	other := campaign.RowBatch{Rows: rows(2, 2)}
	other.Rows[0].Line, other.Rows[1].Line = 3, 4
	if diff := cmp.Diff(want, add(t, db, c.ID, "other", other)); diff != "" {
		t.Errorf("another file (-want +got):\n%s", diff)
	}
	type counts struct{ In, Rejected, Pending int }
	got := testkit.Rows[counts](t, db, `SELECT rows_in, rejected, pending FROM reporting.campaigns`)
	if diff := cmp.Diff([]counts{{6, 2, 4}}, got); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	reasons := testkit.Rows[string](t, db, `SELECT reason FROM rejected_rows ORDER BY source, line_no`)
	wantReasons := []string{"no digits", "same key as line 2"}
	if diff := cmp.Diff(wantReasons, reasons); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	sound(t, db)
}

// A file under 64 KiB that has grown has another fingerprint. Its earlier rows must not
// count twice.
func TestAddContactsOfGrownFile(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := importing(t, db, "c", settings(), nil)
	before := campaign.RowBatch{Rows: rows(0, 2), Rejected: []campaign.RowError{{Line: 9, Reason: "bad", Record: "x"}}}
	add(t, db, c.ID, "small", before)
	after := campaign.RowBatch{Rows: rows(0, 3), Rejected: before.Rejected}
	if diff := cmp.Diff(campaign.BatchResult{Added: 1, Already: 2}, add(t, db, c.ID, "grown", after)); diff != "" {
		t.Errorf("the grown file (-want +got):\n%s", diff)
	}
	if n := testkit.Value[int](t, db, `SELECT rows_in FROM reporting.campaigns`); n != 4 {
		t.Errorf("four rows count as %d", n)
	}
	sound(t, db)
}

func TestAddContactsTakesCorrectedRow(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := importing(t, db, "c", settings(), nil)
	add(t, db, c.ID, "file", campaign.RowBatch{Rejected: []campaign.RowError{{Line: 2, Reason: "bad"}}})
	add(t, db, c.ID, "file", campaign.RowBatch{Rows: rows(0, 1)})
	if n := testkit.Value[int](t, db, `SELECT rows_in FROM reporting.campaigns`); n != 1 {
		t.Errorf("one row of one file counts as %d", n)
	}
	sound(t, db)
}

func TestAddContactsStoresTheRow(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	s := settings()
	s.Start = time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	list := rows(0, 2)
	list[0].CallAt = s.Start.Add(time.Hour)
	list[0].Zones = []string{"Europe/London", "Europe/Jersey", "Europe/London"}
	list[0].Vars = map[string]string{"name": `O'Hara "x"`, "city": "Zürich"}
	list[1].Vars = nil
	c := importing(t, db, "c", s, list)
	var got []campaign.Contact
	for k, err := range db.Contacts(t.Context()) {
		require.NoError(t, err)
		k.ID = 0
		got = append(got, k)
	}
	want := []campaign.Contact{
		{CampaignID: c.ID, Key: number(0), Line: 2, To: number(0), Zones: []string{"Europe/Jersey", "Europe/London"}, Vars: list[0].Vars, CallAt: list[0].CallAt, DueAt: list[0].CallAt, State: campaign.Pending},
		{CampaignID: c.ID, Key: number(1), Line: 3, To: number(1), Zones: []string{"Etc/UTC"}, Vars: map[string]string{}, DueAt: testkit.Value[time.Time](t, db, `SELECT created_at FROM campaigns`), State: campaign.Pending},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddContactsRefuses(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	noZone := rows(0, 1)
	noZone[0].Zones = nil
	c := importing(t, db, "c", settings(), nil)
	_, err := db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: noZone})
	if err == nil || !strings.Contains(err.Error(), "line 2 has no zone") {
		t.Errorf("got %v, want an error that names the line", err)
	}
	require.NoError(t, db.Stop(t.Context(), c.ID))
	_, err = db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: rows(0, 1)})
	if err == nil || !strings.Contains(err.Error(), "was stopped") {
		t.Errorf("got %v, want an error that says that it was stopped", err)
	}
	if _, err := db.AddContacts(t.Context(), 999, "file", campaign.RowBatch{}); !errors.Is(err, campaign.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}

// A row in a zone that only the program knows is refused, and is not in the campaign
// until the zone is corrected.
func TestAddContactsUnknownZone(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := importing(t, db, "c", settings(), nil)
	list := rows(0, 4)
	list[1].Zones, list[2].Zones = []string{"Mars/Olympus"}, []string{"Etc/UTC", "Mars/Olympus"}
	got := add(t, db, c.ID, "file", campaign.RowBatch{Rows: list})
	if got.Added != 2 || len(got.Rejected) != 2 || got.Rejected[0].Line != 3 || got.Rejected[1].Line != 4 {
		t.Errorf("got %+v, want lines 3 and 4 refused", got)
	}
	for _, r := range got.Rejected {
		if !strings.Contains(r.Reason, "zone") || strings.Contains(r.Reason, "Mars") {
			t.Errorf("the reason is %q", r.Reason)
		}
	}
	list[1].Zones = []string{"Etc/UTC"}
	if got := add(t, db, c.ID, "file", campaign.RowBatch{Rows: list}); got.Added != 1 || got.Already != 2 || len(got.Rejected) != 1 {
		t.Errorf("corrected: %+v, want one contact more and one row refused still", got)
	}
	type counts struct{ In, Rejected, Pending int }
	accounts := testkit.Rows[counts](t, db, `SELECT rows_in, rejected, pending FROM reporting.campaigns`)
	if diff := cmp.Diff([]counts{{4, 1, 3}}, accounts); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	sound(t, db)
}

// Two imports of files with the same people in opposite orders both end, and each
// person exists once.
func TestAddContactsConcurrently(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	c := importing(t, db, "c", settings(), nil)
	forward, backward := rows(0, 200), rows(0, 200)
	for i := range backward {
		backward[i].To = number(199 - i)
	}
	var imports sync.WaitGroup
	for i := range 4 {
		list, source := forward, "forward"
		if i%2 == 1 {
			list, source = backward, "backward"
		}
		imports.Go(func() {
			for from := 0; from < 200; from += 50 {
				_, err := db.AddContacts(t.Context(), c.ID, source, campaign.RowBatch{Rows: list[from : from+50]})
				check(t, err)
			}
		})
	}
	imports.Wait()
	if n := testkit.Value[int](t, db, `SELECT count(*) FROM contacts`); n != 200 {
		t.Errorf("%d contacts, want 200", n)
	}
	sound(t, db)
}
