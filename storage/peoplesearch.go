package storage

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
)

// searchWindow is how many rows a search reads for a part of their text. A row takes
// ten microseconds, so a page is ready within a tenth of a second on a busy machine.
const searchWindow = 5_000

// searchPart is where a search looks. Its cursor names the part, and the last person of
// the page before: 17~n.
type searchPart string

const (
	exactly    searchPart = "x" // the text is the person's key or number
	byKeys     searchPart = "k" // the person's key begins with it
	byNumbers  searchPart = "n" // the person's number, the one that is called, begins with it
	withinRows searchPart = "r" // the person's row contains it
)

// search finds the people with exactly this key or number. If there are none, it finds
// first those whose key begins with it, then those whose number does, then those whose
// row contains the text, among the next searchWindow rows by key.
func (l *peopleList) search(text string) (p app.PeoplePage, err error) {
	parts := []searchPart{exactly, byKeys, byNumbers, withinRows}
	//guard:false internal/dashboard.TestViewersSearchWholeNumbers: a viewer finds out no number digit by digit
	if l.q.Whole {
		parts = parts[:1]
	}
	if l.q.After != "" {
		first := slices.Index(parts, searchPart(l.afterAt))
		if first < 0 {
			return p, app.ErrCursor
		}
		parts = parts[first:]
	}
	var found []listed
	for _, part := range parts {
		room := l.q.Limit - len(found)
		list, err := l.searchIn(part, text, room+1)
		if err != nil {
			return p, err
		}
		if len(list) > room { // the rest of the part comes next
			if list = list[:room]; room > 0 {
				l.afterID = list[room-1].id
			}
			p.Next = fmt.Sprintf("%d~%s", l.afterID, part)
		}
		found = append(found, list...)
		if p.Next != "" || part == exactly && len(list) > 0 {
			break
		}
		if part == withinRows {
			err = l.lookedAt(&p)
			if err != nil {
				return p, err
			}
		}
		l.afterID, l.afterKey, l.afterNumber = 0, "", ""
	}
	p.Items = column(found, func(e listed) json.RawMessage { return e.object })
	return p, nil
}

// beginsWith is the condition that a text begins with another, in a form that uses an
// index.
func beginsWith(text, beginning string) string {
	return fmt.Sprintf(`(%[1]s COLLATE "C" >= %[2]s AND %[1]s COLLATE "C" < %[2]s || U&'\+10FFFF')`, text, beginning)
}

// searchIn finds people of one part, from the page's beginning.
func (l *peopleList) searchIn(part searchPart, text string, limit int) ([]listed, error) {
	digits := strings.TrimLeft(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(text), "+")
	isNumber := len(digits) >= 3 && strings.Trim(digits, "0123456789") == ""
	var found string
	args := pgx.StrictNamedArgs{"campaign": l.campaign, "limit": limit}
	switch part {
	case exactly:
		args["text"], args["digits"], args["after"] = text, digits, l.afterID
		found = `
			SELECT id, '' AS place FROM contacts WHERE campaign_id = @campaign AND key = @text AND id > @after
			UNION SELECT id, '' FROM contacts WHERE campaign_id = @campaign AND to_number COLLATE "C" = @digits AND id > @after
			UNION SELECT id, '' FROM contacts WHERE campaign_id = @campaign AND numbers @> ARRAY[@digits::text] AND id > @after
			ORDER BY id LIMIT @limit`
	case byKeys:
		args["text"], args["after"], args["runs"] = text, l.afterKey, l.runs()
		found = `
			SELECT k.id, k.key COLLATE "C" AS place
			FROM unnest(@runs::text[]) AS w (run) CROSS JOIN LATERAL (
				SELECT id, key FROM contacts k
				WHERE k.campaign_id = @campaign AND listed_as(k.state, k.reason, k.heard_at, k.result, k.phone_opted_out) = w.run
				  AND ` + beginsWith("k.key", "@text") + ` AND k.key COLLATE "C" > @after
				ORDER BY k.key COLLATE "C" LIMIT @limit) AS k
			ORDER BY k.key COLLATE "C" LIMIT @limit`
	case byNumbers:
		if !isNumber {
			return nil, nil
		}
		args["text"], args["from"], args["until"], args["after_id"] = text, max(digits, l.afterNumber), digits+":", l.afterID
		found = `
			SELECT k.id, k.to_number COLLATE "C" AS place FROM contacts k
			WHERE k.campaign_id = @campaign AND k.to_number COLLATE "C" >= @from AND k.to_number COLLATE "C" < @until
			  AND (k.to_number COLLATE "C" > @from OR k.id > @after_id) AND NOT ` + beginsWith("k.key", "@text") + `
			ORDER BY k.to_number COLLATE "C", k.id LIMIT @limit`
	case withinRows:
		quoted, err := json.Marshal(text)
		if err != nil {
			return nil, err
		}
		args["text"], args["after"], args["window"] = text, l.afterKey, searchWindow
		args["like_quoted"], args["like"] = likeEscaped(string(quoted[1:len(quoted)-1])), likeEscaped(text)
		args["number"] = "-" // no number begins with it
		if isNumber {
			args["number"] = digits
		}
		// The check of the whole row is faster, and accepts a few more.
		found = `
			SELECT k.id, k.key AS place FROM (` + searchedRows + `) AS k
			WHERE k.vars::text ILIKE '%' || @like_quoted || '%'
			  AND EXISTS (SELECT FROM jsonb_each_text(k.vars) AS cell WHERE cell.value ILIKE '%' || @like || '%')
			  AND NOT ` + beginsWith("k.key", "@text") + ` AND NOT ` + beginsWith("k.to_number", "@number") + `
			ORDER BY k.key LIMIT @limit`
	}
	return collect(l.ctx, l.tx, scanListed, `
		WITH found AS (`+found+`)
		SELECT f.id, '', to_jsonb(v) FROM found f JOIN reporting.contacts v ON v.contact_id = f.id
		ORDER BY f.place, f.id`, args)
}

// searchedRows are the rows that a search for a text in rows reads.
const searchedRows = `
	SELECT id, key, to_number, vars FROM contacts WHERE campaign_id = @campaign AND key > @after ORDER BY key LIMIT @window`

// lookedAt stores where the search for a text continues, if there are more rows than
// were read.
func (l *peopleList) lookedAt(p *app.PeoplePage) error {
	var last, n int64
	err := l.tx.QueryRow(l.ctx, `
		WITH looked AS MATERIALIZED (SELECT id, key FROM (`+searchedRows+`) AS k)
		SELECT coalesce((SELECT id FROM looked ORDER BY key DESC LIMIT 1), 0), count(*) FROM looked`,
		pgx.StrictNamedArgs{"campaign": l.campaign, "after": l.afterKey, "window": searchWindow}).Scan(&last, &n)
	if n == searchWindow {
		p.Next, p.Looked = fmt.Sprintf("%d~%s", last, withinRows), searchWindow
	}
	return err
}

// likeEscaped escapes a text for LIKE.
func likeEscaped(text string) string {
	return strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
}
