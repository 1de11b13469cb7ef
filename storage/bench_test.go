package storage_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/benchtest"
)

// A small and a large database. No frequent operation may be slower in the large one.
const (
	fewAttempts  = 100_000
	manyAttempts = 3_000_000
)

// grow creates a campaign of n contacts, each with an attempt that is over, and another
// one with due people to call. Postgres creates the rows, without triggers and with the
// indexes created later. The counters are counted as in a restored database. Ids grow,
// as those that are created in the order of time do.
func grow(b *testing.B, db *testkit.DB, n, due int) campaign.Campaign {
	b.Helper()
	done := running(b, db, fmt.Sprint(n, " done"), settings(), rows(0, 1))
	waiting := running(b, db, fmt.Sprint(n, " due"), settings(), rows(1, 1))
	indexes := testkit.Rows[string](b, db, `
		SELECT indexdef FROM pg_indexes WHERE tablename = 'attempts' AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
	db.Exec(b, `
		DO $$ DECLARE name text; BEGIN
			FOR name IN SELECT indexname FROM pg_indexes WHERE tablename = 'attempts'
				AND indexname NOT IN (SELECT conname FROM pg_constraint) LOOP EXECUTE 'DROP INDEX ' || name;
			END LOOP;
		END $$`)
	db.Exec(b, fmt.Sprintf(`
		SET session_replication_role = replica; SET maintenance_work_mem = '256MB';
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at, state, reason, attempts, next_attempt_no)
		SELECT %[1]d, (SELECT id FROM zone_groups WHERE campaign_id = %[1]d), 'bench', i, '4471' || lpad(i::text, 8, '0'), '4471' || lpad(i::text, 8, '0'), '{"name":"Ann"}',
		       now(), 'done', 'human', 1, 2 FROM generate_series(1, %[3]d) AS i;
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at)
		SELECT %[2]d, (SELECT id FROM zone_groups WHERE campaign_id = %[2]d), 'bench', i, '4472' || lpad(i::text, 8, '0'), '4472' || lpad(i::text, 8, '0'), '{"name":"Ann"}', now()
		FROM generate_series(1, %[4]d) AS i;
		INSERT INTO attempts (id, contact_id, campaign_id, attempt_no, to_number, from_number, state, changed_by, posts,
			token_id, dialed_at, token_expires_at, call_uuid, conversation_uuid, statuses, answered_at, ended_at, disposition, price, rate, duration_s)
		SELECT lpad(to_hex(id), 32, '0')::uuid, id, campaign_id, 1, to_number, '447700900000', 'ended', 'provider', 1,
		       gen_random_uuid(), at, at, 'U' || id, 'CON-' || id, '{started,ringing,answered,human,completed}', at, at, 'human', 0.01, 0.02, 30
		FROM (SELECT *, now() - (id %% 720) * interval '1 hour' AS at FROM contacts WHERE source = 'bench' AND state = 'done') AS k;
		INSERT INTO price_history (attempt_id, rev, price, rate, source, observed_at) SELECT id, 1, price, rate, 'event', ended_at FROM attempts WHERE price IS NOT NULL;
		SET session_replication_role = DEFAULT; RESET maintenance_work_mem`, done.ID, waiting.ID, n, due))
	for _, index := range indexes {
		db.Exec(b, index)
	}
	db.Exec(b, `SELECT recount()`)
	db.Exec(b, `VACUUM ANALYZE`)
	return done
}

// BenchmarkGrowth measures how much longer a campaign's report, the list of campaigns
// and a claim of a minute of calls take with three million attempts than with a hundred
// thousand. The two databases are queried in turn, and the median counts.
func BenchmarkGrowth(b *testing.B) { benchGrowth(b, fewAttempts, manyAttempts, 50_000) }

func benchGrowth(b *testing.B, fewer, more, due int) {
	small, large := testkit.New(b), testkit.New(b)
	few, many := grow(b, small, fewer, due), grow(b, large, more, due)
	for _, work := range []struct {
		name string
		do   func(*testkit.DB, campaign.Campaign)
	}{
		{"report", func(db *testkit.DB, c campaign.Campaign) {
			if r, err := db.Report(b.Context(), c.ID); err != nil || len(r) != 1 {
				b.Fatal(r, err)
			}
		}},
		{"campaigns", func(db *testkit.DB, _ campaign.Campaign) {
			if r, err := db.Report(b.Context()); err != nil || len(r) != 2 {
				b.Fatal(r, err)
			}
		}},
		{"waits-for", func(db *testkit.DB, c campaign.Campaign) {
			if _, err := db.OpenCounts(b.Context(), c.ID); err != nil {
				b.Fatal(err)
			}
		}},
		{"finish", func(db *testkit.DB, _ campaign.Campaign) {
			if _, err := db.FinishCampaigns(b.Context()); err != nil {
				b.Fatal(err)
			}
		}},
		{"claim", func(db *testkit.DB, _ campaign.Campaign) {
			if got := claim(b, db, 180); len(got) != 180 {
				b.Fatalf("claimed %d, want 180", len(got))
			}
		}},
	} {
		b.Run(work.name, func(b *testing.B) {
			var quick, slow []time.Duration
			for b.Loop() {
				quick = append(quick, timed(func() { work.do(small, few) }))
				slow = append(slow, timed(func() { work.do(large, many) }))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(middle(quick), "ms-at-100k")
			b.ReportMetric(middle(slow), "ms-at-3M")
			b.ReportMetric(middle(slow)/middle(quick), "ratio")
		})
	}
	for _, db := range []*testkit.DB{small, large} {
		sound(b, db)
	}
}

func timed(work func()) time.Duration {
	begun := time.Now()
	work()
	return time.Since(begun)
}

// middle is the median in milliseconds.
func middle(times []time.Duration) float64 {
	slices.Sort(times)
	return times[len(times)/2].Seconds() * 1000
}

var contacts = flag.Int("contacts", 1_000_000, "how many people BenchmarkClaim has wait")

// BenchmarkClaim claims a minute of calls of an ordinary account from a campaign in
// twenty zones. Its cost must not depend on the number of waiting contacts. Two
// databases are queried in turn, and the median counts. -contacts 10000000 sets the
// number.
func BenchmarkClaim(b *testing.B) { benchClaim(b, fewAttempts, *contacts) }

func benchClaim(b *testing.B, fewer, more int) {
	small, large := manyWait(b, fewer), manyWait(b, more)
	var quick, slow []time.Duration
	minute := func(db *testkit.DB) time.Duration {
		return timed(func() {
			if got := claim(b, db, 180); len(got) != 180 {
				b.Fatalf("claimed %d, want 180", len(got))
			}
		})
	}
	for b.Loop() {
		quick, slow = append(quick, minute(small)), append(slow, minute(large))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(middle(quick), "ms-at-fewer")
	b.ReportMetric(middle(slow), "ms-at-more")
	b.ReportMetric(middle(slow)/middle(quick), "ratio")
}

// manyWait is a database in which this many people wait, created like grow's.
func manyWait(b *testing.B, people int) *testkit.DB {
	b.Helper()
	db := testkit.New(b)
	c := running(b, db, "c", settings(), nil)
	db.Exec(b, `
		INSERT INTO zone_groups (campaign_id, zones)
		SELECT $1, ARRAY[name] FROM pg_timezone_names WHERE name LIKE 'Europe/%' ORDER BY name LIMIT 20`, c.ID)
	indexes := testkit.Rows[string](b, db, `
		SELECT indexdef FROM pg_indexes WHERE tablename = 'contacts' AND indexname NOT IN (SELECT conname FROM pg_constraint)`)
	db.Exec(b, fmt.Sprintf(`
		DO $$ DECLARE name text; BEGIN
			FOR name IN SELECT indexname FROM pg_indexes WHERE tablename = 'contacts'
				AND indexname NOT IN (SELECT conname FROM pg_constraint) LOOP EXECUTE 'DROP INDEX ' || name;
			END LOOP;
		END $$;
		SET session_replication_role = replica; SET maintenance_work_mem = '256MB'; SET statement_timeout = 0;
		INSERT INTO contacts (campaign_id, zone_group_id, source, line_no, key, to_number, vars, due_at)
		SELECT %d, g.ids[1 + i %% cardinality(g.ids)], 'bench', i, '4470' || lpad(i::text, 8, '0'), '4470' || lpad(i::text, 8, '0'), '{}', now()
		FROM generate_series(1, %d) AS i, (SELECT array_agg(id) AS ids FROM zone_groups) AS g;
		%s; SELECT recount();
		SET session_replication_role = DEFAULT; RESET maintenance_work_mem; RESET statement_timeout`, c.ID, people, strings.Join(indexes, "; ")))
	db.Exec(b, `VACUUM ANALYZE`)
	return db
}

func TestBenchmarksRun(t *testing.T) {
	t.Parallel()
	benchtest.Once(t, func(b *testing.B) { benchGrowth(b, 10, 100, 1000) })
	benchtest.Once(t, func(b *testing.B) { benchClaim(b, 1000, 2000) })
	benchtest.Once(t, func(b *testing.B) { benchEvents(b, 8) })
}
