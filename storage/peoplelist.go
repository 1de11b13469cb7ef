package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// searchWindow is how many rows a search reads for a part of their text. It takes a
// few microseconds a row, so that a page comes within a tenth of a second.
const searchWindow = 10_000

// CampaignPeople lists a campaign's people as its page shows them. Each form is
// served by an index from where the page begins, so it takes as long among a million
// people as among a hundred.
func (db *DB) CampaignPeople(ctx context.Context, campaignID int64, q app.PeopleQuery) (p app.PeoplePage, err error) {
	err = db.read(ctx, func(tx pgx.Tx) error {
		list := peopleList{ctx: ctx, tx: tx, campaign: campaignID, q: q}
		if err := list.begin(); err != nil {
			return err
		}
		switch {
		case strings.TrimSpace(q.Search) != "":
			p, err = list.search(strings.TrimSpace(plain(q.Search)))
		case q.Order == app.ByNext:
			p, err = list.byNext()
		case q.Order == app.ByResult || q.Result != "":
			p, err = list.byResult()
		default:
			p, err = list.byState()
		}
		return err
	})
	if err != nil {
		return p, fmt.Errorf("list the people of campaign %d: %w", campaignID, err)
	}
	return p, nil
}

// peopleList is one page of people that is being read.
type peopleList struct {
	ctx      context.Context
	tx       pgx.Tx
	campaign int64
	q        app.PeopleQuery
	afterID  int64  // whom the page before ended with; 0: there is none
	afterKey string // that one's key
	afterAt  string // and place in the order
}

// begin reads the cursor: an id and a place, as 17~3.
func (l *peopleList) begin() error {
	if l.q.After == "" {
		return nil
	}
	id, at, _ := strings.Cut(l.q.After, "~")
	l.afterAt = at
	var err error
	if l.afterID, err = strconv.ParseInt(id, 10, 64); err != nil {
		return app.ErrCursor
	}
	err = l.tx.QueryRow(l.ctx, `SELECT key FROM contacts WHERE id = $1 AND campaign_id = $2`, l.afterID, l.campaign).Scan(&l.afterKey)
	if err != nil {
		return translate(err)
	}
	return nil
}

// runs are the values of listed_as that the query asks for, in the order of states.
func (l *peopleList) runs(until string) (list []string) {
	add := func(state campaign.ContactState, reason campaign.Reason) {
		for reach := range 3 {
			if l.q.NotReached && reached(until, reason, reach) {
				continue
			}
			list = append(list, fmt.Sprintf("%s %s %d", state, reason, reach))
		}
	}
	for _, state := range []campaign.ContactState{campaign.Pending, campaign.Active, campaign.Waiting} {
		if l.q.Reason == "" && !l.q.NotReached && (l.q.State == "" || l.q.State == string(state)) {
			add(state, "")
		}
	}
	for _, reason := range campaign.Reasons {
		if l.q.NotReached && (reason == campaign.ReasonSuppressed || reason == campaign.ReasonCancelledByRequest) {
			continue
		}
		if (l.q.State == "" || l.q.State == string(campaign.Done)) && (l.q.Reason == "" || l.q.Reason == string(reason)) {
			add(campaign.Done, reason)
		}
	}
	return list
}

// reached is what an export calls reached (see exported).
func reached(until string, reason campaign.Reason, reach int) bool {
	switch until {
	case string(campaign.UntilResult):
		return reach == 2
	case string(campaign.UntilHeard):
		return reach > 0
	}
	return reason == campaign.Reason(campaign.Answered) || reason == campaign.Reason(campaign.Human) || reason == campaign.Reason(campaign.Machine)
}

// order is how the statement's parts are written for the direction.
func (l *peopleList) order(query string) string {
	over, down := ">", ""
	if l.q.Descending {
		over, down = "<", "DESC"
	}
	return strings.NewReplacer("{over}", over, "{down}", down).Replace(query)
}

