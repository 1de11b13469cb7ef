package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// CampaignPeople lists a campaign's people for its page. Each form reads an index from
// the page's beginning, so it takes as long for a million people as for a hundred.
func (db *DB) CampaignPeople(ctx context.Context, campaignID int64, q app.PeopleQuery) (p app.PeoplePage, err error) {
	err = db.lookup(ctx, func(tx pgx.Tx) error {
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

// peopleList is the reading of one page of people.
type peopleList struct {
	ctx         context.Context
	tx          pgx.Tx
	campaign    int64
	q           app.PeopleQuery
	afterID     int64  // the last person of the page before; 0: there is none
	afterKey    string // that person's key
	afterNumber string // that person's number
	afterAt     string // that person's place in the order
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
	if l.afterID == 0 {
		return nil
	}
	err = l.tx.QueryRow(l.ctx, `SELECT key, to_number FROM contacts WHERE id = $1 AND campaign_id = $2`, l.afterID, l.campaign).Scan(&l.afterKey, &l.afterNumber)
	if err != nil {
		return translate(err)
	}
	return nil
}

// runs are the values of listed_as in the query, in the order of states.
func (l *peopleList) runs() (list []string) {
	add := func(state campaign.ContactState, reason campaign.Reason) {
		for _, reach := range []string{"0", "1", "2"} {
			run := fmt.Sprintf("%s %s %s", state, reason, reach)
			if list = append(list, run); reason == campaign.ReasonSuppressed {
				list = append(list, run+"o")
			}
		}
	}
	for _, state := range []campaign.ContactState{campaign.Pending, campaign.Active, campaign.Waiting} {
		if l.q.Reason == "" && (l.q.State == "" || l.q.State == string(state)) {
			add(state, "")
		}
	}
	for _, reason := range campaign.Reasons {
		if (l.q.State == "" || l.q.State == string(campaign.Done)) && (l.q.Reason == "" || l.q.Reason == string(reason)) {
			add(campaign.Done, reason)
		}
	}
	return list
}

// asked are those of the runs that the campaign counts as not reached, or as people
// whom a person must reach, if the query asks for these.
func (l *peopleList) asked() ([]string, error) {
	if !l.q.NotReached && !l.q.ByHand {
		return l.runs(), nil
	}
	return collect(l.ctx, l.tx, pgx.RowTo[string], `
		SELECT w.run FROM unnest(@runs::text[]) WITH ORDINALITY AS w (run, place), campaigns c, LATERAL (SELECT c.settings->'retry'->>'until' AS until) AS asked
		WHERE c.id = @campaign AND (NOT @not_reached OR not_reached_as(until, w.run)) AND (NOT @by_hand OR by_hand_as(until, w.run)) ORDER BY w.place`,
		pgx.StrictNamedArgs{"runs": l.runs(), "campaign": l.campaign, "not_reached": l.q.NotReached, "by_hand": l.q.ByHand})
}

// order adapts the statement's parts to the direction.
func (l *peopleList) order(query string) string {
	over, down := ">", ""
	if l.q.Descending {
		over, down = "<", "DESC"
	}
	return strings.NewReplacer("{over}", over, "{down}", down).Replace(query)
}

// args are the arguments of the statements that begin after a key. A run that has not
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

// page reads the result of a query for people: the id, the place, the object.
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

// byState reads each run of the index from the page's beginning, and takes the first
// people of all runs: by key, or run after run.
func (l *peopleList) byState() (app.PeoplePage, error) {
	runs, err := l.asked()
	if err != nil {
		return app.PeoplePage{}, err
	}
	place := 0
	if l.q.Order == app.ByState && l.afterAt != "" {
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
				WHERE k.campaign_id = @campaign AND listed_as(k.state, k.reason, k.heard_at, k.result, k.phone_opted_out) = w.run
				  AND k.key COLLATE "C" {over} CASE WHEN @in_states AND w.place <> @place THEN @edge ELSE @after END
				ORDER BY k.key COLLATE "C" {down} LIMIT @limit) AS k
			WHERE NOT @in_states OR @place = 0 OR w.place {over}= @place
			ORDER BY 3 {down}, k.key COLLATE "C" {down} LIMIT @limit
		)
		SELECT f.id, CASE WHEN @in_states THEN f.place::text ELSE '' END, to_jsonb(v)
		FROM found f JOIN reporting.contacts v ON v.contact_id = f.id ORDER BY f.place {down}, f.key COLLATE "C" {down}`,
		l.args(pgx.StrictNamedArgs{"runs": runs, "in_states": l.q.Order == app.ByState, "place": place}))
}

// byResult lists people with a result, by the result and the key.
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

// byNext lists people who must still be called, by due time: each group of zones from
// the front of the claim's index.
func (l *peopleList) byNext() (app.PeoplePage, error) {
	at := int64(0)
	if l.afterAt != "" {
		var err error
		if at, err = strconv.ParseInt(l.afterAt, 10, 64); err != nil {
			return app.PeoplePage{}, app.ErrCursor
		}
	}
	// Waiting contacts are not among first calls, and the other way round: so those runs
	// are not read.
	urgencies := map[string][]int16{"": {0, 1, 2}, string(campaign.Waiting): {0, 1}, string(campaign.Pending): {0, 2}}[l.q.State]
	args := pgx.StrictNamedArgs{"campaign": l.campaign, "limit": l.q.Limit + 1, "state": plain(l.q.State), "urgencies": urgencies}
	behind := ``
	if l.afterID != 0 {
		behind = `AND (k.due_at, k.id) {over} (timestamptz 'epoch' + @at::bigint * interval '1 microsecond', @id::bigint)`
		args["id"], args["at"] = l.afterID, at
	}
	return l.page(`
		WITH found AS (
			SELECT k.id, k.due_at FROM zone_groups g
			CROSS JOIN unnest(@urgencies::smallint[]) AS u (urgency)
			CROSS JOIN LATERAL (
				SELECT id, due_at FROM contacts k
				WHERE k.zone_group_id = g.id AND k.urgency = u.urgency AND k.state IN ('pending', 'waiting')
				  AND (@state = '' OR k.state = @state) `+behind+`
				ORDER BY k.due_at {down}, k.id {down} LIMIT @limit) AS k
			WHERE g.campaign_id = @campaign
			ORDER BY k.due_at {down}, k.id {down} LIMIT @limit
		)
		SELECT f.id, (extract(epoch FROM f.due_at) * 1000000)::bigint::text, to_jsonb(v)
		FROM found f JOIN reporting.contacts v ON v.contact_id = f.id ORDER BY f.due_at {down}, f.id {down}`, args)
}

func scanListed(row pgx.CollectableRow) (e listed, err error) {
	err = row.Scan(&e.id, &e.at, &e.object)
	return e, err
}
