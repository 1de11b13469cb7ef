package storage

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"dialer/campaign"
	"dialer/internal/failpoint"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// claim reserves contacts in one statement.
//
// It is a filter that uses an index. It does not decide whether a call is made: the
// gate does. A contact that it skips is tried at the next claim. One that it takes too
// early is withdrawn at the gate. It ends suppressed contacts, and delays those whose
// number has reached its cap.
//
// It locks the campaigns' rows shared, so that a pause waits for it and then finds
// every attempt that it made. It takes nothing that another transaction has locked.
// Attempts are inserted in the order of their numbers, so that two claims cannot
// deadlock. Of contacts that share a number the first is claimed. If another claim took
// a number first, the contact simply stays as it is.
//
// Each group of zones is read by urgency from the front of an index, up to the limit.
// The check whether the number has an open attempt runs for one contact at a time. It
// is not a NOT EXISTS, because the planner turns that into a join: over a table that
// had grown since it was last analyzed, that join took seconds. For the same reason the
// statement is planned each time, for the tables as they are.
//
// The hours must also include the moments @margin and the campaign's own margin later:
// attempts reserved now are dialed within @margin, or the gate would have to withdraw
// them.
const claim = `
	WITH running AS MATERIALIZED (
		SELECT id, version, from_numbers, open_minutes, closed_dates, margin_minutes, priority, share, cap_calls, cap_spans, remind_merge FROM campaigns
		WHERE status = 'running' AND (starts_at IS NULL OR starts_at <= now()) AND (ends_at IS NULL OR ends_at > now() + interval '30 seconds')
		  AND EXISTS (SELECT FROM database_identity WHERE NOT locked)
		FOR SHARE SKIP LOCKED
	), roomy AS MATERIALIZED (
		-- What is reserved beyond a limit would wait in the queue, before others.
		-- Functions are called where there is a limit only: Postgres plans them in each claim that calls them.
		SELECT * FROM (
			SELECT r.*, least(@limit, CASE WHEN EXISTS (SELECT FROM campaign_limits l WHERE l.campaign_id = r.id)
			                                 OR EXISTS (SELECT FROM account_limits WHERE daily_budget IS NOT NULL) THEN claimable(r.id) END) AS most
			FROM running r OFFSET 0) AS room
		WHERE most > 0
	), open_groups AS MATERIALIZED (
		SELECT g.id, r.id AS campaign_id, r.from_numbers, r.version, r.priority, r.share, r.cap_calls, r.cap_spans, r.remind_merge, r.most
		FROM roomy r JOIN zone_groups g ON g.campaign_id = r.id
		CROSS JOIN LATERAL (SELECT CASE WHEN g.zone_missing THEN NULL ELSE g.zones END) AS known (zones)
		-- guard:value chaos.Hours: the hours hold for who is called again
		WHERE within_hours(now(), known.zones, r.open_minutes, r.closed_dates)
		  -- guard:value2 chaos.Hours: the hours hold for who is called again
		  AND within_hours(now() + @margin::interval + r.margin_minutes * interval '1 minute', known.zones, r.open_minutes, r.closed_dates)
	), found AS MATERIALIZED (
		SELECT k.id, g.campaign_id, g.from_numbers, g.version, g.priority, g.share, g.cap_calls, g.cap_spans, g.remind_merge, g.most, u.urgency, k.due_at
		FROM open_groups g
		CROSS JOIN (VALUES (0::smallint), (1), (2)) AS u (urgency)
		CROSS JOIN LATERAL (
			SELECT id, due_at FROM contacts k
			WHERE k.zone_group_id = g.id AND k.urgency = u.urgency
			  AND k.state IN ('pending', 'waiting') AND k.due_at <= now()
			  -- guard:value3 chaos.Hours: the hours hold for who is called again
			  AND k.call_with IS NULL
			  AND (k.not_later_than IS NULL OR k.not_later_than > now() + interval '30 seconds')
			  AND (SELECT o.id FROM attempts o WHERE o.to_number = k.to_number
			       AND o.state IN ('reserved', 'dialing', 'unknown', 'accepted') LIMIT 1) IS NULL
			ORDER BY k.due_at, k.id LIMIT g.most
		) AS k
	), lower AS MATERIALIZED (
		SELECT DISTINCT priority, urgency FROM found WHERE @below::int > 0 ORDER BY priority DESC, urgency OFFSET 1
	), chosen AS MATERIALIZED (
		-- One priority and urgency below the first. Each has its turn.
		SELECT priority, urgency FROM lower ORDER BY priority DESC, urgency
		-- guard:value storage.TestWhatWaitsBetweenKeepsATenth: a tenth of the calls goes round what lies below
		OFFSET @below::int % (SELECT nullif(count(*), 0) FROM lower) LIMIT 1
	), lowest AS MATERIALIZED (
		-- The least priority that waits in the queue, where there are two.
		SELECT min(q.priority) AS priority FROM running q
		WHERE (SELECT count(DISTINCT priority) FROM running) > 1
		  AND (SELECT o.id FROM attempts o WHERE o.campaign_id = q.id AND o.state = 'reserved' LIMIT 1) IS NOT NULL
	), in_turn AS MATERIALIZED (
		-- Campaigns of one priority share what is taken by their weights. The next contact
		-- of each comes at a random distance: the more the campaign weighs, the shorter.
		SELECT *, coalesce(priority = (SELECT priority FROM chosen) AND urgency = (SELECT urgency FROM chosen), false) AS below,
		       -- guard:value storage.TestCampaignsShareByWeight: campaigns of one priority share the calls by their weights
		       sum(-ln(1 - random()) / share) OVER (PARTITION BY campaign_id, urgency ORDER BY due_at, id) AS turn
		FROM found
		ORDER BY below DESC, priority DESC, urgency, turn, due_at, id LIMIT @limit
	), candidates AS MATERIALIZED (
		SELECT *, row_number() OVER (PARTITION BY campaign_id ORDER BY below DESC, urgency, due_at, id) AS nth FROM in_turn
	), locked AS MATERIALIZED (
		SELECT k.id, k.campaign_id, k.to_number, k.country, k.numbers IS NOT NULL AS several, k.next_attempt_no, k.urgency, k.due_at, q.version, q.priority, q.turn, q.below,
		       coalesce(
		           -- guard:value storage.TestLateReminderNearTheNext: of a late reminder and the next one that is near one call is made
		           CASE WHEN q.remind_merge IS NOT NULL THEN (SELECT min(at) FROM unnest(k.remind_at) AS at WHERE at > now() AND at <= now() + q.remind_merge) END,
		           CASE WHEN cardinality(q.cap_calls) > 0 THEN number_free_at(k.to_number, q.cap_calls, q.cap_spans, now()) END) AS free_at,
		       q.from_numbers[1 + k.id % cardinality(q.from_numbers)] AS from_number,
		       -- guard:value storage.TestClaimEndsSuppressedContacts: the claim ends suppressed contacts
		       EXISTS (SELECT FROM suppressions_of(k.to_number, k.campaign_id, now())) AS suppressed
		FROM candidates q JOIN contacts k ON k.id = q.id
		-- By way of coalesce, so that contacts are found by their ids and not by the index of all that are due.
		WHERE q.nth <= q.most AND coalesce(k.state, '') IN ('pending', 'waiting') AND k.due_at <= now() AND k.call_with IS NULL
		FOR UPDATE OF k SKIP LOCKED
	), ranked AS (
		SELECT *, row_number() OVER (ORDER BY below DESC, priority DESC, urgency, turn, due_at, id) AS rank FROM locked WHERE NOT suppressed AND free_at IS NULL
	), later AS (
		-- A number that was called often enough is due when it may be called again, and a
		-- late reminder becomes the next one if that is near. Of several numbers another
		-- one may be called: Decide says which.
		UPDATE contacts k SET due_at = l.free_at FROM locked l WHERE k.id = l.id AND NOT l.suppressed AND NOT l.several AND l.free_at > k.due_at
		RETURNING k.id
	), reserved AS (
		INSERT INTO attempts (id, contact_id, campaign_id, campaign_version, attempt_no, to_number, country, from_number, state, changed_by)
		SELECT (@ids::uuid[])[rank], id, campaign_id, version, next_attempt_no, to_number, country, from_number, 'reserved', 'feeder'
		-- guard:value storage.TestClaimFirstOfThoseWhoShareANumber: a number is called for the first of those who share it
		FROM ranked ORDER BY to_number, rank
		ON CONFLICT (to_number) WHERE state IN ('reserved', 'dialing', 'unknown', 'accepted') AND NOT superseded DO NOTHING
		RETURNING id, contact_id, campaign_id, enqueue_count
	), activated AS (
		UPDATE contacts k SET state = 'active', next_attempt_no = k.next_attempt_no + 1
		FROM reserved r WHERE k.id = r.contact_id
	)
	-- By way of contacts, whose index is read once for each: a join with locked would compare each with each.
	SELECT r.id, r.enqueue_count,
	       -- guard:value storage.TestPriority: a call goes before what is queued of a lower priority
	       CASE WHEN @below::int > 0 OR (SELECT q.priority FROM running q WHERE q.id = r.campaign_id) > (SELECT priority FROM lowest) THEN 0 ELSE k.urgency END::smallint,
	       0 AS suppressed_contact, 0 AS later
	FROM reserved r JOIN contacts k ON k.id = r.contact_id
	UNION ALL
	SELECT @none::uuid, 0, 0, id, 0 FROM locked WHERE suppressed
	UNION ALL
	SELECT @none::uuid, 0, 0, id, id FROM locked WHERE NOT suppressed AND several AND free_at IS NOT NULL
	UNION ALL
	SELECT @none::uuid, 0, 0, 0, id FROM later`

