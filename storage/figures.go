package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// figureSplit says how rows of call_figures are grouped.
type figureSplit struct {
	source string // a source of call_figures
	column string // the name of the first column, and
	value  string // its value
	sums   []string
	order  string
}

var (
	endings = []string{"answered", "human", "machine", "busy", "unanswered", "timeout", "failed", "rejected", "cancelled", "unexplained", "unsettled"}
	// ofCounters are the figures that the counters by hour contain, and ofCalls those that
	// attempts contain.
	ofCounters = append(append([]string{"dialed", "calls", "calls_answered"}, endings...), "duration_s", "price", "unpriced")
	ofCalls    = append(append([]string{"dialed", "calls", "calls_answered"}, endings...), "heard", "with_result", "duration_s", "price", "unpriced", "estimated", "estimated_price", "missing")
	ofBills    = []string{"calls", "duration_s", "price", "priced", "unpriced", "estimated", "estimated_price", "missing", "open", "campaign_price", "manual_price", "leg_price", "inbound_price", "unmatched_price"}
)

// figureSplits are the splits of calls. Each reporting view has the same columns for
// each campaign: a test compares them.
var figureSplits = map[app.Split]figureSplit{
	app.ByDay:       {"hour", "day", "(f.at AT TIME ZONE 'UTC')::date", ofCounters, "1"},
	app.ByHour:      {"hour", "hour", "f.at", ofCounters, "1"},
	app.ByHourOfDay: {"hour", "hour_of_day", "extract(hour FROM f.at AT TIME ZONE 'UTC')::int", ofCounters, "1"},
	app.ByCampaign:  {"hour", "campaign", "(SELECT c.name FROM campaigns c WHERE c.id = f.campaign_id)", ofCounters, "1"},
	app.ByCountry:   {"call", "country", "nullif(f.country, '')", ofCalls, "calls DESC, 1"},
	app.ByNetwork:   {"call", "network", "f.network", ofCalls, "calls DESC, 1"},
	app.ByCaller:    {"call", "from_number", "f.from_number", ofCalls, "calls DESC, 1"},
	app.ByVersion:   {"call", "version", "f.version", ofCalls, "1"},
	app.ByMonth:     {"bill", "month", "date_trunc('month', f.at AT TIME ZONE 'UTC')::date", ofBills, "1"},
}

// peopleSplits are the splits of people: columns of their views. Numbers with decimals
// are text, as money is.
var peopleSplits = map[app.Split]struct {
	columns []string
	query   string
}{
	app.ByRetries: {[]string{"calls", "people", "reached", "not_reached", "not_ended"}, `
		SELECT calls, people, reached, not_reached, not_ended FROM reporting.retries WHERE campaign_id = $1 ORDER BY calls`},
	app.ByFunnel: {[]string{"step", "people", "of_people", "percent"}, `
		SELECT step, people, of_people, percent::text AS percent FROM reporting.funnel WHERE campaign_id = $1 ORDER BY step_no, step`},
}

// Figures adds up the calls of a campaign, or of all if its id is 0. By day, hour and
// campaign it reads counters. By country, network, caller and version it reads the
// campaign's attempts, or those of the time, with an index. By month it reads Vonage's
// records of the months.
func (db *DB) Figures(ctx context.Context, campaignID int64, q app.FiguresQuery) (app.Figures, error) {
	f := app.Figures{FiguresQuery: q, Rows: []json.RawMessage{}}
	var query string
	args := []any{campaignID}
	if of, ok := peopleSplits[q.By]; ok {
		f.Columns, query = of.columns, of.query
	} else {
		of := figureSplits[q.By]
		f.Columns = append([]string{of.column}, of.sums...)
		query = of.query(campaignID != 0)
		args = append(args, (*zeronull.Timestamptz)(&q.Since), (*zeronull.Timestamptz)(&q.Before))
	}
	err := db.read(ctx, func(tx pgx.Tx) (err error) {
		// Plan for these times, and not for any times.
		if _, err = tx.Exec(ctx, `SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true)`); err != nil {
			return err
		}
		f.Rows, err = collect(ctx, tx, pgx.RowTo[json.RawMessage], `SELECT row_to_json(t) FROM (`+query+`) AS t`, args...)
		return err
	})
	if err != nil {
		return f, fmt.Errorf("count calls by %s: %w", q.By, err)
	}
	if f.Rows == nil {
		f.Rows = []json.RawMessage{}
	}
	return f, nil
}

func (s figureSplit) query(ofCampaign bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n\t\tSELECT %s AS %s", s.value, s.column)
	for _, name := range s.sums {
		switch kind, isPart := strings.CutSuffix(name, "_price"); {
		case name == "estimated_price":
			b.WriteString(", round(sum(f.estimated_price), 8)::text AS estimated_price")
		case isPart:
			fmt.Fprintf(&b, ", coalesce(sum(f.price) FILTER (WHERE f.kind = '%s'), 0)::text AS %s", kind, name)
		case name == "price":
			b.WriteString(", sum(f.price)::text AS price")
		default:
			fmt.Fprintf(&b, ", sum(f.%s)::bigint AS %s", name, name)
		}
	}
	fmt.Fprintf(&b, "\n\t\tFROM call_figures f WHERE f.source = '%s' AND ", s.source)
	if ofCampaign {
		b.WriteString("f.campaign_id = $1")
	} else {
		b.WriteString("$1::bigint = 0")
	}
	// A call is dialed within a day of the start in Vonage's record, and there is an index
	// on that.
	b.WriteString(`
		  AND ($2::timestamptz IS NULL OR f.at >= $2 AND (f.dialed_at IS NULL OR f.dialed_at >= $2 - interval '1 day'))
		  AND ($3::timestamptz IS NULL OR f.at < $3 AND (f.dialed_at IS NULL OR f.dialed_at < $3 + interval '1 day'))
		GROUP BY 1 ORDER BY ` + s.order)
	return b.String()
}