// args are what those statements take that begin behind a key; a run that is not
// begun yet begins at the edge.
func (l *peopleList) args(more pgx.StrictNamedArgs) pgx.StrictNamedArgs {
	edge := ""
	if l.q.Descending {
		edge = "\U0010FFFF"
	}
	more["campaign"], more["limit"], more["edge"], more["after"] = l.campaign, l.q.Limit+1, edge, cmp.Or(l.afterKey, edge)
	return more
}

// listed is one person of a page, and the place in the page's order.
type listed struct {
	id     int64
	at     string
	object json.RawMessage
}

// page is what a query of people returns: the id, the place, the object.
func (l *peopleList) page(query string, args pgx.StrictNamedArgs) (p app.PeoplePage, err error) {
	list, err := collect(l.ctx, l.tx, func(row pgx.CollectableRow) (e listed, err error) {
		err = row.Scan(&e.id, &e.at, &e.object)
		return e, err
	}, l.order(query), args)
	if err != nil {
		return p, err
	}
	if len(list) > l.q.Limit {
		list = list[:l.q.Limit]
		last := list[len(list)-1]
		p.Next = strconv.FormatInt(last.id, 10)
		if last.at != "" {
			p.Next += "~" + last.at
		}
	}
	p.Items = column(list, func(e listed) json.RawMessage { return e.object })
	return p, nil
}

// byState reads each run of the index from where the page begins, and takes the first
// of them all: by key, or run after run.
func (l *peopleList) byState() (app.PeoplePage, error) {
	var until string
	if err := l.tx.QueryRow(l.ctx, `SELECT coalesce(settings->'retry'->>'until', '') FROM campaigns WHERE id = $1`, l.campaign).Scan(&until); err != nil {
		return app.PeoplePage{}, translate(err)
	}
	runs := l.runs(until)
	place := 0
	if l.q.Order == app.ByState && l.afterAt != "" {
		var err error
		if place, err = strconv.Atoi(l.afterAt); err != nil {
			return app.PeoplePage{}, app.ErrCursor
		}
	}
	return l.page(`
		WITH found AS (
			SELECT k.id, k.key, CASE WHEN @in_states THEN w.place ELSE 0 END AS place
			FROM unnest(@runs::text[]) WITH ORDINALITY AS w (run, place)
			CROSS JOIN LATERAL (
				SELECT id, key FROM contacts k
				WHERE k.campaign_id = @campaign AND listed_as(k.state, k.reason, k.heard_at, k.result) = w.run
				  AND k.key COLLATE "C" {over} CASE WHEN @in_states AND w.place <> @place THEN @edge ELSE @after END
				ORDER BY k.key COLLATE "C" {down} LIMIT @limit) AS k
			WHERE NOT @in_states OR @place = 0 OR w.place {over}= @place
			ORDER BY 3 {down}, k.key COLLATE "C" {down} LIMIT @limit
		)
		SELECT f.id, CASE WHEN @in_states THEN f.place::text ELSE '' END, to_jsonb(v)
		FROM found f JOIN reporting.contacts v ON v.contact_id = f.id ORDER BY f.place {down}, f.key COLLATE "C" {down}`,
		l.args(pgx.StrictNamedArgs{"runs": runs, "in_states": l.q.Order == app.ByState, "place": place}))
}

// byResult lists those who have a result, by it and the key.
func (l *peopleList) byResult() (app.PeoplePage, error) {
	words, err := collect(l.ctx, l.tx, pgx.RowTo[string], l.order(`
		SELECT outcome FROM counter_totals WHERE campaign_id = @campaign AND subject = 'ladder' AND state = 'result' AND (@result = '' OR outcome = @result)
		ORDER BY outcome COLLATE "C" {down}`), pgx.StrictNamedArgs{"campaign": l.campaign, "result": plain(l.q.Result)})
	if err != nil {
		return app.PeoplePage{}, err
	}
	return l.page(`
		WITH found AS (
			SELECT k.id, k.key, w.word FROM unnest(@words::text[]) AS w (word)
			CROSS JOIN LATERAL (
				SELECT id, key FROM contacts k
				WHERE k.campaign_id = @campaign AND k.result = w.word AND k.key COLLATE "C" {over} CASE WHEN w.word <> @word THEN @edge ELSE @after END
				ORDER BY k.key COLLATE "C" {down} LIMIT @limit) AS k
			WHERE @word = '' OR w.word COLLATE "C" {over}= @word
			ORDER BY w.word COLLATE "C" {down}, k.key COLLATE "C" {down} LIMIT @limit
		)
		SELECT f.id, f.word, to_jsonb(v)
		FROM found f JOIN reporting.contacts v ON v.contact_id = f.id ORDER BY f.word COLLATE "C" {down}, f.key COLLATE "C" {down}`,
		l.args(pgx.StrictNamedArgs{"words": words, "word": l.afterAt}))
}