// claimRounds is the most rounds of suppressed contacts, and of numbers at their cap,
// that one Claim skips before it returns nothing.
const claimRounds = 10

// belowEvery: one claim in this many begins with a lower priority and urgency, each in
// its turn, and its attempts go to the front of the queue. So lower priorities keep a
// tenth.
const belowEvery = 10

// Claim reserves up to limit contacts that are due and may be called now: due reminders
// first, then retries, then first calls. Campaigns of the highest priority come first,
// and those of one priority by their shares. Due contacts that are suppressed end in
// the process.
func (db *DB) Claim(ctx context.Context, limit int) ([]campaign.QueuedAttempt, error) {
	checked := false
	below := 0 // the lower priority that comes first; 0: none
	//guard:false storage.TestWhatWaitsBelowKeepsATenth: a campaign of a low priority is called too
	if n := db.claims.Add(1); n%belowEvery == 0 {
		below = int(n / belowEvery % math.MaxInt32)
	}
	for range claimRounds {
		attempts, passed, err := db.claimOnce(ctx, limit, below)
		//guard:false storage.TestClaimWithUnknownZone: a zone that Postgres does not know stops nobody else
		if isState(err, invalidParameter) && !checked {
			checked = true
			if err := db.CheckZones(ctx); err != nil {
				return nil, fmt.Errorf("claim contacts: %w", err)
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("claim contacts: %w", err)
		}
		if len(attempts) > 0 || passed == 0 {
			return attempts, nil
		}
	}
	return nil, nil
}

// claimOnce also returns how many contacts it ended or delayed.
func (db *DB) claimOnce(ctx context.Context, limit, below int) (attempts []campaign.QueuedAttempt, passed int, err error) {
	ids, err := newIDs(limit)
	if err != nil {
		return nil, 0, err
	}
	err = db.inTx(ctx, func(tx pgx.Tx) error {
		var contacts, capped []int64
		attempts, contacts, capped, passed, err = runClaim(ctx, tx, claimArgs(ids, limit, below))
		failpoint.HitIf(len(attempts) > 0, "claim.commit")
		if passed += len(contacts) + len(capped); err != nil {
			return err
		}
		err = withContacts(ctx, tx, contacts, func(c *contactTx) (err error) {
			if c.suppressed, err = suppressedNow(ctx, tx, c.contact); err != nil {
				return err
			}
			return tx.QueryRow(ctx, `SELECT coalesce(bool_and(invalid), false) FROM suppressions_of($1, $2, now())`,
				c.contact.To, c.contact.CampaignID).Scan(&c.invalid)
		})
		if err != nil {
			return err
		}
		return withContacts(ctx, tx, capped, func(c *contactTx) (err error) {
			c.contact.FreeAt, err = numbersFreeAt(ctx, tx, c.contact)
			return err
		})
	})
	return attempts, passed, err
}

// claimArgs are the arguments of claim.
func claimArgs(ids []uuid.UUID, limit, below int) pgx.StrictNamedArgs {
	return pgx.StrictNamedArgs{
		"ids": ids, "limit": limit, "margin": campaign.CallMargin, "none": uuid.Nil, "below": below,
	}
}

// suppressedNow returns all numbers of a contact that are suppressed now, for good or
// for a time. It returns all, so that a contact with several numbers does not switch
// between two suppressed ones for ever.
func suppressedNow(ctx context.Context, tx pgx.Tx, k campaign.Contact) ([]string, error) {
	//guard:value([]string{k.To}, error(nil)) storage.TestAllOfSeveralNumbersAreSuppressedForADay: who has no number that is not suppressed has ended
	numbers, err := collect(ctx, tx, pgx.RowTo[string], `
		SELECT DISTINCT s.number FROM unnest($1::text[]) AS own (number), suppressions_of(own.number, $2, now()) AS s`,
		append([]string{k.To}, k.Numbers...), k.CampaignID)
	return append(numbers, k.To), err // it was suppressed when the claim looked
}

// numbersFreeAt says when each number of a contact that has reached its cap may be
// called again.
func numbersFreeAt(ctx context.Context, tx pgx.Tx, k campaign.Contact) (map[string]time.Time, error) {
	rows, err := tx.Query(ctx, `
		SELECT number, free.at FROM campaigns c, unnest($2::text[]) AS number, LATERAL number_free_at(number, c.cap_calls, c.cap_spans, now()) AS free (at)
		WHERE c.id = $1 AND free.at IS NOT NULL`, k.CampaignID, k.Numbers)
	if err != nil {
		return nil, err
	}
	free := map[string]time.Time{}
	var number string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&number, &at}, func() error { free[number] = at; return nil })
	return free, err
}

func runClaim(ctx context.Context, tx pgx.Tx, args pgx.StrictNamedArgs) (attempts []campaign.QueuedAttempt, suppressed, capped []int64, later int, err error) {
	rows, err := tx.Query(ctx, claim, pgx.QueryExecModeCacheDescribe, args)
	if err != nil {
		return nil, nil, nil, 0, err
	}
	var a campaign.QueuedAttempt
	var contact, put int64
	_, err = pgx.ForEachRow(rows, []any{&a.AttemptID, &a.EnqueueCount, &a.Urgency, &contact, &put}, func() error {
		switch {
		case contact != 0 && put != 0:
			capped = append(capped, contact)
		case contact != 0:
			suppressed = append(suppressed, contact)
		case put != 0:
			later++
		default:
			attempts = append(attempts, a)
		}
		return nil
	})
	slices.SortFunc(attempts, byID)
	return attempts, suppressed, capped, later, err
}

// byID is the order of the claim: the ids are UUIDv7, assigned by rank.
func byID(a, b campaign.QueuedAttempt) int { return bytes.Compare(a.AttemptID[:], b.AttemptID[:]) }

func newIDs(n int) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, n)
	for i := range ids {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		ids[i] = id
	}
	return ids, nil
}
