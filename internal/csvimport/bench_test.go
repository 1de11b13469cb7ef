package csvimport

import (
	"fmt"
	"strings"
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
	benchtest.Once(t, BenchmarkReader)
}

// BenchmarkImport imports a file of 100,000 rows with numbers in international
// form. Then it copies the resulting rows into another database with the same
// tables, indexes and triggers in one bare COPY. Its figure is the share of the
// bare COPY's speed that the import reaches.
func BenchmarkImport(b *testing.B) { benchImport(b, benchRows) }

func benchImport(b *testing.B, n int) {
	var imported, copied time.Duration
	for b.Loop() {
		db := testkit.New(b)
		imported += timed(func() {
			s, err := Import(b.Context(), &generated{n: n}, "water", settings(), options(), db)
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

// bareCopy is how long one COPY of the contacts into an empty database takes.
func bareCopy(b *testing.B, from *testkit.DB) time.Duration {
	const columns = `(campaign_id, zone_group_id, source, import_id, line_no, key, to_number, vars, call_at, not_later_than, due_at)`
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
		if _, err := Import(b.Context(), &generated{n: n}, "water", settings(), options(), nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "rows/s")
}

func BenchmarkReader(b *testing.B) {
	var file strings.Builder
	file.WriteString("to,name,town\n")
	for i := range 10_000 {
		fmt.Fprintf(&file, "+44207946%04d,\"Name, %d\",London\n", i, i)
	}
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		rows, _ := readAll(b, mustReader(b, file.String(), lenient(), options()))
		if len(rows) != 10_000 {
			b.Fatal(len(rows))
		}
	}
}

func timed(work func()) time.Duration {
	begun := time.Now()
	work()
	return time.Since(begun)
}