// byNext lists those who are to be called, by when they are due: each group of zones
// from the front of the claim's index.
func (l *peopleList) byNext() (app.PeoplePage, error) {
	at := int64(0)
	if l.afterAt != "" {
		var err error
		if at, err = strconv.ParseInt(l.afterAt, 10, 64); err != nil {
			return app.PeoplePage{}, app.ErrCursor
		}
	}
	return l.page(`
		WITH found AS (
			SELECT k.id, k.due_at FROM zone_groups g
			CROSS JOIN (VALUES (0::smallint), (1), (2)) AS u (urgency)
			CROSS JOIN LATERAL (
				SELECT id, due_at FROM contacts k
				WHERE k.zone_group_id = g.id AND k.urgency = u.urgency AND k.state IN ('pending', 'waiting')
				  AND (@state = '' OR k.state = @state)
				  AND (@id::bigint = 0 OR (k.due_at, k.id) {over} (timestamptz 'epoch' + @at::bigint * interval '1 microsecond', @id::bigint))
				ORDER BY k.due_at {down}, k.id {down} LIMIT @limit) AS k
			WHERE g.campaign_id = @campaign
			ORDER BY k.due_at {down}, k.id {down} LIMIT @limit
		)
		SELECT f.id, (extract(epoch FROM f.due_at) * 1000000)::bigint::text, to_jsonb(v)
		FROM found f JOIN reporting.contacts v ON v.contact_id = f.id ORDER BY f.due_at {down}, f.id {down}`,
		pgx.StrictNamedArgs{"campaign": l.campaign, "limit": l.q.Limit + 1, "id": l.afterID, "at": at, "state": plain(l.q.State)})
}

// search finds whoever has exactly the key or number; else those whose key or number
// begins so; and then those in whose row the text is, of the next rows by key.
func (l *peopleList) search(text string) (p app.PeoplePage, err error) {
	digits := strings.TrimLeft(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(text), "+")
	if l.q.After == "" {
		p, err = l.page(`
			SELECT v.contact_id, '', to_jsonb(v) FROM reporting.contacts v
			WHERE v.contact_id IN (
				SELECT id FROM contacts WHERE campaign_id = @campaign AND key = @text
				UNION SELECT id FROM contacts WHERE campaign_id = @campaign AND to_number = @digits
				UNION SELECT id FROM contacts WHERE campaign_id = @campaign AND numbers @> ARRAY[@digits::text]) LIMIT @limit`,
			pgx.StrictNamedArgs{"campaign": l.campaign, "limit": l.q.Limit + 1, "text": text, "digits": digits})
		if err != nil || len(p.Items) > 0 {
			p.Next = ""
			return p, err
		}
	}
	var begins []listed
	if l.q.After == "" {
		if begins, err = l.beginning(text, digits); err != nil {
			return p, err
		}
	}
	return l.within(text, begins)
}

