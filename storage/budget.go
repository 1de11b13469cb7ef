package storage

import (
	"context"
	"errors"
	"fmt"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
)

// spentBudget is a campaign with too little budget left for another call.
type spentBudget struct {
	Campaign            int64
	Name                string
	Budget, Spent, Gone decimal.Decimal     // gone is reserved for calls whose price will never be known
	Worst               decimal.NullDecimal // the most that one call may cost
	People, CallsPriced int64
}

// why tells a person what the campaign would need.
func (s spentBudget) why() string {
	text := fmt.Sprintf("its budget of %s is used: %s is spent", s.Budget, s.Spent)
	if !s.Gone.IsZero() {
		text += fmt.Sprintf(", and %s is held for calls whose price will not be known", s.Gone)
	}
	if s.Worst.Valid {
		text += fmt.Sprintf(", and the next call may cost up to %s", s.Worst.Decimal)
	}
	text += fmt.Sprintf("; %d people are still to be called", s.People)
	if s.CallsPriced > 0 {
		each := s.Spent.Div(decimal.NewFromInt(s.CallsPriced))
		text += fmt.Sprintf(", which takes about %s more at what calls have cost so far", each.Mul(decimal.NewFromInt(s.People)).StringFixed(2))
	}
	if s.Worst.Valid {
		text += fmt.Sprintf(", and %s at the most", s.Worst.Decimal.Mul(decimal.NewFromInt(s.People)).StringFixed(2))
	}
	return text
}

// spentBudgets are the running campaigns with too little budget left for another call;
// only @campaign, unless it is 0. A person with a call in progress may need none.
const spentBudgets = `
		SELECT c.id, c.name, l.budget, t.spent, gone.held, campaign_worst(c.id), t.people, t.priced
		FROM campaign_limits l JOIN campaigns c ON c.id = l.campaign_id, LATERAL (
			SELECT coalesce(sum(price), 0) AS spent, coalesce(sum(priced) FILTER (WHERE subject = 'attempts'), 0)::bigint AS priced,
			       -- guard:value storage.TestBudgetPausesWhatIsQueued: who waits in the queue is still to be called
			       coalesce(sum(n) FILTER (WHERE subject = 'contacts' AND state IN ('pending', 'waiting') OR subject = 'attempts' AND state = 'reserved'), 0)::bigint AS people
			FROM counter_totals WHERE campaign_id = c.id) AS t, LATERAL (
			SELECT coalesce(sum(o.held), 0) AS held FROM attempts o
			WHERE o.campaign_id = c.id AND ` + heldForEver + `) AS gone
		WHERE c.status = 'running' AND l.budget IS NOT NULL AND t.people > 0 AND (@campaign::bigint = 0 OR c.id = @campaign)
		  AND (l.budget <= t.spent + gone.held OR l.budget - t.spent - gone.held < campaign_worst(c.id))`

// heldForEver are attempts whose price will never be known: nobody knows about their
// call, or Vonage, which keeps records for @kept, has deleted its record.
const heldForEver = `o.held IS NOT NULL AND o.price IS NULL AND o.state NOT IN ('refused', 'absent')
	-- guard:value storage.TestBudgetHeldForEverPauses: what is held for ever is as good as spent
	AND (o.state = 'lost' OR o.dialed_at < now() - @kept::interval)`

// releaseUnanswered releases the amounts reserved for calls that nobody answered and
// whose record has no price, once the whole list was read after they ended.
const releaseUnanswered = `
	UPDATE attempts SET held = NULL
	WHERE id IN (
		SELECT o.id FROM attempts o JOIN provider_calls p ON p.call_uuid = o.call_uuid
		WHERE o.held IS NOT NULL AND o.price IS NULL AND o.state NOT IN ('refused', 'absent')
		  -- guard:drop storage.TestUnansweredCallWithoutAPriceHoldsNothing: an answered call holds its money until its price comes
		  AND o.answered_at IS NULL AND o.disposition IN ('busy', 'unanswered', 'timeout', 'failed', 'rejected', 'cancelled')
		  AND o.state = 'ended' AND p.price IS NULL AND coalesce(p.duration_s, 0) = 0 AND o.ended_at < now() - @settle::interval
		  -- guard:drop storage.TestUnansweredCallWithoutAPriceHoldsNothing: the list is read whole first, for a price that comes late
		  AND EXISTS (SELECT FROM list_scans s WHERE s.started_at > o.ended_at + @settle::interval AND scan_proves(s)
		              AND s.from_time <= coalesce(p.start_time, o.dialed_at) AND s.to_time >= coalesce(p.start_time, o.token_expires_at))
		ORDER BY o.contact_id, o.attempt_no FOR NO KEY UPDATE OF o SKIP LOCKED)`

