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

// spentBudget is a campaign whose budget lets it make no further call.
type spentBudget struct {
	Campaign            int64
	Name                string
	Budget, Spent       decimal.Decimal
	Worst               decimal.NullDecimal // the most that one call may cost
	People, CallsPriced int64
}

// why says for a person what the campaign would need.
func (s spentBudget) why() string {
	text := fmt.Sprintf("its budget of %s is used: %s is spent", s.Budget, s.Spent)
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

// spentBudgets are the running campaigns whose budget lets them make no further call; of
// $1 alone, if it is given.
const spentBudgets = `
		SELECT c.id, c.name, l.budget, t.spent, campaign_worst(c.id), t.people, t.priced
		FROM campaign_limits l JOIN campaigns c ON c.id = l.campaign_id, LATERAL (
			SELECT coalesce(sum(price), 0) AS spent, coalesce(sum(priced) FILTER (WHERE subject = 'attempts'), 0)::bigint AS priced,
			       coalesce(sum(n) FILTER (WHERE subject = 'contacts' AND state IN ('pending', 'waiting')), 0)::bigint AS people
			FROM counter_totals WHERE campaign_id = c.id) AS t
		WHERE c.status = 'running' AND l.budget IS NOT NULL AND t.people > 0
		  AND ($1::bigint IS NULL OR c.id = $1) AND (l.budget <= t.spent OR l.budget - t.spent < campaign_worst(c.id))`

// PauseSpent pauses the running campaigns whose budget lets them make no further
// call, with an alarm, and raises one if the account's budget of the day does. It
// returns how many it paused. What is held back for calls whose price is not known
// yet is not counted: it may come back.
func (db *DB) PauseSpent(ctx context.Context) (int, error) {
	list, err := collect(ctx, db.pool, pgx.RowToStructByPos[spentBudget], spentBudgets, nil)
	errs := []error{err}
	for _, s := range list {
		errs = append(errs, db.inTx(ctx, func(tx pgx.Tx) error { return pauseSpent(ctx, tx, s.Campaign) }))
	}
	_, err = db.pool.Exec(ctx, `
		INSERT INTO alarms (kind, detail)
		SELECT $1, format('the budget of %s for %s is used: %s is left, and a call may cost up to %s',
		                  l.daily_budget, to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), room.money, worst.most)
		FROM account_limits l, LATERAL (SELECT account_room(now()) AS money) AS room, LATERAL (
			SELECT max(campaign_worst(c.id)) AS most FROM campaigns c WHERE c.status = 'running') AS worst
		WHERE room.money <= 0 OR room.money < worst.most
		ON CONFLICT DO NOTHING`, campaign.AlarmDayBudget)
	if err := errors.Join(append(errs, err)...); err != nil {
		return len(list), fmt.Errorf("pause campaigns whose budget is used: %w", err)
	}
	return len(list), nil
}

// pauseSpent pauses a campaign if its budget is used once its row is locked: somebody may
// have raised it meanwhile.
func pauseSpent(ctx context.Context, tx pgx.Tx, id int64) error {
	c, err := lockCampaign(ctx, tx, id)
	if err != nil || c.status != campaign.Running {
		return err
	}
	list, err := collect(ctx, tx, pgx.RowToStructByPos[spentBudget], spentBudgets, id)
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

// unpricedCalls are attempts that may still cost something, by the three indexes that
// have them: those under way, those that have ended without a price yet, and the lost.
const unpricedCalls = `(o.state IN ('dialing', 'unknown') OR (o.state = 'accepted' OR o.state = 'ended' AND o.price IS NULL) OR o.state = 'lost')`

// holdUnpriced has calls hold back what they may cost, for a budget that is stored after
// it in the same transaction: the gate knew of none when it let them through. They hold
// what the gate would have them hold, by the version that they were reserved by; where no
// rate is known, the whole budget.
//
// No gate may let a call of the budget's through meanwhile.
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
		WHERE a.id = o.id AND (a.held IS NULL OR o.worst IS NULL AND a.held > 0)`
)