// beginning finds those whose key, or number, begins with the text.
func (l *peopleList) beginning(text, digits string) ([]listed, error) {
	number := ""
	if len(digits) >= 3 && strings.Trim(digits, "0123456789") == "" {
		number = digits
	}
	runs := l.runs("")
	return collect(l.ctx, l.tx, scanListed, `
		WITH found AS (
			(SELECT k.id, k.key
			 FROM unnest(@runs::text[]) AS w (run)
			 CROSS JOIN LATERAL (
				SELECT id, key FROM contacts k
				WHERE k.campaign_id = @campaign AND listed_as(k.state, k.reason, k.heard_at, k.result) = w.run
				  AND k.key COLLATE "C" >= @text AND k.key COLLATE "C" < @text || U&'\+10FFFF'
				ORDER BY k.key COLLATE "C" LIMIT @limit) AS k
			 ORDER BY k.key COLLATE "C" LIMIT @limit)
			UNION
			SELECT k.id, k.key FROM (
				SELECT id, key, campaign_id FROM contacts WHERE @number <> '' AND to_number >= @number AND to_number < @number || ':' ORDER BY to_number LIMIT 1000) AS k
			WHERE k.campaign_id = @campaign
		)
		SELECT f.id, '', to_jsonb(v) FROM (SELECT * FROM found ORDER BY key COLLATE "C" LIMIT @limit) AS f JOIN reporting.contacts v ON v.contact_id = f.id
		ORDER BY f.key COLLATE "C"`, pgx.StrictNamedArgs{
		"campaign": l.campaign, "limit": l.q.Limit, "text": text, "number": number,
		"runs": runs,
	})
}

func scanListed(row pgx.CollectableRow) (e listed, err error) {
	err = row.Scan(&e.id, &e.at, &e.object)
	return e, err
}

// within adds those in whose row the text is, of the next searchWindow rows.
func (l *peopleList) within(text string, begins []listed) (p app.PeoplePage, err error) {
	quoted, err := json.Marshal(text)
	if err != nil {
		return p, err
	}
	const lookedAt = `
		looked AS MATERIALIZED (
			SELECT id, key, vars FROM contacts WHERE campaign_id = @campaign AND key > @after ORDER BY key LIMIT @window
		)`
	list, err := collect(l.ctx, l.tx, scanListed, `
		WITH `+lookedAt+`, found AS (
			SELECT id, key FROM looked k
			-- The row as a whole is the quicker look, and passes a few more.
			WHERE k.vars::text ILIKE '%' || @like_quoted || '%'
			  AND EXISTS (SELECT FROM jsonb_each_text(k.vars) AS cell WHERE cell.value ILIKE '%' || @like || '%')
			  AND id <> ALL (@known::bigint[])
			ORDER BY key LIMIT @limit
		)
		SELECT f.id, '', to_jsonb(v) FROM found f JOIN reporting.contacts v ON v.contact_id = f.id ORDER BY f.key`,
		pgx.StrictNamedArgs{
			"campaign": l.campaign, "after": l.afterKey, "window": searchWindow, "limit": l.q.Limit + 1,
			"like_quoted": likeEscaped(string(quoted[1 : len(quoted)-1])), "like": likeEscaped(text),
			"known": append([]int64{}, column(begins, func(e listed) int64 { return e.id })...),
		})
	if err != nil {
		return p, err
	}
	p.Items = column(append(begins, list...), func(e listed) json.RawMessage { return e.object })
	if len(list) > l.q.Limit { // the rest of what is in the window comes next
		list = list[:l.q.Limit]
		p.Items = p.Items[:len(begins)+l.q.Limit]
		p.Next = strconv.FormatInt(list[len(list)-1].id, 10)
		return p, nil
	}
	var last, n int64
	err = l.tx.QueryRow(l.ctx, `WITH `+lookedAt+`
		SELECT coalesce((SELECT id FROM looked ORDER BY key DESC LIMIT 1), 0), count(*) FROM looked`,
		pgx.StrictNamedArgs{"campaign": l.campaign, "after": l.afterKey, "window": searchWindow}).Scan(&last, &n)
	if n == searchWindow {
		p.Next, p.Looked = strconv.FormatInt(last, 10), searchWindow
	}
	return p, err
}

// likeEscaped is a text as LIKE finds it.
func likeEscaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}

const (
	// maxHours bounds a chart: 90 days.
	maxHours = 90 * 24
	// A campaign of a few calls in a few hours is shown by shorter spans, for which its
	// attempts are read and not its counters.
	shortHours = 3
	shortCalls = 10_000
)