// PauseSpent pauses the running campaigns with too little budget left for another call,
// with an alarm. It raises an alarm if the account's budget of the day is too small. It
// returns how many campaigns it paused. An amount reserved for calls without a price
// yet is not counted, while it may be released.
func (db *DB) PauseSpent(ctx context.Context, t campaign.Times) (int, error) {
	_, err := db.pool.Exec(ctx, releaseUnanswered, pgx.StrictNamedArgs{"settle": t.SettleAfter})
	errs := []error{err}
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[spentBudget], spentBudgets, pgx.StrictNamedArgs{"campaign": 0, "kept": t.RecordsKept})
	errs = append(errs, err)
	for _, s := range list {
		errs = append(errs, db.inTx(ctx, func(tx pgx.Tx) error { return pauseSpent(ctx, tx, s.Campaign, t) }))
	}
	// The amount is not in the detail: each amount would be another alarm.
	_, err = db.pool.Exec(ctx, `
		INSERT INTO alarms (kind, detail)
		SELECT @kind, format('the budget of %s for %s is used: a call may cost more than is left of it',
		                     l.daily_budget, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'))
		FROM account_limits l, LATERAL (
			-- What calls hold may come back.
			-- guard:value storage.TestDailyBudgetAlarm: what is only held raises no alarm
			SELECT account_room(now()) + coalesce(sum(o.held), 0) AS money FROM attempts o
			WHERE o.held IS NOT NULL AND o.price IS NULL AND o.state NOT IN ('refused', 'absent', 'lost') AND o.dialed_at >= date_trunc('day', now(), 'UTC')) AS room,
		LATERAL (SELECT max(campaign_worst(c.id)) AS most FROM campaigns c WHERE c.status = 'running') AS worst
		WHERE room.money <= 0 OR room.money < worst.most
		ON CONFLICT DO NOTHING`, pgx.StrictNamedArgs{"kind": campaign.AlarmDayBudget})
	if err := errors.Join(append(errs, err)...); err != nil {
		return len(list), fmt.Errorf("pause campaigns whose budget is used: %w", err)
	}
	return len(list), nil
}

// pauseSpent pauses a campaign if its budget is still used up once its row is locked:
// in the meantime somebody may have raised it.
func pauseSpent(ctx context.Context, tx pgx.Tx, id int64, t campaign.Times) error {
	c, err := lockCampaign(ctx, tx, id)
	if err != nil || c.status != campaign.Running {
		return err
	}
	list, err := collect(ctx, tx, pgx.RowToStructByPos[spentBudget], spentBudgets, pgx.StrictNamedArgs{"campaign": id, "kept": t.RecordsKept})
	if err != nil || len(list) == 0 {
		return err
	}
	s := list[0]
	if err := c.pause(ctx, tx, app.Dialer, s.why()+"; raise it with `dialer campaign edit --budget`, then resume", campaign.Operator); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, raiseAlarm, nil, campaign.AlarmBudget, fmt.Sprintf("campaign %d was paused: %s", s.Campaign, s.why()))
	return err
}

// unpricedCalls are attempts that may still cost something, by three indexes: those in
// progress, those that have ended without a price yet, and the lost.
const unpricedCalls = `(o.state IN ('dialing', 'unknown') OR (o.state = 'accepted' OR o.state = 'ended' AND o.price IS NULL) OR o.state = 'lost')`

// holdUnpriced reserves the possible cost of calls for a budget that is stored later in
// the same transaction: the gate knew no budget when it let them through. It reserves
// the amount that the gate would reserve, by the version with which they were reserved.
// If no rate is known, that is the whole budget.
//
// In the meantime no gate may let through a call that the budget covers.
const (
	holdUnpriced = `
		UPDATE attempts a SET held = greatest(a.held, coalesce(o.worst, @budget::text::numeric))
		FROM (SELECT o.id, call_worst(o.campaign_id, o.contact_id)
		             * coalesce(ceil((v.settings ->> 'length_timer')::int / 60.0) / ceil(c.length_s / 60.0), 1) AS worst
		      FROM attempts o LEFT JOIN campaigns c ON c.id = o.campaign_id
		      LEFT JOIN campaign_versions v ON v.campaign_id = o.campaign_id AND v.version = o.campaign_version
		      WHERE o.price IS NULL AND ` + unpricedCalls
	holdUnpricedOfCampaign = holdUnpriced + ` AND o.campaign_id = @campaign` + holdUnpricedInOrder
	holdUnpricedOfTheDay   = holdUnpriced + ` AND o.dialed_at >= date_trunc('day', now(), 'UTC')` + holdUnpricedInOrder
	holdUnpricedInOrder    = ` ORDER BY o.contact_id, o.attempt_no FOR NO KEY UPDATE OF o) AS o
		WHERE a.id = o.id AND (a.held IS NULL OR o.worst IS NULL)`
)
