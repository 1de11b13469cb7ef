package storage

import (
	"encoding/json"
	"strconv"
	"strings"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// searchWindow is how many rows a search reads for a part of their text. It takes ten
// microseconds a row, so that a page comes within a tenth of a second on a busy machine.
const searchWindow = 5_000

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