// Outcomes are a campaign's calls by the hour, or by five minutes while it is young.
func (db *DB) Outcomes(ctx context.Context, campaignID int64) (o app.Outcomes, err error) {
	type row struct {
		at      time.Time
		state   string
		outcome string
		n       int
	}
	scan := func(r pgx.CollectableRow) (x row, err error) {
		err = r.Scan(&x.at, &x.state, &x.outcome, &x.n)
		return x, err
	}
	err = db.read(ctx, func(tx pgx.Tx) error {
		o.Every = time.Hour
		rows, err := collect(ctx, tx, scan, `
			SELECT hour, state, outcome, n FROM (
				SELECT hour, state, outcome, n FROM hourly_totals
				WHERE campaign_id = $1 AND state IN ('dialing', 'unknown', 'accepted', 'ended', 'lost') ORDER BY hour DESC LIMIT $2) AS h ORDER BY hour`,
			campaignID, maxHours*16)
		if err != nil || len(rows) == 0 {
			return err
		}
		calls := 0
		for _, r := range rows {
			calls += r.n
		}
		first, last := rows[0].at, rows[len(rows)-1].at
		if span := last.Sub(first); span < shortHours*time.Hour && calls <= shortCalls {
			o.Every = 5 * time.Minute
			if span == 0 {
				o.Every = time.Minute
			}
			rows, err = collect(ctx, tx, scan, `
				SELECT date_bin($4, dialed_at, 'epoch') AS at, state, coalesce(disposition, ''), count(*) FROM attempts
				WHERE campaign_id = $1 AND dialed_at >= $2 AND dialed_at < $3 AND state IN ('dialing', 'unknown', 'accepted', 'ended', 'lost')
				GROUP BY 1, 2, 3 ORDER BY 1`, campaignID, first, last.Add(time.Hour), o.Every)
		}
		for _, r := range rows {
			if n := len(o.Points); n == 0 || !o.Points[n-1].At.Equal(r.at) {
				o.Points = append(o.Points, app.OutcomePoint{At: r.at, Ended: map[campaign.Disposition]int{}})
			}
			point := &o.Points[len(o.Points)-1]
			if r.outcome == "" {
				point.Underway += r.n
			} else {
				point.Ended[campaign.Disposition(r.outcome)] += r.n
			}
		}
		return err
	})
	if err != nil {
		return o, fmt.Errorf("read the outcomes of campaign %d: %w", campaignID, err)
	}
	o.EveryS = int(o.Every / time.Second)
	return o, nil
}

// CostByCountry is what a campaign's calls cost by country, the dearest first.
func (db *DB) CostByCountry(ctx context.Context, campaignID int64) ([]app.CountryCost, error) {
	list, err := collect(ctx, db.pool, func(row pgx.CollectableRow) (c app.CountryCost, err error) {
		err = row.Scan(&c.Country, &c.Calls, &c.Seconds, &c.Confirmed, &c.ConfirmedCalls, &c.Estimated, &c.EstimatedCalls, &c.Missing, &c.Open)
		return c, err
	}, `
		SELECT t.country, sum(t.n)::bigint, sum(t.seconds)::bigint,
		       coalesce(sum(t.price) FILTER (WHERE t.billing = 'confirmed'), 0), coalesce(sum(t.n) FILTER (WHERE t.billing = 'confirmed'), 0)::bigint,
		       coalesce(sum(t.seconds * r.rate / 60) FILTER (WHERE t.billing = 'estimated'), 0),
		       coalesce(sum(t.n) FILTER (WHERE t.billing = 'estimated' AND r.rate IS NOT NULL), 0)::bigint,
		       coalesce(sum(t.n) FILTER (WHERE t.billing = 'missing' OR t.billing = 'estimated' AND r.rate IS NULL), 0)::bigint,
		       coalesce(sum(t.n) FILTER (WHERE t.billing = 'open'), 0)::bigint
		FROM country_totals t LEFT JOIN LATERAL (SELECT greatest(known, configured) AS rate FROM call_rates WHERE call_rates.country = t.country) AS r ON true
		WHERE t.campaign_id = $1 GROUP BY t.country ORDER BY 4 DESC, 2 DESC, 1`, campaignID)
	if err != nil {
		return nil, fmt.Errorf("read the cost of campaign %d: %w", campaignID, err)
	}
	return list, nil
}
