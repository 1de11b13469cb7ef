package csvimport

import (
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
)

const benchRows = 100_000

func TestBenchmarksRun(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchImport(b, 1000) })
	benchtest.Once(t, func(b *testing.B) { benchParse(b, 1000) })
}

// BenchmarkImport imports a file, and then copies the rows that came of it into
// another database of the same tables, indexes and triggers in one bare COPY:
// its figure is the part of the bare COPY's speed that the import has. The file
// is of 100,000 rows with numbers in their international form.
func BenchmarkImport(b *testing.B) { benchImport(b, benchRows) }

func benchImport(b *testing.B, n int) {
	var imported, copied time.Duration
	for b.Loop() {
		db := testkit.New(b)
		imported += timed(func() {
			s, err := Import(b.Context(), &endless{n: n}, "water", settings(), options(), db)
			if err != nil || s.Added != n {
				b.Fatalf("%d rows added, %v", s.Added, err)
			}
		})
		copied += bareCopy(b, db)
	}
	rows := float64(n * b.N)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(rows/imported.Seconds(), "rows/s")
	b.ReportMetric(rows/copied.Seconds(), "bare-rows/s")
	b.ReportMetric(copied.Seconds()/imported.Seconds(), "of-bare-COPY")
}

// bareCopy is how long one COPY of the database's contacts takes into a
// database without any.
func bareCopy(b *testing.B, from *testkit.DB) time.Duration {
	const columns = `(campaign_id, zone_group_id, source, line_no, to_number, vars, call_at, due_at)`
	to := testkit.New(b)
	for _, table := range []string{"campaigns", "zone_groups"} {
		to.CopyIn(b, table, from.CopyOut(b, table))
	}
	rows := from.CopyOut(b, "contacts "+columns)
	return timed(func() { to.CopyIn(b, "contacts "+columns, rows) })
}

// BenchmarkParse reads and parses the same file and keeps nothing.
func BenchmarkParse(b *testing.B) { benchParse(b, benchRows) }

func benchParse(b *testing.B, n int) {
	for b.Loop() {
		if _, err := Import(b.Context(), &endless{n: n}, "water", settings(), options(), nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func timed(work func()) time.Duration {
	begun := time.Now()
	work()
	return time.Since(begun)
}
